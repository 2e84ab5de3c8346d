module github.com/tracklayer/tracklayer/adapters/growthbook/tap

go 1.24.0

require (
	github.com/growthbook/growthbook-golang v0.5.0
	github.com/tracklayer/tracklayer/canonical v0.0.0
	github.com/tracklayer/tracklayer/sdk/go v0.0.0
)

require github.com/tmaxmax/go-sse v0.10.0 // indirect

replace (
	github.com/tracklayer/tracklayer/canonical => ../../../canonical
	github.com/tracklayer/tracklayer/sdk/go => ../../../sdk/go
)
