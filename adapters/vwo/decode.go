package vwo

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

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

	account string         // VWO's
	random  string         // of the query: the same on a retry, another for the next event
	agent   string         // of the visitor, where the request tells it
	equal   map[string]int // how often a conversion's id came up in this request
}

// sideTraffic are the ends of paths that an SDK asks for when TrackLayer is its gatewayService (FME UrlEnum). Nothing
// is served there.
var sideTraffic = []string{"/get-user-details", "/check-attribute", "/user-alias/setUserAlias", "/user-alias/getAliasUserId"}

func (o *options) decode(s adapters.Source, e adapters.Envelope) (adapters.Batch, error) {
	d := decoder{source: s, envelope: e, options: o, random: param(e.RawQuery, "random"), agent: agent(e)}
	if d.account = param(e.RawQuery, "a"); d.account == "" {
		d.account = param(e.RawQuery, "account_id")
	}
	if err := d.take(); err != nil {
		return adapters.Batch{}, err
	}
	return d.batch, nil
}

// take finds out what a request is: by the end of its path where it is a GET, because settings may put a
// collectionPrefix before it, else by the shape of its body.
func (d *decoder) take() error {
	path := strings.TrimSuffix(d.envelope.Path, "/")
	switch d.envelope.Method {
	case http.MethodGet:
		return d.get(path)
	case http.MethodPost:
	default:
		return adapters.ErrNotServed
	}
	for _, end := range sideTraffic {
		if strings.HasSuffix(path, end) {
			return fmt.Errorf("%w; give the SDK its settings and let it ask VWO for the rest", adapters.ErrNotServed)
		}
	}
	return d.post()
}

func (d *decoder) get(path string) error {
	switch {
	case strings.HasSuffix(path, "/server-side/track-user"):
		d.shown(0, d.query(), "")
	case strings.HasSuffix(path, "/server-side/track-goal"):
		d.goal(0, d.query())
	case strings.HasSuffix(path, "/server-side/push"):
		d.batch.Ignore("push")
	default:
		return fmt.Errorf("%w; give the SDK its settings, or let it fetch them from VWO", adapters.ErrNotServed)
	}
	d.batch.Items = 1
	return nil
}

// post reads a body: {"ev":[…]} of either generation, {"d":{…}}, or the settings webhook.
func (d *decoder) post() error {
	d.c = jsonscan.New(d.envelope.Body)
	if first := d.c.Peek(); first != '{' {
		return adapters.Unreadable("must be an object with ev or d, is %s", jsonscan.Name(first))
	}
	var ev []byte
	var event field.Scalar
	hook := false
	whole := d.c
	err := whole.Object(func(name []byte) (err error) {
		switch string(name) {
		case "ev":
			ev, err = whole.Raw()
			return err
		case "event":
			return field.ReadScalar(&whole, &event)
		case "triggered_by", "action":
			hook = true
		case "d":
			d.w.isEvent = true
		}
		return whole.Skip()
	})
	if err == nil {
		err = whole.End()
	}
	switch {
	case err != nil:
		return adapters.Unreadable("%v", err)
	case ev != nil:
		return d.each(ev)
	case d.w.isEvent:
		d.batch.Items = 1
		if err := d.entry(); err != nil {
			return adapters.Unreadable("%v", err)
		}
		d.item(0)
		return nil
	case event.First == '"' && hook:
		return d.webhook(event.S)
	}
	return adapters.Unreadable("has neither ev nor d")
}

// webhook is VWO's only one: {timestamp, event: settings_changed, action, triggered_by}. It names no campaign, so the
// settings are fetched again, and what changed in them is reported (VWO's pages on configuring webhooks).
func (d *decoder) webhook(event string) error {
	d.batch.Items = 1
	if event != "settings_changed" {
		d.batch.Ignore("webhook")
		return nil
	}
	d.batch.CatalogChanged = true
	d.batch.Ignore("settings_changed")
	return nil
}

func (d *decoder) each(list []byte) error {
	d.c = jsonscan.New(list)
	if first := d.c.Peek(); first != '[' {
		return adapters.Unreadable("ev must be an array, is %s", jsonscan.Name(first))
	}
	err := d.c.Array(func(i int) error {
		d.batch.Items++
		if d.c.Peek() != '{' {
			d.batch.Reject(i, field.Fault("", "an event must be an object"))
			return d.c.Skip()
		}
		if err := d.entry(); err != nil {
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

// item gives one entry its outcome.
func (d *decoder) item(i int) {
	w := &d.w
	switch {
	case w.isEvent && w.wrongD:
		d.batch.Reject(i, field.Fault("d", "must be an object"))
	case w.isEvent:
		d.event(i, w)
	case w.eT.S == "1":
		d.shown(i, d.ofBatch(w), "")
	case w.eT.S == "2":
		d.goal(i, d.ofBatch(w))
	case w.eT.S == "3":
		d.batch.Ignore("push")
	case w.eT.S == "":
		d.batch.Reject(i, field.Fault("eT", "is required: 1, 2 or 3"))
	default:
		d.batch.Ignore("unknown_type")
	}
}

// tracking is what the classic forms say of an exposure or a conversion, each in its own letters.
type tracking struct {
	campaign, variation, goal, revenue, visitor, seconds, agent string
	names                                                       *names
	key                                                         string // what makes a conversion's id beside that; "": nothing does
	ordinal                                                     bool   // equal ones of one request are counted through
}

// names are the members that a form has its fields in.
type names struct{ campaign, variation, goal, revenue, visitor, time string }

var (
	inQuery = names{"experiment_id", "combination", "goal_id", "r", "u", "sId"}
	inBatch = names{"e", "c", "g", "r", "u", "sId"}
	inEvent = names{"d.event.props.id", "d.event.props.variation", "d.event.name", "", "d.visId", "d.event.time"}
)

func (d *decoder) query() tracking {
	q := d.envelope.RawQuery
	t := tracking{
		campaign: param(q, "experiment_id"), variation: param(q, "combination"), goal: param(q, "goal_id"), revenue: param(q, "r"),
		visitor: param(q, "u"), seconds: param(q, "sId"), agent: d.agent, names: &inQuery,
	}
	if d.random != "" {
		t.key = "get " + d.random
	}
	return t
}

func (d *decoder) ofBatch(w *entry) tracking {
	t := tracking{
		campaign: w.e.S, variation: w.c.S, goal: w.g.S, revenue: w.r.S, visitor: w.u.S, seconds: w.sID.S, agent: d.agent,
		names: &inBatch, key: "batch", ordinal: true,
	}
	if isAgent(w.visitorUA.S) {
		t.agent = unescaped(w.visitorUA.S)
	}
	return t
}

// accept hands an event to the batch. Where the contract refuses it, the field is named as the form names it.
func (d *decoder) accept(i int, n *names, e canonical.Event) {
	d.batch.Accept(d.source, d.envelope, i, e)
	path := d.batch.RejectedField(i)
	if path == nil {
		return
	}
	switch *path {
	case "experiment_id", "source_experiment":
		*path = n.campaign
	case "variant", "source_variant":
		*path = n.variation
	case "conversion_event":
		*path = n.goal
	case "user_id", "anonymous_id":
		*path = n.visitor
	case "exposed_at", "converted_at":
		*path = n.time
	}
}

// counted tells equal conversions of one request apart: two equal purchases in a second are two.
func (d *decoder) counted(id string) string {
	if d.equal == nil {
		d.equal = map[string]int{}
	}
	n := d.equal[id]
	d.equal[id] = n + 1
	if n == 0 {
		return id
	}
	return canonical.DeriveID(id, strconv.Itoa(n))
}
