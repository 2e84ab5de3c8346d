package optimizely

import (
	"fmt"
	"net/http"
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
	batch    adapters.Batch

	account, project, client string // of the whole body
	visitors                 jsonscan.Cursor
	found                    byte // what visitors is, 0 where there are none
	hook                     hook

	channel canonical.Channel
	agent   []byte            // the browser's user agent as JSON, nil where the request does not come from a browser
	events  []canonical.Event // memory of the events of one item
	made    []byte            // memory of attributes that were written
	alike   map[string]int    // how many conversions without an id were alike so far
}

func (o *options) decode(s adapters.Source, e adapters.Envelope) (adapters.Batch, error) {
	if e.Method != http.MethodPost { // an SDK that knows one address only asks for its datafile there
		return adapters.Batch{}, fmt.Errorf("%w; send events only here", adapters.ErrNotServed)
	}
	d := decoder{reader: reader{c: jsonscan.New(e.Body), options: o}, source: s, envelope: e}
	if err := d.body(); err != nil {
		return adapters.Batch{}, err
	}
	return d.batch, nil
}

// body reads a request: what the SDKs and clients of the Event API send has visitors, what webhooks send an event's name
// and data. go-sdk writes the project after the visitors, so they are walked only when all else is known.
func (d *decoder) body() error {
	if first := d.c.Peek(); first != '{' {
		return adapters.Unreadable("must be an object with visitors, is %s", jsonscan.Name(first))
	}
	err := d.c.Object(d.member)
	if err == nil {
		err = d.c.End()
	}
	if err != nil {
		return adapters.Unreadable("%v", err)
	}
	switch {
	case d.found == '[':
	case d.found != 0:
		return adapters.Unreadable("visitors must be an array, is %s", jsonscan.Name(d.found))
	case d.hook.event != "":
		return d.change()
	default:
		return adapters.Unreadable("has no visitors, as events have, and no event, as webhooks have")
	}
	d.channel = channelOf(d.client)
	if ua := d.envelope.Header.Get("User-Agent"); d.client == browserSDK || field.IsBrowser(ua) {
		d.agent = quoted(ua)
	}
	d.c = d.visitors
	if err := d.c.Array(d.visitorsElement); err != nil { // the same text was read before
		return adapters.Unreadable("%v", err)
	}
	return nil
}

func (d *decoder) member(name []byte) (err error) {
	switch string(name) {
	case "visitors":
		if d.found = d.c.Peek(); d.found == 'n' {
			d.found = 0
		}
		d.visitors = d.c
	case "account_id":
		d.account, err = d.word()
		return err
	case "project_id":
		d.project, err = d.word()
		return err
	case "client_name":
		d.client, err = d.word()
		return err
	case "event":
		d.hook.event, err = d.word()
		return err
	case "timestamp":
		d.hook.timestamp, err = d.word()
		return err
	case "data":
		d.hook.data, err = d.c.Raw()
		return err
	}
	return d.c.Skip()
}

// word is a string or a number as text, "" for all else.
func (d *decoder) word() (string, error) {
	switch d.c.Peek() {
	case '"':
		s, err := d.c.Text()
		return string(s), err
	case '0':
		s, err := d.c.Number()
		return string(s), err
	}
	return "", d.c.Skip()
}

// What client_name says (javascript-sdk lib/utils/enums: the SDK in a page; go-sdk pkg/event/version.go; the Agent, which
// is made of go-sdk).
const (
	browserSDK = "javascript-sdk"
	goSDK      = "go-sdk"
	agentSDK   = "agent"
)

// channelOf tells by client_name where an event was seen; names of clients of the Event API are their authors' own.
func channelOf(client string) canonical.Channel {
	switch client {
	case browserSDK, "react-sdk", "react-native-sdk", "react-native-js-sdk", "android-sdk", "android-tv-sdk", "fire-tv-sdk", "swift-sdk", "flutter-sdk":
		return canonical.Client
	case "node-sdk", goSDK, "java-sdk", "python-sdk", "ruby-sdk", "php-sdk", "csharp-sdk", agentSDK:
		return canonical.Server
	}
	return ""
}

// visitorsElement reads one visitor and gives each of its events its outcome.
func (d *decoder) visitorsElement(int) error {
	d.visitor.reset()
	what, err := d.object(d.visitorMember)
	if err != nil {
		return err
	}
	v := &d.visitor
	switch {
	case what != field.Right:
		d.reject(field.Fault("visitors", "must hold objects"))
	case v.given != field.Right:
		d.reject(field.Fault("snapshots", "is required: an array"))
	case len(v.snapshots) == 0:
		d.ignore("no_events")
	}
	for i := range v.snapshots {
		d.settle(&v.snapshots[i])
	}
	return nil
}

func (d *decoder) settle(s *snapshot) {
	switch {
	case s.given != field.Right:
		d.reject(field.Fault("snapshots", "must hold objects"))
		return
	case s.happened != field.Right:
		d.reject(field.Fault("events", "is required: an array"))
		return
	case len(s.events) == 0:
		d.ignore("no_events")
		return
	}
	for i := range s.events {
		d.happened(s, &s.events[i])
	}
}

// activated is the key of an impression's event. Optimizely Web writes the other two beside it.
const (
	activated       = "campaign_activated"
	clientActivated = "client_activation"
	viewActivated   = "view_activated"
)

func (d *decoder) happened(s *snapshot, e *event) {
	if e.given != field.Right {
		d.reject(field.Fault("events", "must hold objects"))
		return
	}
	kind := e.key.S
	if kind != activated && e.kind.S != "" && (e.kind.S == clientActivated || e.kind.S == viewActivated || kind == "") {
		kind = e.kind.S
	}
	switch kind {
	case activated:
		d.activation(s, e)
	case clientActivated, viewActivated:
		d.ignore(kind)
	default:
		d.conversion(s, e)
	}
}

func (d *decoder) reject(err error) {
	d.batch.Reject(d.batch.Items, err)
	d.batch.Items++
}

func (d *decoder) ignore(reason string) {
	d.batch.Ignore(reason)
	d.batch.Items++
}

// accept hands the events of an item to the batch. Where the contract refuses one, the field is named as the vendor
// names it.
func (d *decoder) accept(events ...canonical.Event) {
	i := d.batch.Items
	d.batch.Items++
	d.batch.Accept(d.source, d.envelope, i, events...)
	path := d.batch.RejectedField(i)
	if path == nil {
		return
	}
	switch *path {
	case "experiment_id", "source_experiment":
		*path = "experiment_id"
	case "variant":
		*path = "variation_key"
	case "source_variant":
		*path = "variation_id"
	case "user_id":
		if *path = "visitor_id"; d.options.userAttribute != "" {
			*path = "attributes"
		}
	case "anonymous_id":
		*path = "visitor_id"
	case "conversion_event":
		*path = "key"
	case "dedup_key":
		*path = "tags"
	case "exposed_at", "converted_at":
		*path = "timestamp"
	}
}

// id is a uuid as it can be an event's id, "" where it cannot: then it is as good as none.
func id(uuid field.Text) string {
	if uuid.Given != field.Right || len(uuid.S) > canonical.MaxID-20 || !field.IsLabel(uuid.S) {
		return ""
	}
	return uuid.S
}

// conversionID is an event's uuid, or an id made of all that tells a conversion from others.
func (d *decoder) conversionID(e *event, at canonical.Time) (string, canonical.IDOrigin) {
	if own := id(e.uuid); own != "" {
		return own, canonical.FromSender
	}
	return d.unlike(canonical.DeriveID("optimizely", d.account, d.project, d.visitor.id.S, e.entity.S, e.key.S, strconv.FormatInt(int64(at), 10))), canonical.FromContent
}

// exposureID is the event's uuid as well, behind it the place of a further decision; but not go-sdk's, which draws a new
// uuid for an impression whenever it builds a batch again (pkg/event/factory.go createImpressionVisitor): all else
// stays, so the id is made of that. Its IDOrigin is the sender's nevertheless, so that the tap's copy has the same body.
func (d *decoder) exposureID(e *event, it *decision, x *canonical.Event, nth int) string {
	if own := id(e.uuid); own != "" && d.client != goSDK && d.client != agentSDK {
		if nth > 0 {
			own += "/" + strconv.Itoa(nth)
		}
		return own
	}
	return d.unlike(canonical.DeriveID("optimizely", d.project, d.visitor.id.S, x.ExperimentID, it.variation.S, it.variationKey.S, it.flag.S,
		strconv.FormatInt(int64(x.At), 10)))
}

// unlike tells what is made of equal fields by how many in the body were like it before: two equal purchases are two
// purchases. A batch that is built again keeps its order.
func (d *decoder) unlike(made string) string {
	if d.alike == nil {
		d.alike = map[string]int{}
	}
	n := d.alike[made]
	d.alike[made]++
	if n == 0 {
		return made
	}
	return made + "." + strconv.Itoa(n)
}
