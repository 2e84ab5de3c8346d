package launchdarkly

import (
	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/field"
	"github.com/tracklayer/tracklayer/canonical/jsonscan"
)

// kind is what an item says it is. Text that is none of ours never leaves this function as a word, so a sender cannot
// make up metric labels.
type kind uint8

const (
	noKind kind = iota // missing, or not a string
	unknown
	feature
	debug
	custom
	click
	pageview
	clickPageview
	index
	identify
	alias
	summary
	migrationOp
	diagnostic
)

// kinds are the words for items that do not count, by kind.
var kinds = [...]string{
	unknown: "unknown_kind", feature: "not_in_experiment", debug: "debug", custom: "custom", click: "click", pageview: "pageview",
	clickPageview: "click_pageview", index: "index", identify: "identify", alias: "alias", summary: "summary",
	migrationOp: "migration_op", diagnostic: "diagnostic",
}

// parseKind knows the kinds that go-sdk-events events_output.go, launchdarkly-js-sdk-common EventProcessor.js and their
// diagnostics write. The set has grown before.
func parseKind(text []byte) kind {
	switch string(text) {
	case "feature":
		return feature
	case "debug":
		return debug
	case "custom":
		return custom
	case "click":
		return click
	case "pageview":
		return pageview
	case "click_pageview":
		return clickPageview
	case "index":
		return index
	case "identify":
		return identify
	case "alias":
		return alias
	case "summary":
		return summary
	case "migration_op":
		return migrationOp
	case "diagnostic", "diagnostic-init":
		return diagnostic
	}
	return unknown
}

// value is what a flag served, of whatever type: the first byte of it as jsonscan.Peek tells, and the text of a scalar.
type value struct {
	first  byte
	text   string
	digits []byte
}

// wire is one item in the vendor's words: the members that are read, the others were passed over.
type wire struct {
	kind         kind
	key          field.Text
	id           field.Text // Data Export only
	creationDate field.Number

	context     people     // schema 4
	contextKeys people     // SDKs of 2022 and 2023, and clicks and pageviews to this day: kind -> key, nothing more
	user        people     // schema 3, inline
	userKey     field.Text // schema 3
	contextKind field.Text // schema 3

	previousKey, previousContextKind field.Text // alias

	variation     field.Number
	value         value
	inExperiment  bool
	prereqOf      field.Text
	samplingRatio field.Number
	metricValue   field.Number

	wrapped field.Given // a Data Export record: the event is inside
	audit   bool        // an audit log entry, which is what webhooks carry
}

func (w *wire) reset() {
	context, keys, user := w.context, w.contextKeys, w.user
	*w = wire{context: context, contextKeys: keys, user: user}
	w.context.reset()
	w.contextKeys.reset()
	w.user.reset()
}

// reader walks a body and holds one item at a time. Of members with the same name the last one wins.
type reader struct {
	c            jsonscan.Cursor
	outer, inner wire
	w            *wire             // the item being read
	people       *people           // the context being read
	wanted       map[string]string // attributes of contexts that are kept: the name of the event's by the context's
	from, to     int               // where the item lies in the body
}

// each reads the items of a body, which is an array of them or a single one. What is not an object comes as nil.
func (r *reader) each(fn func(i int, w *wire)) error {
	item := func(i int) error {
		if r.c.Peek() != '{' {
			if err := r.c.Skip(); err != nil {
				return err
			}
			fn(i, nil)
			return nil
		}
		r.from = r.c.Offset()
		w, err := r.item()
		if r.to = r.c.Offset(); err == nil {
			fn(i, w)
		}
		return err
	}
	var err error
	switch first := r.c.Peek(); first {
	case '[':
		err = r.c.Array(item)
	case '{':
		err = item(0)
	default:
		return adapters.Unreadable("must be an array of events or a single one, is %s", jsonscan.Name(first))
	}
	if err == nil {
		err = r.c.End()
	}
	if err != nil {
		return adapters.Unreadable("%v", err)
	}
	return nil
}

// item reads an object. Data Export wraps the event in a record {project, environment, event, version}, which has no
// kind of its own (the vendor's Data Export schema reference).
func (r *reader) item() (*wire, error) {
	r.w = &r.outer
	r.w.reset()
	if err := r.c.Object(r.member); err != nil {
		return nil, err
	}
	if r.outer.kind == noKind && r.outer.wrapped == field.Right {
		return &r.inner, nil
	}
	return &r.outer, nil
}

func (r *reader) member(name []byte) error {
	w := r.w
	if dst := w.textMember(name); dst != nil {
		return r.text(dst)
	}
	if dst := w.numberMember(name); dst != nil {
		return r.number(dst)
	}
	switch string(name) {
	case "kind":
		return r.kind()
	case "context":
		return r.context(&w.context)
	case "user":
		return r.context(&w.user)
	case "contextKeys":
		return r.contextKeys(&w.contextKeys)
	case "value":
		return r.value(&w.value)
	case "reason":
		return r.reason()
	case "event":
		return r.wrapped()
	case "_accountId", "accesses", "titleVerb": // api-client-go docs/AuditLogEntryRep.md
		w.audit = true
	}
	return r.c.Skip()
}

func (w *wire) textMember(name []byte) *field.Text {
	switch string(name) {
	case "key":
		return &w.key
	case "userKey":
		return &w.userKey
	case "contextKind":
		return &w.contextKind
	case "previousKey":
		return &w.previousKey
	case "previousContextKind":
		return &w.previousContextKind
	case "prereqOf":
		return &w.prereqOf
	case "id":
		return &w.id
	}
	return nil
}

func (w *wire) numberMember(name []byte) *field.Number {
	switch string(name) {
	case "creationDate":
		return &w.creationDate
	case "variation":
		return &w.variation
	case "samplingRatio":
		return &w.samplingRatio
	case "metricValue":
		return &w.metricValue
	}
	return nil
}
