module github.com/tracklayer/tracklayer/adapters/vwo/tap

go 1.24.0

require (
	github.com/tracklayer/tracklayer/canonical v0.0.0
	github.com/tracklayer/tracklayer/sdk/go v0.0.0
	github.com/wingify/vwo-go-sdk v1.26.0
)

require (
	github.com/google/uuid v1.1.1 // indirect
	github.com/satori/go.uuid v1.2.0 // indirect
	github.com/spaolacci/murmur3 v1.1.0 // indirect
)

replace (
	github.com/tracklayer/tracklayer/canonical => ../../../canonical
	github.com/tracklayer/tracklayer/sdk/go => ../../../sdk/go
)
