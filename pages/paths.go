package pages

import (
	"net/url"
	"slices"
)

// apiPath is an experiment in the API, with more of the path behind it.
func apiPath(id, more string) string { return "/v1/experiments/" + url.PathEscape(id) + more }

// words of ours in the place of an experiment's id.
var words = []string{"new", "live"}

// pathOf is the page of an experiment. An id that is a word of ours is told apart by a slash.
func pathOf(id string) string {
	path := "/experiments/" + url.PathEscape(id)
	if slices.Contains(words, id) {
		path += "/"
	}
	return path
}

// below is a page below that of an experiment.
func below(id, more string) string { return "/experiments/" + url.PathEscape(id) + "/" + more }

// unitPath is the page of a person.
func unitPath(kind, id string) string {
	return "/units/" + url.PathEscape(kind) + "/" + url.PathEscape(id)
}
