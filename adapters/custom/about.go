package custom

import "github.com/tracklayer/tracklayer/adapters"

var about = adapters.About{
	Title: "any other tool",
	Reads: "expressions in the configuration",
	Page:  "docs/vendors/custom.md",
	Routes: []adapters.Route{
		{Method: "POST", Path: "*", Takes: "whatever the options describe"},
		{Method: "GET", Path: "*", Takes: "the same, with its data in the query"},
	},
}
