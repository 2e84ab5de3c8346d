package canonical

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// MaxID is the longest id, in bytes.
const MaxID = 200

// FieldError says which field of an event is wrong, and how to fix it.
type FieldError struct {
	Field  string // the JSON name
	Detail string // a sentence without the field's name: "must be 1 to 200 bytes, is 512"
}

// Error is "field: detail".
func (e *FieldError) Error() string { return e.Field + ": " + e.Detail }

func fault(field, format string, args ...any) error {
	return &FieldError{field, fmt.Sprintf(format, args...)}
}

// Rules are the parts of validation that a deployment may widen. The zero value has no non-ids at all; DefaultRules
// is the default.
type Rules struct {
	nonIDs map[string]struct{}
}

// wellKnownNonIDs is what programs write where they have no id. Counting one of them as a person would merge
// thousands of strangers into one. Compared without regard to case.
var wellKnownNonIDs = []string{
	"null", "nil", "none", "undefined", "nan", "n/a", "na", "(not set)", "not_set", "unknown", "[object object]",
	"anonymous", "anon", "guest", "visitor", "true", "false", "id", "user_id", "userid", "distinct_id", "distinctid",
	"anonymous_id", "anonymousid", "device_id", "deviceid", "stable_id", "stableid", "session_id", "sessionid", "visitor_id",
	"visitorid", "email", "not_authenticated", "-", "_", "?", "{}", "[]", `""`, "''",
}

// absentWords are what programs write for a value that is not there. Behind a prefix such as "device:" they are no more of
// an id than alone.
var absentWords = []string{"null", "nil", "none", "undefined", "nan", "[object object]"}

// NonIDs lists the well-known non-ids, besides which anything made of zeros and dashes alone is one.
func NonIDs() []string { return append([]string(nil), wellKnownNonIDs...) }

// DefaultRules knows the well-known non-ids and the ones given.
func DefaultRules(nonIDs ...string) Rules {
	r := Rules{nonIDs: make(map[string]struct{}, len(wellKnownNonIDs)+len(nonIDs))}
	for _, list := range [][]string{wellKnownNonIDs, nonIDs} {
		for _, id := range list {
			r.nonIDs[strings.ToLower(id)] = struct{}{}
		}
	}
	return r
}

// IsNonID reports whether id stands for no user.
func (r Rules) IsNonID(id string) bool {
	if r.nonIDs == nil {
		return false
	}
	if strings.Trim(id, "0-") == "" && strings.Contains(id, "0") {
		return true
	}
	if len(id) > 32 {
		// Long ids are the common case, and no well-known non-id is long; one that a deployment adds may be.
		if _, ok := r.nonIDs[id]; ok {
			return true
		}
	}
	plain := strings.ToLower(strings.TrimSpace(id))
	if _, ok := r.nonIDs[plain]; ok {
		return true
	}
	_, last, prefixed := cutLast(plain, ':')
	return prefixed && slices.Contains(absentWords, last)
}

func cutLast(s string, sep byte) (before, after string, found bool) {
	if i := strings.LastIndexByte(s, sep); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}

// DropPlaceholders removes ids that stand for no person from an event that has another id: the event counts for that one.
// An event whose only id is a placeholder keeps it, and Validate refuses it. A link or its withdrawal needs both ids and
// keeps them too, except that a link loses one placeholder of three.
func (e *Event) DropPlaceholders(r Rules) {
	if e.Kind == Unlinked {
		return
	}
	if e.Kind == Linked {
		switch {
		case e.AnonymousID == "" || e.PreviousUserID == "":
		case r.IsNonID(e.AnonymousID):
			e.AnonymousID = ""
		case r.IsNonID(e.PreviousUserID):
			e.PreviousUserID = ""
		}
		return
	}
	switch {
	case e.UserID == "" || e.AnonymousID == "":
	case r.IsNonID(e.AnonymousID):
		e.AnonymousID = ""
	case r.IsNonID(e.UserID):
		e.UserID = ""
	}
}

// Validate checks an event against the contract and returns nil or the first *FieldError in the order of the fields.
// It needs ReceivedAt to be set. An event without an id is valid: Complete gives it one.
func (e *Event) Validate(r Rules) error {
	if e.Kind < Exposed || e.Kind > LastKind {
		return fault("event_name", "must be one of "+kindNames)
	}
	if err := optionalID("event_id", e.ID); err != nil {
		return err
	}
	if err := e.validateRun(); err != nil {
		return err
	}
	if err := e.validatePerson(r); err != nil {
		return err
	}
	if err := e.validateDetails(); err != nil {
		return err
	}
	if err := e.validateTime(); err != nil {
		return err
	}
	if err := e.validateGroups(); err != nil {
		return err
	}
	if err := optionalID("source_experiment", e.SourceExperiment); err != nil {
		return err
	}
	return optionalID("source_variant", e.SourceVariant)
}

func (e *Event) validateRun() error {
	switch e.Kind {
	case Linked, Unlinked:
		return nil
	case Exposed:
		if e.ExperimentKind != "" && e.ExperimentKind != Holdout {
			return fault("experiment_kind", "must be holdout, or left out")
		}
		if err := optionalID("held_out_of", e.HeldOutOf); err != nil {
			return err
		}
	case Converted:
		if e.ExperimentID == "" && e.Variant == "" {
			return nil
		}
		if e.ExperimentID == "" {
			return fault("experiment_id", "is required beside variant: a conversion names both or neither")
		}
		if e.Variant == "" {
			return fault("variant", "is required beside experiment_id: a conversion names both or neither")
		}
	}
	if err := experimentID(e.ExperimentID); err != nil {
		return err
	}
	return requiredID("variant", e.Variant)
}

// experimentID checks the id of an experiment, which becomes part of an address: a browser takes "." and ".." there for
// the folder and the one above, escaped or not.
func experimentID(id string) error {
	if id == "." || id == ".." {
		return fault("experiment_id", "must not be . or .., which no address can name")
	}
	return requiredID("experiment_id", id)
}

func (e *Event) validatePerson(r Rules) error {
	if e.AmbiguousID && (e.Kind == Linked || e.Kind == Unlinked || e.UserID != "" && e.AnonymousID != "") {
		return fault("ambiguous_id", "goes with a single id: an event that names two says which is the user's")
	}
	if e.Kind == Unlinked {
		if e.UserID == "" {
			return fault("user_id", "is required")
		}
		if e.AnonymousID == "" || e.AnonymousID == e.UserID {
			return fault("anonymous_id", "is required, and must differ from user_id")
		}
	} else if e.Kind == Linked {
		if e.UserID == "" {
			return fault("user_id", "is required")
		}
		if e.AnonymousID == "" && e.PreviousUserID == "" {
			return fault("anonymous_id", "is required, or previous_user_id")
		}
		if e.PreviousUserID == e.UserID {
			return fault("previous_user_id", "must differ from user_id")
		}
	} else if e.UserID == "" && e.AnonymousID == "" {
		return fault("user_id", "is required, or anonymous_id")
	}
	for _, f := range [...]struct{ name, id string }{
		{"user_id", e.UserID}, {"anonymous_id", e.AnonymousID}, {"previous_user_id", e.PreviousUserID},
	} {
		if err := optionalID(f.name, f.id); err != nil {
			return err
		}
		if f.id != "" && r.IsNonID(f.id) {
			return fault(f.name, "%q stands for no user: it would merge strangers into one person", f.id)
		}
	}
	return nil
}

func (e *Event) validateDetails() error {
	switch e.Kind {
	case EndedEarly:
		return requiredID("ended_reason", e.EndedReason)
	case Converted:
		if err := requiredID("conversion_event", e.ConversionEvent); err != nil {
			return err
		}
		if err := optionalID("dedup_key", e.DedupKey); err != nil {
			return err
		}
		if err := e.validateAdjustment(); err != nil {
			return err
		}
		if e.Currency != "" && !IsCurrency(e.Currency) {
			return fault("currency", "must be an ISO 4217 code such as EUR")
		}
		if e.Channel != "" && e.Channel != Server && e.Channel != Client {
			return fault("channel", "must be server or client")
		}
	}
	return nil
}

func (e *Event) validateAdjustment() error {
	if e.Adjusts == "" {
		return nil
	}
	if !e.Value.Set && !e.MetricValue.Set {
		return fault("value", "is required beside adjusts: it is what is added to the conversion; a refund is negative")
	}
	return optionalID("adjusts", e.Adjusts)
}

func (e *Event) validateGroups() error {
	if len(e.Groups) > MaxGroups {
		return fault("groups", "must have at most %d members, has %d", MaxGroups, len(e.Groups))
	}
	for _, g := range e.Groups {
		if err := requiredID("groups", g.Kind); err != nil {
			return err
		}
		if err := requiredID("groups", g.ID); err != nil {
			return err
		}
	}
	return nil
}

// IsCurrency reports whether s has the form of an ISO 4217 code: three upper-case letters.
func IsCurrency(s string) bool {
	if len(s) != 3 {
		return false
	}
	for i := range 3 {
		if s[i] < 'A' || s[i] > 'Z' {
			return false
		}
	}
	return true
}

func (e *Event) validateTime() error {
	name := e.Kind.TimeField()
	switch {
	case e.At == 0:
		return fault(name, "is required")
	case e.At < MinTime:
		return fault(name, "%s is before 2000-01-01", e.At)
	case e.At > e.ReceivedAt.Add(MaxAhead):
		return fault(name, "%s is more than 24 h after its receipt at %s", e.At, e.ReceivedAt)
	}
	return nil
}

func requiredID(field, id string) error {
	if id == "" {
		return fault(field, "is required")
	}
	return optionalID(field, id)
}

func optionalID(field, id string) error {
	if len(id) > MaxID {
		return fault(field, "must be 1 to %d bytes, is %d", MaxID, len(id))
	}
	for i := 0; i < len(id); i++ {
		if c := id[i]; c < ' ' || c >= 0x7f {
			return optionalText(field, id)
		}
	}
	return nil
}

// optionalText is the slow path for ids that are not plain ASCII.
func optionalText(field, id string) error {
	if !utf8.ValidString(id) {
		return fault(field, "must be UTF-8")
	}
	for _, c := range id {
		if c < ' ' || c >= 0x7f && c <= 0x9f {
			return fault(field, "must not contain control characters, has U+%04X", c)
		}
	}
	return nil
}
