module consumer

go 1.24.0

require github.com/tracklayer/tracklayer/adapters/statsig/tap v0.0.0

require (
	github.com/google/uuid v1.3.0 // indirect
	github.com/statsig-io/go-sdk v1.35.1 // indirect
	github.com/statsig-io/ip3country-go v0.2.0 // indirect
	github.com/tracklayer/tracklayer/canonical v0.0.0 // indirect
	github.com/tracklayer/tracklayer/sdk/go v0.0.0 // indirect
	github.com/ua-parser/uap-go v0.0.0-20211112212520-00c877edfe0f // indirect
	gopkg.in/yaml.v2 v2.4.0 // indirect
)
