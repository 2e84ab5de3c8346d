module consumer

go 1.24.0

require github.com/tracklayer/tracklayer/adapters/launchdarkly/tap v0.0.0

require (
	github.com/josharian/intern v1.0.0 // indirect
	github.com/launchdarkly/go-jsonstream/v3 v3.1.0 // indirect
	github.com/launchdarkly/go-sdk-common/v3 v3.1.0 // indirect
	github.com/launchdarkly/go-server-sdk/v7 v7.13.0 // indirect
	github.com/mailru/easyjson v0.7.7 // indirect
	github.com/tracklayer/tracklayer/canonical v0.0.0 // indirect
	github.com/tracklayer/tracklayer/sdk/go v0.0.0 // indirect
	golang.org/x/exp v0.0.0-20240808152545-0cdaa3abc0fa // indirect
)
