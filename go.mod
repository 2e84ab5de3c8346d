module github.com/tracklayer/tracklayer

go 1.26
