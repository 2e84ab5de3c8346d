package statsig

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/field"
	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/canonical/jsonscan"
)

// conversion is a customer's own event. It names no experiment: the vendor joins it with exposures by unit, and so do
// we.
func (d *decoder) conversion(i int, w *wire) {
	e := canonical.Event{Kind: canonical.Converted, ConversionEvent: w.name.S}
	p := d.who(w, &e)
	at, own, err := d.at(w)
	if err != nil {
		d.batch.Reject(i, err)
		return
	}
	d.stamp(&e, at, own)
	a := &d.kept
	a.Reset()
	if err := d.values(w, &e, a); err != nil {
		d.batch.Reject(i, err)
		return
	}
	a.Text("user_agent", d.userAgent(p))
	e.Attributes = a.JSON()
	if e.UserID == "" && e.AnonymousID == "" && len(p.ids) == 0 {
		d.batch.Reject(i, field.Fault("user", "must have a userID or customIDs: without one the event cannot be counted for anyone"))
		return
	}
	e.ID = d.conversionID(w, &e, own)
	events := d.units(p, e)
	if len(events) == 0 {
		d.batch.Reject(i, field.Fault("user", "must have a userID or a stableID, or a custom id that unit_kinds names"))
		return
	}
	d.accept(i, "", events...)
}

// values reads what a conversion is worth. value is a number, a label such as a product's code, or a number as text: GO writes
// every value as text. Beside a price in the metadata, text is a label even if it consists of digits (DOCS: logEvent(user,
// "add_to_cart", "SKU_123", {price: "9.99"})). The price is money.
func (d *decoder) values(w *wire, e *canonical.Event, a *adapters.Attributes) error {
	member, set := d.options.valueFrom[w.name.S]
	if !set {
		member, set = d.options.valueFrom[""]
	}
	meta := d.metaOf(w.meta.raw, member)
	money, given := meta.money, meta.money.Set
	if set {
		var err error
		if money, err = meta.named(w, member); err != nil {
			return err
		}
	}
	isMoney := set && member == "value"
	switch {
	case isMoney:
	case w.value.First == '0':
		n, err := canonical.ParseNumber(w.value.S)
		if err != nil {
			return field.Fault("value", err.Error())
		}
		e.MetricValue = n
	case w.value.First == '"':
		if n, err := canonical.ParseNumber(w.value.S); err == nil && !given {
			e.MetricValue = n
		} else {
			a.Text("value", w.value.S)
		}
	}
	if e.Value = money; money.Set {
		e.Currency = adapters.Currency(meta.currency)
	}
	return nil
}

// worth is what the metadata of a conversion say about money.
type worth struct {
	money    canonical.Number // the first of moneyMembers that is a number
	currency string
	member   field.Scalar // the one that the option value_from names
}

// moneyMembers are the members of metadata that hold money, the most certain first.
var moneyMembers = [...]string{"revenue", "value", "price"}

func (d *decoder) metaOf(raw []byte, member string) (m worth) {
	if len(raw) == 0 || raw[0] != '{' {
		return m
	}
	r := reader{c: jsonscan.New(raw)}
	var found [len(moneyMembers)]field.Scalar
	_ = r.c.Object(func(name []byte) error { // it was read once already
		dst := &field.Scalar{}
		for i, known := range moneyMembers {
			if string(name) == known {
				dst = &found[i]
			}
		}
		if err := r.scalar(dst); err != nil {
			return err
		}
		if string(name) == "currency" {
			m.currency = dst.S
		}
		if string(name) == member {
			m.member = *dst
		}
		return nil
	})
	for _, one := range found {
		if n, err := canonical.ParseNumber(strings.TrimSpace(one.S)); err == nil && one.S != "" {
			m.money = n
			break
		}
	}
	return m
}

// named is the number in the member that the option value_from names; value is the event's own.
func (m *worth) named(w *wire, member string) (n canonical.Number, err error) {
	text, path := m.member.S, "metadata."+member
	if member == "value" {
		text, path = w.value.S, "value"
	}
	if strings.TrimSpace(text) == "" {
		return n, nil
	}
	if n, err = canonical.ParseNumber(strings.TrimSpace(text)); err != nil {
		return n, field.Fault(path, err.Error()+"; value_from names it")
	}
	return n, nil
}

// units are the conversion as of every unit that an experiment may be randomised by: the person, and each kind of
// custom id that unit_kinds names. In one experiment only one of them is exposed.
func (d *decoder) units(p *person, e canonical.Event) []canonical.Event {
	events := make([]canonical.Event, 0, 1+len(d.options.unitKinds))
	if e.UserID != "" || e.AnonymousID != "" {
		events = append(events, e)
	}
	if len(d.options.unitKinds) == 0 {
		return events
	}
	kinds := slices.Sorted(maps.Values(d.options.unitKinds))
	for _, kind := range slices.Compact(kinds) {
		id := p.of(kind)
		if id == "" {
			continue
		}
		of := e
		of.UserID, of.AnonymousID = qualified(kind, id), ""
		if e.ID != "" {
			of.ID = canonical.DeriveID(e.ID, kind)
		}
		events = append(events, of)
	}
	return events
}

// conversionID is a webhook's own id, else derived from what the event says, because no SDK gives it one and retries
// differ in encoding, headers and the batch's metadata (legacy NODE: gzip first, then plain). Equal events of one
// request are counted through: two equal purchases in a millisecond are two. Without a time of its own, when the
// request was sent makes it; without that either package webhooks draws an id.
func (d *decoder) conversionID(w *wire, e *canonical.Event, own bool) string {
	if w.timeUUID.S != "" && field.IsLabel(w.timeUUID.S) {
		return w.timeUUID.S
	}
	if !own && d.sent == 0 {
		return ""
	}
	id := canonical.DeriveID(d.source.Name, "conversion", e.ConversionEvent, e.UserID, e.AnonymousID, w.value.S, string(w.meta.raw),
		strconv.FormatInt(int64(e.At)-e.ClockOffset, 10))
	if d.equal == nil {
		d.equal = map[string]int{}
	}
	n := d.equal[id]
	d.equal[id] = n + 1
	if n > 0 {
		return canonical.DeriveID(id, strconv.Itoa(n))
	}
	return id
}
