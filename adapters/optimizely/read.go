package optimizely

import (
	"github.com/tracklayer/tracklayer/adapters/field"
	"github.com/tracklayer/tracklayer/canonical/jsonscan"
)

// reader walks the visitors of a body and holds one of them at a time. The readers of single members consume exactly
// one value of whatever type and fail only on a syntax error: a wrong type is remembered, because most members are not
// needed for most events. Of members with the same name the last one wins. Optimizely Web shortens the names of members
// of events, decisions and attributes to one letter (as independent decoders of its traffic know them).
type reader struct {
	c       jsonscan.Cursor
	options *options

	visitor  visitor
	snapshot *snapshot
	decision *decision
	event    *event
	name     field.Text // of the attribute being read
	entity   field.Text // of the attribute being read
	raw      []byte     // value of the attribute being read
}

// text reads a text. Hand-written clients send ids as numbers.
func (r *reader) text(dst *field.Text) error { return field.ReadID(&r.c, dst) }

func (r *reader) number(dst *number) (err error) {
	dst.text = ""
	if r.c.Peek() != '"' {
		return field.ReadNumber(&r.c, &dst.Number)
	}
	dst.Number = field.Number{Given: field.Wrong}
	dst.text, err = r.c.String()
	return err
}

func (r *reader) flag(dst *bool) error { return field.ReadFlag(&r.c, dst) }

func (r *reader) object(member func([]byte) error) (field.Given, error) {
	return field.ReadObject(&r.c, member)
}

func (r *reader) array(element func(int) error) (field.Given, error) {
	return field.ReadArray(&r.c, element)
}

func (r *reader) visitorMember(name []byte) (err error) {
	switch string(name) {
	case "visitor_id":
		return r.text(&r.visitor.id)
	case "attributes":
		r.visitor.agent, r.visitor.user, r.visitor.kept = nil, field.Text{}, r.visitor.kept[:0]
		_, err = r.array(r.attributesElement)
		return err
	case "snapshots":
		r.visitor.snapshots = r.visitor.snapshots[:0]
		r.visitor.given, err = r.array(r.snapshotsElement)
		return err
	}
	return r.c.Skip()
}

func (r *reader) attributesElement(int) error {
	r.name, r.entity, r.raw = field.Text{}, field.Text{}, nil
	if _, err := r.object(r.attributeMember); err != nil {
		return err
	}
	if none(r.name) {
		r.name = r.entity
	}
	r.keep()
	return nil
}

func (r *reader) attributeMember(name []byte) (err error) {
	switch string(name) {
	case "key", "k":
		return r.text(&r.name)
	case "entity_id", "e":
		return r.text(&r.entity)
	case "value", "v":
		switch r.c.Peek() {
		case '"', '0', 't', 'f':
			r.raw, err = r.c.Raw()
			return err
		}
		r.raw = nil // an object, an array or null says nothing that is kept
	}
	return r.c.Skip()
}

// agentAttribute is the reserved attribute of a visitor's user agent (javascript-sdk CONTROL_ATTRIBUTES).
const agentAttribute = "$opt_user_agent"

// keep notes the attribute that was read, if it is asked for. An attribute that is not asked for is not kept: it may
// be anything that the customer's program knows.
func (r *reader) keep() {
	name := r.name.S
	if r.raw == nil || name == "" {
		return
	}
	if name == agentAttribute && r.raw[0] == '"' {
		r.visitor.agent = r.raw
		return
	}
	if name == r.options.userAttribute {
		r.visitor.user = field.Text{Given: field.Wrong}
		c := jsonscan.New(r.raw)
		if s, err := c.Text(); err == nil {
			r.visitor.user = field.Text{S: string(s), Given: field.Right}
		} else if field.IsWhole(r.raw) {
			r.visitor.user = field.Text{S: string(r.raw), Given: field.Right}
		}
	}
	if as := r.options.attributes[name]; as != "" {
		r.visitor.kept = append(r.visitor.kept, attribute{as, r.raw})
	}
}

func (r *reader) snapshotsElement(int) (err error) {
	r.snapshot = r.visitor.add()
	r.snapshot.given, err = r.object(r.snapshotMember)
	return err
}

func (r *reader) snapshotMember(name []byte) (err error) {
	switch string(name) {
	case "decisions":
		r.snapshot.decisions = r.snapshot.decisions[:0]
		_, err = r.array(r.decisionsElement)
		return err
	case "events":
		r.snapshot.events = r.snapshot.events[:0]
		r.snapshot.happened, err = r.array(r.eventsElement)
		return err
	}
	return r.c.Skip()
}

func (r *reader) decisionsElement(int) (err error) {
	r.snapshot.decisions = append(r.snapshot.decisions, decision{})
	r.decision = &r.snapshot.decisions[len(r.snapshot.decisions)-1]
	r.decision.given, err = r.object(r.decisionMember)
	return err
}

func (r *reader) decisionMember(name []byte) (err error) {
	d := r.decision
	switch string(name) {
	case "experiment_id", "x":
		return r.text(&d.experiment)
	case "variation_id", "v":
		return r.text(&d.variation)
	case "campaign_id", "c":
		return r.text(&d.campaign)
	case "is_campaign_holdback", "h":
		return r.flag(&d.holdback)
	case "metadata":
		_, err = r.object(r.metadataMember)
		return err
	}
	return r.c.Skip()
}

func (r *reader) metadataMember(name []byte) error {
	d := r.decision
	switch string(name) {
	case "flag_key":
		return r.text(&d.flag)
	case "rule_key":
		return r.text(&d.rule)
	case "rule_type":
		return r.text(&d.ruleType)
	case "variation_key":
		return r.text(&d.variationKey)
	case "cmab_uuid":
		return r.text(&d.cmab)
	}
	return r.c.Skip()
}

func (r *reader) eventsElement(int) (err error) {
	r.snapshot.events = append(r.snapshot.events, event{})
	r.event = &r.snapshot.events[len(r.snapshot.events)-1]
	r.event.given, err = r.object(r.eventMember)
	return err
}

func (r *reader) eventMember(name []byte) (err error) {
	e := r.event
	switch string(name) {
	case "key", "k":
		return r.text(&e.key)
	case "type", "y":
		return r.text(&e.kind)
	case "entity_id", "e":
		return r.text(&e.entity)
	case "uuid", "u":
		return r.text(&e.uuid)
	case "timestamp", "t":
		return r.number(&e.timestamp)
	case "revenue":
		return r.number(&e.revenue)
	case "value":
		return r.number(&e.value)
	case "tags", "a":
		e.dedup, e.currency = field.Text{}, field.Text{}
		_, err = r.object(r.tagsMember)
		return err
	}
	return r.c.Skip()
}

func (r *reader) tagsMember(name []byte) error {
	switch {
	case len(name) == 0:
	case string(name) == r.options.dedupTag:
		return r.text(&r.event.dedup)
	case string(name) == "currency":
		return r.text(&r.event.currency)
	}
	return r.c.Skip()
}
