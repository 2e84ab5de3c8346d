package optimizely

import (
	"github.com/tracklayer/tracklayer/adapters/field"
)

// none reports whether there is no id. SDKs write null, "" and nothing at all for "no id" (javascript-sdk 6 writes a null
// variation_id, 4 and 5 an empty one, and so does go-sdk), so an empty text is none.
func none(t field.Text) bool { return t.Given == field.Absent || t.Given == field.Right && t.S == "" }

// required is a text that must be there and not empty.
func required(t field.Text, path string) (string, error) {
	switch {
	case t.Given == field.Wrong:
		return "", field.Fault(path, "must be a string")
	case t.S == "":
		return "", field.Fault(path, "is required")
	}
	return t.S, nil
}

// number is a number, or the text that stands in its place.
type number struct {
	field.Number
	text string
}

// decision is one of snapshots[].decisions[] (javascript-sdk 6 event_builder log_event.ts; go-sdk pkg/event/events.go).
type decision struct {
	given                                    field.Given
	experiment, variation                    field.Text
	campaign                                 field.Text
	flag, rule, ruleType, variationKey, cmab field.Text // of metadata, which SDKs before 3 do not write
	holdback                                 bool       // Optimizely Web: decided, but not shown
}

// event is one of snapshots[].events[].
type event struct {
	given                     field.Given
	key, kind, entity, uuid   field.Text
	timestamp, revenue, value number
	dedup                     field.Text // the tag that the source's options name
	currency                  field.Text // the tag currency
}

// snapshot is one of visitors[].snapshots[]: what happened at one time. The SDKs write one event into each; clients of
// the Event API may write several.
type snapshot struct {
	given     field.Given
	decisions []decision
	events    []event
	happened  field.Given // whether there is an array of events
}

// attribute is a visitor's attribute that is kept, its value as it was written.
type attribute struct {
	name string
	raw  []byte
}

// visitor is one of visitors[]: the SDKs write one for every event, so the same visitor repeats.
type visitor struct {
	id        field.Text
	agent     []byte     // the attribute $opt_user_agent, as it was written
	user      field.Text // the attribute that the source's options name
	kept      []attribute
	snapshots []snapshot
	given     field.Given // whether there is an array of snapshots
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
