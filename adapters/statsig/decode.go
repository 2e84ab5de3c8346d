package statsig

import (
	"strings"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/field"
	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/canonical/jsonscan"
)

// form is what kind of request carries an item.
type form uint8

const (
	fromSDK     form = iota // {"events":[…]}: SDKs and the HTTP API
	fromWebhook             // an array, or {"data":[…]}: there experiments have a name of their own
	byHand                  // {"exposures":[…]}: /v1/log_custom_exposure
)

// decoder is one request being decoded.
type decoder struct {
	reader
	source   adapters.Source
	envelope adapters.Envelope
	options  *options
	batch    adapters.Batch

	form   form
	sent   canonical.Time // by the sender's clock, 0 where it does not say
	shared person         // the user of events without their own (DOCS http-api/httpopenapi.json)
	stable field.Scalar   // the batch's stable id: the only id of an anonymous page
	page   bool           // a client SDK sent the request: its values were decided elsewhere
	agent  string         // of the browser that sent the request, "" for servers
	equal  map[string]int // how often a conversion's id came up in this request
	device person         // what the batch says of the device, for its attributes alone

	heldOut []canonical.Event // exposures to holdouts that the item tells of besides
	kept    adapters.Attributes
}

// request is a body's outermost members, as they lie in it.
type request struct {
	events, exposures, data, user, meta []byte
	single                              bool // it is itself an event
	review                              bool // a pre-commit webhook
}

func (o *options) decode(s adapters.Source, e adapters.Envelope) (adapters.Batch, error) {
	body, err := bodyOf(s, e)
	if err != nil {
		return adapters.Batch{}, err
	}
	d := decoder{source: s, envelope: e, options: o, sent: clientTime(e), page: isPage(e)}
	d.wanted = o.attributes
	if d.page {
		d.agent = browser(e)
	}
	if strings.HasSuffix(e.Path, "/sdk_exception") { // what went wrong inside an SDK (GO error_boundary.go)
		d.batch.Items = 1
		d.batch.Ignore("sdk_exception")
		return d.batch, nil
	}
	if err := d.take(body); err != nil {
		return adapters.Batch{}, err
	}
	return d.batch, nil
}

func jsonCheck(body []byte) error {
	if err := jsonscan.Check(body); err != nil {
		return adapters.Unreadable("%v", err)
	}
	return nil
}

// take finds out what a body is and gives every item of it its outcome.
func (d *decoder) take(body []byte) error {
	c := jsonscan.New(body)
	if c.Peek() == '[' {
		if err := jsonCheck(body); err != nil {
			return err
		}
		d.form = fromWebhook
		return d.each(body, "the body")
	}
	if c.Peek() != '{' {
		return adapters.Unreadable("must be an object with events, is %s", jsonscan.Name(c.Peek()))
	}
	r, err := outermost(&c)
	if err != nil {
		return adapters.Unreadable("%v", err)
	}
	if err := d.readShared(r); err != nil {
		return err
	}
	switch {
	case r.events != nil:
		return d.each(r.events, "events")
	case r.exposures != nil:
		d.form = byHand
		return d.each(r.exposures, "exposures")
	case r.data != nil && r.data[0] == '{':
		return d.handshake(r.data)
	case r.data != nil:
		d.form = fromWebhook
		return d.each(r.data, "data")
	case r.review:
		return d.review(body)
	case r.single:
		return d.one(body)
	}
	return adapters.Unreadable("has no events, no exposures and no data")
}

func outermost(c *jsonscan.Cursor) (r request, err error) {
	err = c.Object(func(name []byte) error {
		var dst *[]byte
		switch string(name) {
		case "events":
			dst = &r.events
		case "exposures":
			dst = &r.exposures
		case "data":
			dst = &r.data
		case "user":
			dst = &r.user
		case "statsigMetadata":
			dst = &r.meta
		case "eventName", "event":
			r.single = true
		case "review_id":
			r.review = true
		}
		raw, err := c.Raw()
		if dst != nil {
			*dst = raw
		}
		return err
	})
	if err == nil {
		err = c.End()
	}
	return r, err
}

// readShared reads what a batch says once for all its events.
func (d *decoder) readShared(r request) error {
	var err error
	if r.user != nil {
		d.c = jsonscan.New(r.user)
		err = d.user(&d.shared)
	}
	if r.meta != nil && err == nil {
		err = d.readMeta(r.meta)
	}
	if err != nil { // it was read once already
		return adapters.Unreadable("%v", err)
	}
	return nil
}

// deviceMembers are the members of a client SDK's statsigMetadata that are kept as attributes.
var deviceMembers = map[string]string{
	"appVersion": "app_version", "language": "language", "locale": "language", "systemName": "os", "platform": "platform",
}

// readMeta reads the metadata of a batch. A client SDK has one user, and the batch's stable id is its browser's or device's.
// An SDK with many users puts the id of its process there, which is no user's.
func (d *decoder) readMeta(raw []byte) error {
	var sdk field.Scalar
	d.c = jsonscan.New(raw)
	wanted := d.wanted
	d.wanted = deviceMembers
	d.reader.who = &d.device
	err := d.object(func(name []byte) error {
		switch string(name) {
		case "stableID":
			return d.scalar(&d.stable)
		case "sdkType":
			return d.scalar(&sdk)
		}
		return d.reader.keep(name)
	})
	d.wanted = wanted
	if isShared(sdk.S) || isShared(d.envelope.Query().Get("st")) {
		d.stable, d.page = field.Scalar{}, false
		d.device.reset()
	}
	return err
}

// isShared reports whether an SDK by its type evaluates for many users in one process: js-on-device-eval-client, which the
// serverless client is as well, and the server SDKs.
func isShared(sdkType string) bool {
	return strings.Contains(sdkType, "on-device-eval") || strings.Contains(sdkType, "server") || sdkType == "statsig-node"
}

// each gives the items of an array their outcome.
func (d *decoder) each(list []byte, name string) error {
	d.c, d.all = jsonscan.New(list), list
	if first := d.c.Peek(); first != '[' {
		return adapters.Unreadable("%s must be an array, is %s", name, jsonscan.Name(first))
	}
	err := d.c.Array(func(i int) error {
		d.batch.Items++
		if d.c.Peek() != '{' {
			d.batch.Reject(i, field.Fault("", "an event must be an object"))
			return d.c.Skip()
		}
		if err := d.reader.item(); err != nil {
			return err
		}
		d.item(i)
		return nil
	})
	if err != nil {
		return adapters.Unreadable("%v", err)
	}
	return nil
}

// one is a body that is itself an event: what Statsig's incoming webhook takes (DOCS integrations/event_webhook.mdx).
func (d *decoder) one(body []byte) error {
	d.c, d.all = jsonscan.New(body), body
	d.batch.Items = 1
	if err := d.reader.item(); err != nil {
		return adapters.Unreadable("%v", err)
	}
	if d.w.timeUUID.S != "" {
		d.form = fromWebhook
	}
	d.item(0)
	return nil
}

func (d *decoder) handshake(data []byte) error {
	event := field.Scalar{}
	d.c = jsonscan.New(data)
	err := d.object(func(name []byte) error {
		if string(name) == "event" {
			return d.scalar(&event)
		}
		return d.c.Skip()
	})
	if err != nil || event.S != "url_verification" {
		return adapters.Unreadable("data must be an array of events")
	}
	d.batch.Items = 1
	d.batch.Ignore("url_verification")
	return nil
}

// item gives one item its outcome.
func (d *decoder) item(i int) {
	w := &d.w
	d.heldOut = nil
	if d.form == byHand {
		d.exposureByHand(i, w)
		return
	}
	switch w.kind {
	case noKind:
		d.batch.Reject(i, field.Fault("eventName", "is required: a string that is not empty"))
	case custom:
		d.conversion(i, w)
	case configExposure:
		d.heldOut = d.secondary(w)
		d.configExposure(i, w)
	case layerExposure:
		d.heldOut = d.secondary(w)
		d.layerExposure(i, w)
	case experimentExposure:
		d.heldOut = d.secondary(w)
		d.exposure(i, w, found{experiment: w.meta.config.S, rule: w.meta.ruleID.S, group: w.meta.groupName.S, field: "metadata.config"})
	case gateExposure:
		d.gate(i, w, w.meta.gate.S, w.meta.ruleID.S, w.meta.gateValue)
	case configChange:
		d.change(i, w)
	case autoCapture:
		if d.options.autoCapture {
			d.conversion(i, w)
		} else {
			d.batch.Ignore(kinds[autoCapture])
		}
	default:
		d.batch.Ignore(kinds[w.kind])
	}
}

// accept hands the events of an item to the batch. Where the contract refuses one, the field is named as the vendor
// names it.
func (d *decoder) accept(i int, experiment string, events ...canonical.Event) {
	d.batch.Accept(d.source, d.envelope, i, events...)
	path := d.batch.RejectedField(i)
	if path == nil {
		return
	}
	switch *path {
	case "experiment_id":
		*path = experiment
	case "variant", "source_variant":
		*path = "ruleID"
	case "conversion_event":
		*path = "eventName"
	case "user_id":
		*path = "user.userID"
	case "anonymous_id":
		*path = "user.customIDs.stableID"
	case "exposed_at", "converted_at":
		*path = "time"
	}
}
