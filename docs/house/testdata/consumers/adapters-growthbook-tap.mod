module consumer

go 1.24.0

require github.com/tracklayer/tracklayer/adapters/growthbook/tap v0.0.0

require (
	github.com/growthbook/growthbook-golang v0.5.0 // indirect
	github.com/tmaxmax/go-sse v0.10.0 // indirect
	github.com/tracklayer/tracklayer/canonical v0.0.0 // indirect
	github.com/tracklayer/tracklayer/sdk/go v0.0.0 // indirect
)
