module consumer

go 1.24.0

require github.com/tracklayer/tracklayer/adapters/optimizely/tap v0.0.0

require (
	github.com/google/uuid v1.3.0 // indirect
	github.com/json-iterator/go v1.1.12 // indirect
	github.com/modern-go/concurrent v0.0.0-20180306012644-bacd9c7ef1dd // indirect
	github.com/modern-go/reflect2 v1.0.2 // indirect
	github.com/optimizely/go-sdk/v2 v2.3.1 // indirect
	github.com/pkg/errors v0.9.1 // indirect
	github.com/tracklayer/tracklayer/canonical v0.0.0 // indirect
	github.com/tracklayer/tracklayer/sdk/go v0.0.0 // indirect
	github.com/twmb/murmur3 v1.1.6 // indirect
	golang.org/x/sync v0.1.0 // indirect
)
