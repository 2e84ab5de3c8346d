package pages

import (
	"strings"
	"time"
)

// Snippet is a few lines to paste so that a tool sends here. In Code {URL} stands for the source's address and {BASE} for
// TrackLayer's.
type Snippet struct{ For, Code string }

// ownSnippets are those of our own clients; {TIME} stands for this hour.
var ownSnippets = []Snippet{
	{"Any program", `curl {BASE}/v1/events -H 'Content-Type: application/json' -d '[
  {"event_name":"experiment_exposed","experiment_id":"first_test","variant":"control","user_id":"u-1","exposed_at":"{TIME}"},
  {"event_name":"experiment_converted","conversion_event":"purchase","user_id":"u-1","value":49.90,"currency":"EUR","converted_at":"{TIME}"}
]'`},
	{"Go", "client, err := tracklayer.New(tracklayer.Options{URL: \"{BASE}\"})"},
}

// anySnippets are those of a vendor that has none.
var anySnippets = []Snippet{{"The tool's webhook", "{URL}"}}

// snippetsOf are the lines to paste of a source.
func snippetsOf(s Source) []Snippet {
	switch {
	case s.Vendor == "":
		return ownSnippets
	case len(s.Snippets) == 0:
		return anySnippets
	}
	return s.Snippets
}

// filled puts the addresses into snippets.
func filled(snippets []Snippet, base, url string, now time.Time) []Snippet {
	put := strings.NewReplacer("{URL}", url, "{BASE}", base, "{TIME}", now.UTC().Truncate(time.Hour).Format(time.RFC3339))
	all := make([]Snippet, 0, len(snippets))
	for _, s := range snippets {
		all = append(all, Snippet{s.For, put.Replace(s.Code)})
	}
	return all
}
