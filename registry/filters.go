package registry

import (
	"encoding/json"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/tracklayer/tracklayer/canonical"
)

// Filters say which persons are no customers: bots and internal users. They are labelled and left out of a readout
// unless it asks for them; nothing of theirs is deleted. JSON names are the API's.
type Filters struct {
	Bots       *bool    `json:"bots"`        // whether the user agents of known crawlers and tools are bots; nil: true
	UserAgents []string `json:"user_agents"` // further bots: users with one of these in the user agent, letter case aside
	Internal   []Rule   `json:"internal"`    // internal users: those of whom any of the rules holds
}

// Rule holds of an event whose attribute or id is, starts with or ends with a text. Letter case does not matter in
// ASCII.
type Rule struct {
	Attribute  string `json:"attribute,omitempty"` // at the top of an event's attributes
	Field      string `json:"field,omitempty"`     // user_id or anonymous_id
	Equals     string `json:"equals,omitempty"`
	StartsWith string `json:"starts_with,omitempty"`
	EndsWith   string `json:"ends_with,omitempty"`
}

// FilterChange is what the log keeps of one edit of the filters: all of them as they are from then on.
type FilterChange struct {
	Filters  Filters        `json:"filters"`
	Revision int            `json:"revision"` // from 1; 0: none were set
	At       canonical.Time `json:"changed_at"`
	By       string         `json:"changed_by,omitempty"`
	Key      string         `json:"key,omitempty"` // fingerprint of the key that it was made with
}

// FilterRevision is the filters as of one change. It never changes; a change makes a new one.
type FilterRevision struct {
	FilterChange
	Seq uint64 `json:"-"` // of the change on the log, 0: none were set
	*labeller
}

const (
	maxFilters = 200 // of user agents, and of rules
	maxPattern = 200 // bytes
)

// Normalize fills in the defaults and returns all Faults, or nil.
func (f *Filters) Normalize() error {
	c := &checker{}
	f.check(c)
	return c.done()
}

func (f *Filters) check(c *checker) {
	setDefault(&f.Bots, true)
	c.that(len(f.UserAgents) <= maxFilters, "/user_agents", "must be at most %d", maxFilters)
	for i, part := range f.UserAgents {
		at := fmt.Sprintf("/user_agents/%d", i)
		c.pattern(at, part)
		c.that(len(part) >= 3, at, "must be at least 3 bytes: shorter parts are in nearly every user agent")
		c.that(slices.Index(f.UserAgents, part) == i, at, "%q is listed twice", part)
	}
	c.that(len(f.Internal) <= maxFilters, "/internal", "must be at most %d", maxFilters)
	for i := range f.Internal {
		f.Internal[i].check(c, fmt.Sprintf("/internal/%d", i))
	}
	if f.UserAgents == nil {
		f.UserAgents = []string{}
	}
	if f.Internal == nil {
		f.Internal = []Rule{}
	}
}

func (c *checker) pattern(pointer, text string) {
	c.that(text != "" && len(text) <= maxPattern && utf8.ValidString(text) && !hasControl(text), pointer, "must be 1 to %d bytes of UTF-8 without control characters", maxPattern)
}

func (r *Rule) check(c *checker, at string) {
	switch {
	case r.Attribute != "" && r.Field != "":
		c.that(false, at, "names both an attribute and a field; make two rules of it")
	case r.Attribute != "":
		c.pattern(at+"/attribute", r.Attribute)
	default:
		c.that(r.Field == "user_id" || r.Field == "anonymous_id", at+"/field", "must be user_id or anonymous_id; or name an attribute")
	}
	given := 0
	for _, t := range [...]struct{ name, text string }{{"equals", r.Equals}, {"starts_with", r.StartsWith}, {"ends_with", r.EndsWith}} {
		if t.text != "" {
			given++
			c.pattern(at+"/"+t.name, t.text)
		}
	}
	c.that(given == 1, at, "must have exactly one of equals, starts_with and ends_with, and it must not be empty")
}

// unset are the filters until they are set.
var unset = func() *FilterRevision {
	r := &FilterRevision{}
	_ = r.Filters.Normalize() // nothing is wrong with nothing
	r.labeller = newLabeller(&r.Filters)
	return r
}()

// Filters are the newest filters.
func (r Registry) Filters() *FilterRevision {
	if len(r.filters) == 0 {
		return unset
	}
	return r.filters[len(r.filters)-1]
}

// FilterHistory is every change of the filters that was ever applied, the oldest first. It is not to be written to.
func (r Registry) FilterHistory() []*FilterRevision { return r.filters }

// Edit is the change of the filters that comes after this one, their defaults written out.
func (f *FilterRevision) Edit(to Filters, now canonical.Time, by string) (*FilterChange, error) {
	c := &checker{}
	c.by(by)
	to.check(c)
	return &FilterChange{Filters: to, Revision: f.Revision + 1, At: now, By: by}, c.done()
}

// filterBy is the registry after a change of the filters.
func (r Registry) filterBy(f *FilterChange, seq uint64) Registry {
	one := &FilterRevision{FilterChange: *f, Seq: seq}
	one.labeller = newLabeller(&one.Filters)
	r.Revision++
	r.filters = append(slices.Clip(r.filters), one)
	return r
}

// filtersOf reads a change of the filters; false: the change is about something else.
func filtersOf(data []byte) (change *FilterChange, mine bool, err error) {
	var either struct {
		Filters json.RawMessage `json:"filters"`
		ID      json.RawMessage `json:"id"`
	}
	if err := json.Unmarshal(data, &either); err != nil || either.Filters == nil || either.ID != nil {
		return nil, false, nil //nolint:nilerr // reading it as a definition finds the same fault
	}
	change = &FilterChange{}
	if err := json.Unmarshal(data, change); err != nil {
		return nil, true, err
	}
	return change, true, change.Filters.Normalize()
}
