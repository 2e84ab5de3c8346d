package canonical

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/tracklayer/tracklayer/canonical/jsonscan"
)

// Parse reads one event as a sender writes it. Fields that are the gateway's to say (source, received_at,
// schema_version, id_origin) are never taken from a sender, unknown fields are passed over, and fields of another kind of
// event are dropped. A fault is a *FieldError, or wraps jsonscan.ErrSyntax where data is not JSON at all. The event
// is not validated. Attributes alias data.
func Parse(data []byte) (Event, error) { return parse(data, false) }

// ParseWire reads what AppendJSON wrote, the gateway's fields included. It is for the log, not for senders.
func ParseWire(data []byte) (Event, error) { return parse(data, true) }

// reader is one event being read: fields arrive in any order, so what depends on the kind waits for the end.
type reader struct {
	c     jsonscan.Cursor
	e     Event
	times [LastKind + 1]Time
	name  string
	wire  bool
}

func parse(data []byte, wire bool) (Event, error) {
	r := reader{c: jsonscan.New(data), wire: wire}
	r.e.SchemaVersion = SchemaVersion
	if err := r.c.Object(r.member); err != nil {
		if errors.Is(err, jsonscan.ErrType) {
			return Event{}, fault("", "an event must be an object")
		}
		return Event{}, err
	}
	if err := r.c.End(); err != nil {
		return Event{}, err
	}
	r.e.Kind = ParseKind(r.name)
	if r.e.Kind == 0 {
		if r.name == "" {
			return Event{}, fault("event_name", "is required")
		}
		return Event{}, fault("event_name", "%.40q is none of "+kindNames, r.name)
	}
	r.e.At = r.times[r.e.Kind]
	r.e.dropForeign()
	return r.e, nil
}

// member reads one field and names it in any fault.
func (r *reader) member(key []byte) error {
	err := r.field(string(key))
	if err == nil || errors.Is(err, jsonscan.ErrSyntax) {
		return err
	}
	if fe := (*FieldError)(nil); errors.As(err, &fe) {
		return err
	}
	return fault(string(key), "%s", strings.TrimPrefix(err.Error(), jsonscan.ErrType.Error()+": "))
}

func (r *reader) field(key string) (err error) {
	c, e := &r.c, &r.e
	if dst := r.text(key); dst != nil {
		return r.string(dst)
	}
	for kind := Exposed; kind <= LastKind; kind++ {
		if key == kinds[kind].time {
			return r.time(&r.times[kind])
		}
	}
	switch key {
	case "ambiguous_id":
		e.AmbiguousID, err = r.flag()
		return err
	case "groups":
		return r.groups()
	case "value":
		return r.number(&e.Value)
	case "metric_value":
		return r.number(&e.MetricValue)
	case "channel":
		var s string
		err = r.string(&s)
		e.Channel = Channel(s)
		return err
	case "attributes":
		return r.attributes()
	}
	if !r.wire {
		return c.Skip()
	}
	switch key {
	case "id_origin":
		var s string
		err = r.string(&s)
		e.IDOrigin = IDOrigin(s)
		return err
	case "received_at":
		return r.time(&e.ReceivedAt)
	case "schema_version":
		n, err := r.integer()
		e.SchemaVersion = int(n)
		return err
	case "batch":
		n, err := r.integer()
		e.Batch = uint16(n)
		return err
	case "batch_index":
		n, err := r.integer()
		e.BatchIndex = int(n)
		return err
	case "clock_offset_ms":
		e.ClockOffset, err = r.integer()
		return err
	}
	return c.Skip()
}

// text is where a plain string field goes, nil for any other field.
func (r *reader) text(key string) *string {
	e := &r.e
	switch key {
	case "event_name":
		return &r.name
	case "event_id":
		return &e.ID
	case "experiment_id":
		return &e.ExperimentID
	case "variant":
		return &e.Variant
	case "user_id":
		return &e.UserID
	case "anonymous_id":
		return &e.AnonymousID
	case "previous_user_id":
		return &e.PreviousUserID
	case "ended_reason":
		return &e.EndedReason
	case "conversion_event":
		return &e.ConversionEvent
	case "currency":
		return &e.Currency
	case "dedup_key":
		return &e.DedupKey
	case "adjusts":
		return &e.Adjusts
	case "experiment_kind":
		return &e.ExperimentKind
	case "held_out_of":
		return &e.HeldOutOf
	case "source_experiment":
		return &e.SourceExperiment
	case "source_variant":
		return &e.SourceVariant
	case "source":
		if r.wire {
			return &e.Source
		}
	}
	return nil
}

func (r *reader) string(dst *string) error {
	if r.c.Null() {
		*dst = ""
		return nil
	}
	s, err := r.c.String()
	if err != nil {
		return err
	}
	if s == "" {
		return errors.New("must not be empty; leave it out where there is none")
	}
	*dst = s
	return nil
}

func (r *reader) time(dst *Time) (err error) {
	switch {
	case r.c.Null():
		*dst = 0
		return nil
	case r.c.Peek() == '"':
		var s string
		if s, err = r.c.String(); err == nil {
			*dst, err = ParseTime(s)
		}
	case r.c.Peek() == '0':
		var b []byte
		if b, err = r.c.Number(); err == nil {
			*dst, err = ParseMillis(string(b))
		}
	default:
		return errTime
	}
	if err == nil && *dst == 0 {
		*dst = 1 // 1970 itself: out of range, but given
	}
	return err
}

// number reads a JSON number, or decimal text: careful senders write money as text to keep it out of floating point.
func (r *reader) number(dst *Number) error {
	var text []byte
	var err error
	switch {
	case r.c.Null():
		*dst = Number{}
		return nil
	case r.c.Peek() == '"':
		text, err = r.c.Text()
	default:
		text, err = r.c.Number()
	}
	if err != nil {
		return err
	}
	*dst, err = ParseNumber(string(text))
	return err
}

func (r *reader) integer() (int64, error) {
	b, err := r.c.Number()
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil {
		return 0, errors.New("must be a whole number")
	}
	return n, nil
}

func (r *reader) flag() (bool, error) {
	if r.c.Null() {
		return false, nil
	}
	return r.c.Bool()
}

// groups reads {"company":"acme"}. A member that is null is left out.
func (r *reader) groups() error {
	if r.c.Null() {
		return nil
	}
	r.e.Groups = nil
	err := r.c.Object(func(key []byte) error {
		kind, id := string(key), ""
		if err := r.string(&id); err != nil || id == "" {
			return err
		}
		r.e.Groups = append(r.e.Groups, Group{kind, id})
		return nil
	})
	r.e.Groups = SortGroups(r.e.Groups)
	return err
}

func (r *reader) attributes() error {
	if r.c.Null() {
		return nil
	}
	if r.c.Peek() != '{' {
		return fmt.Errorf("must be an object, is %s", jsonscan.Name(r.c.Peek()))
	}
	raw, err := r.c.Raw()
	r.e.Attributes = raw
	return err
}

// dropForeign empties what does not belong to the event's kind, so that equal facts have equal bodies.
func (e *Event) dropForeign() {
	if e.Kind != Linked {
		e.PreviousUserID = ""
	}
	if e.Kind != EndedEarly {
		e.EndedReason = ""
	}
	if e.Kind != Converted {
		e.ConversionEvent, e.Currency, e.DedupKey, e.Channel, e.Adjusts = "", "", "", "", ""
		e.Value, e.MetricValue = Number{}, Number{}
	}
	if e.Kind != Exposed {
		e.ExperimentKind = ""
	}
	if e.ExperimentKind != Holdout {
		e.HeldOutOf = ""
	}
	if e.Kind == Linked || e.Kind == Unlinked {
		e.ExperimentID, e.Variant, e.SourceExperiment, e.SourceVariant = "", "", "", ""
	}
	e.Currency = strings.ToUpper(e.Currency)
}
