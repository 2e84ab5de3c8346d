package adapters

import "strings"

// About is what documents a vendor. The list of vendors in README.md, tables on the vendor's page and the lines to paste on the
// pages are made from it, so that nothing outside the vendor's folder has to name the vendor.
type About struct {
	Title string // how people call it: "PostHog"
	Reads string // what of it is read, in a few words: "SDKs, webhook destinations, exports"
	Page  string // its documentation, as a path in the repository

	Routes   []Route
	Snippets []Snippet
}

// Route is a request that a vendor's SDK or webhook sends.
type Route struct {
	Method string
	Path   string // below the source's address; {name} stands for one segment or a part of it, * for any path
	Takes  string // what arrives there, in Markdown on one line
}

// Matches reports whether a request came by the route.
func (r Route) Matches(method, path string) bool {
	if method != r.Method {
		return false
	}
	if r.Path == "*" {
		return true
	}
	if path == "" {
		path = "/"
	}
	want, got := strings.Split(r.Path, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return false
	}
	for i, segment := range want {
		before, rest, open := strings.Cut(segment, "{")
		_, after, closed := strings.Cut(rest, "}")
		switch {
		case open && closed:
			if len(got[i]) <= len(before)+len(after) || !strings.HasPrefix(got[i], before) || !strings.HasSuffix(got[i], after) {
				return false
			}
		case segment != got[i]:
			return false
		}
	}
	return true
}

// Snippet is a few lines to paste so that a tool sends here. In Code {URL} stands for the source's address and {BASE} for
// TrackLayer's.
type Snippet struct {
	For  string // which program they are for: "Go server"
	Code string
}
