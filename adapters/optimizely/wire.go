package optimizely

import "github.com/tracklayer/tracklayer/canonical"

// given is what became of a member that was looked for.
type given uint8

const (
	absent given = iota // or null
	right
	wrong // of another type than the vendor writes
)

func fault(field, detail string) error { return &canonical.FieldError{Field: field, Detail: detail} }

// text is a string, or an id that was written as a whole number. SDKs write null, "" and nothing at all for "no id"
// (javascript-sdk 6 writes a null variation_id, 4 and 5 an empty one, and so does go-sdk), so an empty text is none.
type text struct {
	s     string
	given given
}

// none reports whether there is no id.
func (t text) none() bool { return t.given == absent || t.given == right && t.s == "" }

// required is a text that must be there and not empty.
func (t text) required(field string) (string, error) {
	switch {
	case t.given == wrong:
		return "", fault(field, "must be a string")
	case t.s == "":
		return "", fault(field, "is required")
	}
	return t.s, nil
}

// number is a JSON number as written; it aliases the body.
type number struct {
	digits []byte
	given  given
	text   string // as which it was written
}

// decision is one of snapshots[].decisions[] (javascript-sdk 6 event_builder log_event.ts; go-sdk pkg/event/events.go).
type decision struct {
	given                                    given
	experiment, variation                    text
	campaign                                 text
	flag, rule, ruleType, variationKey, cmab text // of metadata, which SDKs before 3 do not write
	holdback                                 bool // Optimizely Web: decided, but not shown
}

// event is one of snapshots[].events[].
type event struct {
	given                     given
	key, kind, entity, uuid   text
	timestamp, revenue, value number
	dedup                     text // the tag that the source's options name
	currency                  text // the tag currency
}

// snapshot is one of visitors[].snapshots[]: what happened at one time. The SDKs write one event into each; clients of
// the Event API may write several.
type snapshot struct {
	given     given
	decisions []decision
	events    []event
	happened  given // whether there is an array of events
}

// attribute is a visitor's attribute that is kept, its value as it was written.
type attribute struct {
	name string
	raw  []byte
}

// visitor is one of visitors[]: the SDKs write one for every event, so the same visitor repeats.
type visitor struct {
	id        text
	agent     []byte // the attribute $opt_user_agent, as it was written
	user      text   // the attribute that the source's options name
	kept      []attribute
	snapshots []snapshot
	given     given // whether there is an array of snapshots
}

func (v *visitor) reset() {
	*v = visitor{kept: v.kept[:0], snapshots: v.snapshots[:0]}
}

// add begins a snapshot, with the memory of one of an earlier visitor.
func (v *visitor) add() *snapshot {
	n := len(v.snapshots)
	if n < cap(v.snapshots) {
		v.snapshots = v.snapshots[:n+1]
	} else {
		v.snapshots = append(v.snapshots, snapshot{})
	}
	s := &v.snapshots[n]
	*s = snapshot{decisions: s.decisions[:0], events: s.events[:0]}
	return s
}
