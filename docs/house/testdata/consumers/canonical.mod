module consumer

go 1.24.0

require github.com/tracklayer/tracklayer/canonical v0.0.0
