module github.com/tracklayer/tracklayer/adapters/optimizely/tap

go 1.24.0

require (
	github.com/optimizely/go-sdk/v2 v2.3.1
	github.com/tracklayer/tracklayer/canonical v0.0.0
	github.com/tracklayer/tracklayer/sdk/go v0.0.0
)

require (
	github.com/go-logr/logr v1.3.0 // indirect
	github.com/go-logr/stdr v1.2.2 // indirect
	github.com/google/uuid v1.3.0 // indirect
	github.com/hashicorp/errwrap v1.1.0 // indirect
	github.com/hashicorp/go-multierror v1.1.1 // indirect
	github.com/json-iterator/go v1.1.12 // indirect
	github.com/modern-go/concurrent v0.0.0-20180306012644-bacd9c7ef1dd // indirect
	github.com/modern-go/reflect2 v1.0.2 // indirect
	github.com/pkg/errors v0.9.1 // indirect
	github.com/twmb/murmur3 v1.1.6 // indirect
	go.opentelemetry.io/otel v1.21.0 // indirect
	go.opentelemetry.io/otel/metric v1.21.0 // indirect
	go.opentelemetry.io/otel/trace v1.21.0 // indirect
	golang.org/x/sync v0.1.0 // indirect
)

replace (
	github.com/tracklayer/tracklayer/canonical => ../../../canonical
	github.com/tracklayer/tracklayer/sdk/go => ../../../sdk/go
)
