package growthbook

import (
	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/field"
	"github.com/tracklayer/tracklayer/canonical/jsonscan"
)

// scalar is a string or a number as text: ids are written as either.
type scalar struct {
	s      string
	given  field.Given
	number bool
}

// properties are what an event says of itself: properties_json, properties, the arguments of a tracker, or, in the old
// Go plugin's events and in a data layer, the event's own members.
type properties struct {
	experiment    scalar // experimentId: the tracking key
	variation     scalar // variationId: the variation's key; from PHP its index
	variationKey  scalar // variation_key of the old Go plugin, whose variation_id is the index
	hashAttribute scalar
	hashValue     scalar
	value         scalar
	valueRank     int // which of the value properties it is
	total         scalar
	currency      scalar
	dedup         scalar
	dedupRank     int // which of the properties of an order's id it is
}

// attributes are the user's, as far as they say who it is: context_json, from which the plugins have taken the ids, or
// all of them.
type attributes struct {
	user, device, anonymous, id scalar
	own                         scalar   // the first anonymous one by another name, such as deviceId
	declared                    []person // by the option units, and groups
	agent                       scalar
	asked, kept                 adapters.Attributes // by the option attributes, and by default
}

type person struct {
	id        string
	unit      unit
	attribute string
}

// result is an experiment's result as callbacks get it (experiment_result.go; sdk-js types/growthbook.ts Result).
type result struct {
	given                    field.Given
	inExperiment, hashUsed   field.Tri
	index, key               scalar
	hashAttribute, hashValue scalar
	passthrough              field.Tri
	feature                  scalar
}

// wire is one item in the vendor's words: the members that are read, the others were passed over.
type wire struct {
	name scalar
	rank int // which member the name was read from
	old  bool
	kind scalar // of Segment's calls: track, identify

	user, device, anonymous scalar
	message                 scalar // Segment's messageId
	language                scalar // sdk_language
	time                    scalar

	props                   properties
	attrs                   attributes
	propsGiven, attrsGiven  field.Given
	hashUsed, inExperiment  field.Tri
	experiment, featureText scalar // experiment.key of a callback, or experiment as text
	experimentGiven         field.Given
	callback                bool                // attributes came in user, as callbacks have them
	passing                 bool                // a variation of the experiment passes its users on: it is a holdout
	kept                    adapters.Attributes // utm_source and the like beside the attributes
	result                  result
}

func (w *wire) reset() {
	declared := w.attrs.declared[:0]
	asked, attributes, kept := w.attrs.asked, w.attrs.kept, w.kept
	asked.Reset()
	attributes.Reset()
	kept.Reset()
	*w = wire{kept: kept}
	w.attrs.declared, w.attrs.asked, w.attrs.kept = declared, asked, attributes
}

// reader walks a body and holds one item at a time. Of members with the same name the last one wins.
type reader struct {
	c jsonscan.Cursor
	w wire
	o *options
}

// The readers of single members. Each consumes exactly one value of whatever type and fails only on a syntax error.

func (r *reader) scalar(dst *scalar) (err error) {
	*dst = scalar{}
	switch r.c.Peek() {
	case '"':
		dst.given = field.Right
		dst.s, err = r.c.String()
		return err
	case '0':
		digits, err := r.c.Number()
		if err != nil {
			return err
		}
		dst.given, dst.number = field.Right, true
		if dst.s = numberText(digits); dst.s == "" {
			dst.given = field.Wrong
		}
		return nil
	case 'n':
	default:
		dst.given = field.Wrong
	}
	return r.c.Skip()
}

// text reads a string alone.
func (r *reader) text(dst *scalar) error {
	err := r.scalar(dst)
	if dst.number {
		*dst = scalar{given: field.Wrong}
	}
	return err
}

func (r *reader) flag(dst *field.Tri) error { return field.ReadTri(&r.c, dst) }

// object reads the members of an object with fn, and passes over anything else.
func (r *reader) object(dst *field.Given, fn func([]byte) error) (err error) {
	*dst, err = field.ReadObject(&r.c, fn)
	return err
}

// item reads the object that comes next.
func (r *reader) item() error {
	r.w.reset()
	return r.c.Object(r.member)
}
