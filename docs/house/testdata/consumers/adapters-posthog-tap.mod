module consumer

go 1.24.0

require github.com/tracklayer/tracklayer/adapters/posthog/tap v0.0.0

require (
	github.com/andybalholm/brotli v1.1.1 // indirect
	github.com/goccy/go-json v0.10.5 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/hashicorp/golang-lru/v2 v2.0.7 // indirect
	github.com/klauspost/compress v1.17.11 // indirect
	github.com/posthog/posthog-go v1.19.0 // indirect
	github.com/tracklayer/tracklayer/canonical v0.0.0 // indirect
	github.com/tracklayer/tracklayer/sdk/go v0.0.0 // indirect
	golang.org/x/sys v0.21.0 // indirect
)
