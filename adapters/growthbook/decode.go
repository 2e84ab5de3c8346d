package growthbook

import (
	"bytes"
	"encoding/json"

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
	batch    adapters.Batch

	clientKey string
	sent      bool   // the ingestion API's sentAt came along
	skew      int64  // milliseconds to add to the sender's times
	agent     string // the browser's user agent, "" if no browser sends
	links     map[[2]string]struct{}
}

func (o *options) decode(s adapters.Source, e adapters.Envelope) (adapters.Batch, error) {
	if err := served(e); err != nil {
		return adapters.Batch{}, err
	}
	d := decoder{reader: reader{c: jsonscan.New(e.Body), o: o}, source: s, envelope: e, agent: browserOf(e)}
	if isSDKWebhook(e) {
		d.definitions()
		return d.batch, nil
	}
	if e.RawQuery != "" {
		d.clientKey = e.Query().Get("client_key")
	}
	return d.body()
}

// body reads a body of events, or what a webhook sends.
func (d *decoder) body() (b adapters.Batch, err error) {
	switch first := d.c.Peek(); first {
	case '[':
		err = d.array()
	case '{':
		err = d.object()
	default:
		return adapters.Batch{}, adapters.Unreadable("must be an array of events or an object, is %s", jsonscan.Name(first))
	}
	if err == nil {
		err = d.c.End()
	}
	if err != nil {
		return adapters.Batch{}, adapters.Unreadable("%v", err)
	}
	return d.batch, nil
}

// array is the tracking plugins' body, deferred tracking calls, or the arguments of one gtag call.
func (d *decoder) array() error {
	if params, ok := gtagParams(d.c); ok {
		d.w.reset()
		d.batch.Items = 1
		if err := d.gtag(params); err != nil {
			return err
		}
		d.item(0)
		return nil
	}
	return d.c.Array(d.element)
}

func (d *decoder) element(i int) error {
	d.batch.Items++
	if d.c.Peek() != '{' {
		if err := d.c.Skip(); err != nil {
			return err
		}
		d.batch.Reject(i, field.Fault("", "an event must be an object"))
		return nil
	}
	if err := d.reader.item(); err != nil {
		return err
	}
	d.item(i)
	return nil
}

// gtagParams reports whether a body is ["event", NAME, …], as gtag is called (sdk-js plugins/third-party-tracking.ts).
func gtagParams(c jsonscan.Cursor) (name string, ok bool) {
	done := bytes.ErrTooLarge // any error, to end the walk
	err := c.Array(func(i int) (err error) {
		if c.Peek() != '"' {
			return done
		}
		word, err := c.String()
		switch {
		case err != nil:
			return err
		case i == 0 && word != "event":
			return done
		case i == 1:
			name, ok = word, true
			return done
		}
		return nil
	})
	return name, ok && err != nil
}

// gtag reads the arguments of the call: its parameters are an item that does not name itself.
func (d *decoder) gtag(name string) error {
	return d.c.Array(func(i int) error {
		if i != 2 || d.c.Peek() != '{' {
			return d.c.Skip()
		}
		if err := d.reader.item(); err != nil {
			return err
		}
		d.w.name, d.w.old = scalar{s: name, given: field.Right}, false
		return nil
	})
}

// survey is what an object's members say about its form.
type survey struct {
	events              bool // {client_key, events} of the old Go plugin, {sentAt, events} of the ingestion API, Segment's batch
	event, object, data bool // an event webhook has all three
	features, encrypted bool
	changed             bool // {type: payload.changed} of an SDK webhook
	sentAt              scalar
	clientKey, kind     scalar
}

// object is a body of its own form, or a single item.
func (d *decoder) object() error {
	form, err := surveyOf(d.c)
	if err != nil {
		return err
	}
	switch {
	case form.events:
		return d.enveloped(form)
	case form.event && form.object && form.data:
		d.batch.Items = 1
		d.webhook()
	case form.changed || form.features || form.encrypted:
		d.batch.Items = 1
		d.definitions()
	default:
		return d.element(0)
	}
	return d.c.Skip()
}

func surveyOf(c jsonscan.Cursor) (survey, error) {
	var form survey
	r := reader{c: c}
	err := r.c.Object(func(name []byte) error {
		first := r.c.Peek()
		switch string(name) {
		case "events", "batch":
			form.events = form.events || first == '['
		case "event":
			form.event = first == '"'
		case "object":
			form.object = first == '"'
		case "data":
			form.data = first == '{'
		case "features":
			form.features = first == '{'
		case "encryptedFeatures":
			form.encrypted = first == '"'
		case "type":
			if err := r.text(&form.kind); err != nil {
				return err
			}
			form.changed = form.kind.s == "payload.changed"
			return nil
		case "sentAt":
			return r.scalar(&form.sentAt)
		case "client_key":
			return r.text(&form.clientKey)
		}
		return r.c.Skip()
	})
	return form, err
}

// enveloped reads the events of an object that holds them. Its items are those of all its lists.
func (d *decoder) enveloped(form survey) error {
	if form.clientKey.given == field.Right {
		d.clientKey = form.clientKey.s
	}
	if d.sent = form.sentAt.given != field.Absent; d.sent {
		if at, err := moment(form.sentAt); err == nil && at >= canonical.MinTime {
			d.skew = canonical.ClockOffset(at, d.envelope.ReceivedAt)
		}
	}
	return d.c.Object(func(name []byte) error {
		if (string(name) != "events" && string(name) != "batch") || d.c.Peek() != '[' {
			return d.c.Skip()
		}
		from := d.batch.Items
		return d.c.Array(func(i int) error { return d.element(from + i) })
	})
}

// definitions is an SDK webhook, which reports experiments and no exposures (back-end jobs/sdkWebhooks.ts).
// It brings the definitions in one of several wrappings, encrypted, or not at all.
func (d *decoder) definitions() {
	d.batch.Items = 1
	d.batch.Ignore("definitions")
	var wrapped struct {
		Features json.RawMessage `json:"features"`
		Data     struct {
			Payload string `json:"payload"` // standard
		} `json:"data"`
		Items []struct {
			Value json.RawMessage `json:"value"` // edgeConfig has the text, edgeConfigUnescaped the object
		} `json:"items"`
	}
	err := json.Unmarshal(d.envelope.Body, &wrapped)
	brought := []byte(wrapped.Data.Payload)
	switch {
	case err != nil:
	case wrapped.Features != nil:
		brought = d.envelope.Body
	case len(wrapped.Items) == 1:
		var text string
		if brought = wrapped.Items[0].Value; json.Unmarshal(brought, &text) == nil {
			brought = []byte(text)
		}
	}
	if _, err := parseCatalog(brought); err == nil {
		d.batch.Catalog = brought
		return
	}
	d.batch.CatalogChanged = true
}

// item gives one item its outcome.
func (d *decoder) item(i int) {
	w := &d.w
	switch {
	case w.result.given == field.Right && w.experimentGiven == field.Right:
		d.callback(i)
	case w.result.given == field.Right: // a feature's use says nothing that the experiment's callback does not say better
		d.quiet(i, "feature_evaluated")
	case w.name.given == field.Absent && w.featureText.given == field.Right:
		d.batch.Ignore("subscriber")
	case w.name.given == field.Absent && w.kind.given == field.Right:
		d.call(i)
	case w.name.given != field.Right || w.name.s == "":
		d.batch.Reject(i, field.Fault("event_name", "is required: a string such as Experiment Viewed"))
	case w.name.s == "Experiment Viewed" || w.name.s == "experiment_viewed":
		d.viewed(i)
	case w.name.s == "Feature Evaluated" || w.name.s == "feature_evaluated":
		d.quiet(i, "feature_evaluated")
	case w.name.s == "Page View" && !d.o.pageViews:
		d.quiet(i, "page_view")
	default:
		d.conversion(i)
	}
}

// call is one of Segment's calls that is no track call.
func (d *decoder) call(i int) {
	switch kind := d.w.kind.s; kind {
	case "identify", "page", "screen", "group", "alias":
		d.quiet(i, kind)
	default:
		d.batch.Reject(i, field.Fault("event_name", "is required: a string such as Experiment Viewed"))
	}
}

// quiet is an item that does not count itself, but may tell that two ids are one person.
func (d *decoder) quiet(i int, reason string) {
	if links := d.linked(); len(links) > 0 {
		d.accept(i, conversionNames, links...)
		return
	}
	d.batch.Ignore(reason)
}
