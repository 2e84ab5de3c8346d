module github.com/tracklayer/tracklayer/sdk/go

go 1.24.0

require github.com/tracklayer/tracklayer/canonical v0.0.0

replace github.com/tracklayer/tracklayer/canonical => ../../canonical
