package launchdarkly

import (
	"encoding/json"
	"strconv"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/field"
	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/canonical/jsonscan"
)

// decoder is one request being decoded.
type decoder struct {
	reader
	source   adapters.Source
	envelope adapters.Envelope
	options  *options
	batch    adapters.Batch

	body       []byte
	payload    string              // the payload's id, "" where the sender has none that is usable
	diagnostic bool                // the route is one for the SDK's own diagnostics
	anonymous  map[string]struct{} // see stated
	agent      string              // the browser's user agent, "" where no browser sends
	browser    json.RawMessage     // the attributes of an event that has nothing else to tell
	buf        []byte
	kept       adapters.Attributes
}

func (o *options) decode(s adapters.Source, e adapters.Envelope) (adapters.Batch, error) {
	body, err := bodyOf(e)
	if err != nil {
		return adapters.Batch{}, err
	}
	d := decoder{
		reader: reader{c: jsonscan.New(body), wanted: o.attributes}, source: s, envelope: e, options: o, body: body,
		payload: usableID(e.Header.Get(payloadHeader)), diagnostic: isDiagnostic(e.Path),
	}
	if d.agent = browserOf(e.Header.Get(userAgentHeader)); d.agent != "" {
		if d.browser, err = json.Marshal(map[string]string{"user_agent": d.agent}); err != nil {
			return adapters.Batch{}, adapters.Unreadable("the user agent: %v", err)
		}
	}
	if err := d.each(d.item); err != nil {
		return adapters.Batch{}, err
	}
	return d.batch, nil
}

// usableID is a delivery id as it can stand in front of an index, "" where it cannot: then the event is as good as one
// without an id, and better than none.
func usableID(id string) string {
	if len(id) > canonical.MaxID-20 || !field.IsLabel(id) {
		return ""
	}
	return id
}

// item gives one item its outcome.
func (d *decoder) item(i int, w *wire) {
	d.batch.Items++
	if d.diagnostic {
		d.batch.Ignore(kinds[diagnostic])
		return
	}
	if w == nil {
		d.batch.Reject(i, field.Fault("", "an event must be an object"))
		return
	}
	switch w.kind {
	case noKind:
		d.nameless(i, w)
	case feature:
		d.feature(i, w)
	case custom:
		d.conversion(i, w)
	case click, pageview, clickPageview:
		if d.options.goalEvents {
			d.conversion(i, w)
		} else {
			d.batch.Ignore(kinds[w.kind])
		}
	case index, identify:
		d.introduction(i, w)
	case alias:
		d.alias(i, w)
	case unknown:
		if w.audit {
			d.audit(i, d.body[d.from:d.to])
		} else {
			d.batch.Ignore(kinds[unknown])
		}
	default:
		d.batch.Ignore(kinds[w.kind])
	}
}

func (d *decoder) nameless(i int, w *wire) {
	switch {
	case w.audit:
		d.audit(i, d.body[d.from:d.to])
	case w.wrapped == field.Wrong:
		d.batch.Reject(i, field.Fault("event", "must be an object"))
	default:
		d.batch.Reject(i, field.Fault("kind", "is required: a string such as feature or custom"))
	}
}

// feature is a flag's evaluation. It is an exposure where the evaluator says that it was part of an experiment; not
// where the flag is merely tracked, or the context individually targeted, or lacking the experiment's unit.
func (d *decoder) feature(i int, w *wire) {
	if !w.inExperiment && (w.variation.Given == field.Absent || w.key.Given != field.Right || !d.options.experimentFlags[w.key.S]) {
		d.batch.Ignore(kinds[feature])
		return
	}
	e, who, err := d.exposure(w)
	if err != nil {
		d.batch.Reject(i, err)
		return
	}
	e.ID = d.id(w, i)
	d.accept(i, names{experiment: "key", person: who}, e)
}

func (d *decoder) exposure(w *wire) (e canonical.Event, who string, err error) {
	e.Kind = canonical.Exposed
	if e.ExperimentID, err = w.required("key", w.key); err != nil {
		return e, "", err
	}
	e.SourceExperiment = e.ExperimentID
	if err := w.variation.Given.Must("variation", "a number"); err != nil {
		return e, "", err
	}
	variation, ok := whole(w.variation.Digits)
	if !ok {
		return e, "", field.Fault("variation", "must be the index of a variation")
	}
	e.SourceVariant = strconv.Itoa(variation)
	e.Variant = w.value.label(variation)
	if who, err = d.person(w, d.options.unitKinds[e.ExperimentID], &e); err != nil {
		return e, "", err
	}
	if e.At, err = w.time(); err != nil {
		return e, "", err
	}
	e.Attributes = d.attributes(w)
	return e, who, nil
}

// conversion is something that a metric counts. It names no experiment: the vendor joins it with exposures by context
// key, and so do we.
func (d *decoder) conversion(i int, w *wire) {
	e := canonical.Event{Kind: canonical.Converted}
	var who string
	var err error
	if e.ConversionEvent, err = w.required("key", w.key); err == nil {
		if who, err = d.person(w, "", &e); err == nil {
			if e.At, err = w.time(); err == nil {
				e.MetricValue, err = w.metric()
			}
		}
	}
	if err != nil {
		d.batch.Reject(i, err)
		return
	}
	e.ID, e.Attributes = d.id(w, i), d.browser
	d.accept(i, names{experiment: "key", person: who}, e)
}

// maxLinks bounds what one item can become. Contexts have a handful of kinds.
const maxLinks = 32

// introduction is an index or identify event: a context in full, sent when a server SDK first meets it and when a
// client logs in. It links a user with the anonymous device or session it comes with, because a mobile app goes on
// evaluating under the device alone.
func (d *decoder) introduction(i int, w *wire) {
	var links []*person
	who := w.context.of(user)
	if w.context.kind.S == multi && who != nil && w.context.usable(who) && who.anonymous != field.Yes {
		links = w.context.anonymousOnes()
	}
	if len(links) == 0 {
		d.batch.Ignore(kinds[w.kind])
		return
	}
	at, err := w.time()
	if err == nil && len(links) > maxLinks {
		err = field.Fault("context", "must not have more than "+strconv.Itoa(maxLinks)+" anonymous kinds")
	}
	if err != nil {
		d.batch.Reject(i, err)
		return
	}
	events := make([]canonical.Event, len(links))
	id := d.id(w, i)
	for n, one := range links {
		events[n] = canonical.Event{
			Kind: canonical.Linked, ID: id, At: at, UserID: who.key.S,
			AnonymousID: qualified(string(w.context.kindOf(one)), one.key.S),
		}
		if n > 0 && id != "" {
			events[n].ID = id + "." + strconv.Itoa(n)
		}
	}
	d.accept(i, names{person: "context"}, events...)
}

// alias is schema 3's word for a link (go-sdk-events v1 NewAliasEventData): from an anonymous key to a user's, or
// from one user's key to another's.
func (d *decoder) alias(i int, w *wire) {
	known := w.previousContextKind.S == anonymousUser || w.previousContextKind.S == user
	if w.contextKind.S != user || !known || w.key == w.previousKey && w.previousContextKind.S == user {
		d.batch.Ignore(kinds[alias])
		return
	}
	e := canonical.Event{Kind: canonical.Linked, ID: d.id(w, i)}
	dst := &e.PreviousUserID
	if w.previousContextKind.S == anonymousUser {
		dst = &e.AnonymousID
	}
	var err error
	if e.UserID, err = w.required("key", w.key); err == nil {
		if *dst, err = w.required("previousKey", w.previousKey); err == nil {
			e.At, err = w.time()
		}
	}
	if err != nil {
		d.batch.Reject(i, err)
		return
	}
	d.accept(i, names{person: "key", previous: "previousKey"}, e)
}

// id is the event's own id where it has one (Data Export), else its place in the payload. Without either package webhooks
// makes one.
func (d *decoder) id(w *wire, i int) string {
	if w.id.Given == field.Right {
		if id := usableID(w.id.S); id != "" {
			return id
		}
	}
	if d.payload == "" {
		return ""
	}
	d.buf = append(append(d.buf[:0], d.payload...), ':')
	d.buf = strconv.AppendInt(d.buf, int64(i), 10)
	return string(d.buf)
}

// names says which of the vendor's members a canonical field came from.
type names struct{ experiment, person, previous string }

// accept hands the events of an item to the batch. Where the contract refuses one, the field is named as the vendor
// names it.
func (d *decoder) accept(i int, n names, events ...canonical.Event) {
	d.batch.Accept(d.source, d.envelope, i, events...)
	path := d.batch.RejectedField(i)
	if path == nil {
		return
	}
	switch *path {
	case "experiment_id", "conversion_event":
		*path = n.experiment
	case "user_id":
		*path = n.person
	case "anonymous_id", "previous_user_id":
		*path = n.person
		if n.previous != "" {
			*path = n.previous
		}
	case "exposed_at", "converted_at", "linked_at":
		*path = "creationDate"
	}
}
