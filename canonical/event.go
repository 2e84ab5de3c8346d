package canonical

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
)

// SchemaVersion is the version of the wire form that this code writes.
const SchemaVersion = 1

// Kind is what an event says happened.
type Kind uint8

// The kinds of event. The zero Kind is none of them.
const (
	Exposed    Kind = iota + 1 // a unit met a variant
	Converted                  // a unit did something that a metric counts
	EndedEarly                 // a unit's participation in an experiment was broken off
	Linked                     // two ids are one person
	Unlinked                   // earlier links of a user id and an anonymous id no longer hold
)

// LastKind is the one with the largest number.
const LastKind = Unlinked

// kindNames lists the kinds for error messages.
const kindNames = "experiment_exposed, experiment_converted, experiment_ended_early, identity_linked, identity_unlinked"

var kinds = [...]struct{ name, token, time string }{
	Exposed:    {"experiment_exposed", "exposed", "exposed_at"},
	Converted:  {"experiment_converted", "converted", "converted_at"},
	EndedEarly: {"experiment_ended_early", "ended_early", "ended_at"},
	Linked:     {"identity_linked", "linked", "linked_at"},
	Unlinked:   {"identity_unlinked", "unlinked", "unlinked_at"},
}

// String is the event_name of the kind, "" for none.
func (k Kind) String() string {
	if int(k) < len(kinds) {
		return kinds[k].name
	}
	return ""
}

// Token is the kind's part of a subject.
func (k Kind) Token() string {
	if int(k) < len(kinds) {
		return kinds[k].token
	}
	return ""
}

// TimeField is the name of the field that holds the event's own time.
func (k Kind) TimeField() string {
	if int(k) < len(kinds) {
		return kinds[k].time
	}
	return ""
}

// ParseKind finds the kind of an event_name, or 0.
func ParseKind(name string) Kind {
	for k := Exposed; k <= LastKind; k++ {
		if kinds[k].name == name {
			return k
		}
	}
	return 0
}

// IDOrigin says who made an event's id, and so how far it can be trusted to be the same on a retry.
type IDOrigin string

// Origins of an event id.
const (
	FromSender  IDOrigin = ""        // the sender's own, or its delivery id and the index in the batch
	FromContent IDOrigin = "derived" // a hash of the fields that make the event: the same fields, the same id
	FromServer  IDOrigin = "server"  // made at the ingest endpoint: a retry gets another one
)

// Channel is where a conversion was seen. The backend's word is preferred where the same conversion came twice.
type Channel string

// Channels of a conversion; the empty one is unstated.
const (
	Server Channel = "server"
	Client Channel = "client"
)

// Rank orders channels: the smaller one's record is kept among duplicates.
func (c Channel) Rank() int {
	switch c {
	case Server:
		return 0
	case Client:
		return 2
	}
	return 1
}

// Event is one fact in the contract's words. Which fields a kind requires and allows is what Validate says; a field
// that does not belong to the kind is empty.
type Event struct {
	Kind          Kind
	ID            string   // unique within its source, 1 to 200 bytes
	IDOrigin      IDOrigin // who made ID
	Source        string   // the configured connection it came through
	ReceivedAt    Time     // by the gateway's clock
	ClockOffset   int64    // milliseconds already added to At because the sender's clock was off; 0 nearly always
	SchemaVersion int

	ExperimentID string
	Variant      string
	// ExperimentKind is Holdout if the exposure reports that the unit is held out of experiments, else empty.
	ExperimentKind string
	HeldOutOf      string // of a Holdout: the experiment that the unit is held out of, as the source calls it
	UserID         string
	AnonymousID    string
	// AmbiguousID says that the sender does not tell whether its only id is a user's or a visitor's: the event names one
	// unit that both user_id and anonymous_id name. It is never set on an event with two ids.
	AmbiguousID bool

	// At is exposed_at, converted_at, ended_at, linked_at or unlinked_at.
	At Time
	// BatchIndex is the position of the item in its request, from 0. It orders events of one request that have the same
	// time.
	BatchIndex int
	// Batch tells the requests of a source that were received at the same time apart; 0 if the request had one event.
	Batch uint16

	PreviousUserID  string // Linked: an older user id of the same person
	EndedReason     string // EndedEarly
	ConversionEvent string // Converted: what was done
	Value           Number // Converted: money
	Currency        string // Converted: ISO 4217, goes with Value
	MetricValue     Number // Converted: any other number
	DedupKey        string // Converted: an order id or the like, equal wherever the same conversion is reported
	Adjusts         string // Converted: the dedup_key of the conversion that Value and MetricValue are added to
	Channel         Channel

	SourceExperiment string  // the vendor's own id, untouched
	SourceVariant    string  // the vendor's own id, untouched
	Groups           []Group // what the unit belongs to: companies, teams; sorted by kind, one a kind
	Attributes       json.RawMessage
}

// Holdout is the ExperimentKind of an experiment that measures the units held out of other experiments.
const Holdout = "holdout"

// Group is something that a unit belongs to, such as {company acme}.
type Group struct{ Kind, ID string }

// MaxGroups is how many groups an event may name.
const MaxGroups = 10

// SortGroups sorts groups by kind and keeps one group a kind, the one with the smaller id, so that equal facts have equal
// bodies. It changes the slice in place.
func SortGroups(groups []Group) []Group {
	slices.SortFunc(groups, func(a, b Group) int { return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(a.ID, b.ID)) })
	return slices.CompactFunc(groups, func(a, b Group) bool { return a.Kind == b.Kind })
}

// Unit is who an event is about: the user if it names one for certain, else the anonymous visitor. An ambiguous id is a
// visitor's until the core knows better, under whichever name it came.
func (e *Event) Unit() Unit {
	if e.AmbiguousID {
		return Unit{Anonymous, e.UserID + e.AnonymousID}
	}
	if e.UserID != "" {
		return Unit{User, e.UserID}
	}
	return Unit{Anonymous, e.AnonymousID}
}

// Links reports whether the event says that an anonymous id belongs to a user: identity_linked says so, and so does
// every event that carries both ids.
func (e *Event) Links() bool { return e.UserID != "" && e.AnonymousID != "" && e.Kind != Unlinked }

// UnitKind tells the two spaces of ids apart. They never mix.
type UnitKind uint8

// The kinds of unit.
const (
	User UnitKind = iota + 1
	Anonymous
)

// String is the kind's word in routes and rows.
func (k UnitKind) String() string {
	switch k {
	case User:
		return "user"
	case Anonymous:
		return "anonymous"
	}
	return ""
}

// Unit is what is randomised: one id in one of the two spaces.
type Unit struct {
	Kind UnitKind
	ID   string
}

// Bucket is a stable hash of the unit in 0 to 255 (FNV-1a, folded), so that a consumer can take a range of units.
func (u Unit) Bucket() byte {
	h := uint64(14695981039346656037)
	h = (h ^ uint64(u.Kind)) * 1099511628211
	for i := range len(u.ID) {
		h = (h ^ uint64(u.ID[i])) * 1099511628211
	}
	h ^= h >> 32
	h ^= h >> 16
	return byte(h ^ h>>8)
}
