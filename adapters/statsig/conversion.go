package statsig

import (
	"maps"
	"slices"
	"strconv"

	"github.com/tracklayer/tracklayer/canonical"
)

// conversion is a customer's own event. It names no experiment: the vendor joins it with exposures by unit, and so do
// we.
func (d *decoder) conversion(i int, w *wire) {
	e := canonical.Event{Kind: canonical.Converted, ConversionEvent: w.name.s}
	p := d.who(w, &e)
	at, own, err := d.at(w)
	if err != nil {
		d.batch.Reject(i, err)
		return
	}
	d.stamp(&e, at, own)
	var a attributes
	switch w.value.first {
	case '0':
		if e.MetricValue, err = canonical.ParseNumber(w.value.s); err != nil {
			d.batch.Reject(i, fault("value", err.Error()))
			return
		}
	case '"': // GO writes every value as text, "" where there is none; a text that is no number is a label
		if n, err := canonical.ParseNumber(w.value.s); err == nil {
			e.MetricValue = n
		} else {
			a.text("value", w.value.s)
		}
	}
	a.text("user_agent", d.userAgent(p))
	if len(a) > 0 {
		e.Attributes = []byte(a)
	}
	if e.UserID == "" && e.AnonymousID == "" && len(p.ids) == 0 {
		d.batch.Reject(i, fault("user", "must have a userID or customIDs: the event is nobody's"))
		return
	}
	e.ID = d.conversionID(w, &e, own)
	events := d.units(p, e)
	if len(events) == 0 {
		d.batch.Reject(i, fault("user", "must have a userID or a stableID, or a custom id that unit_kinds names"))
		return
	}
	d.accept(i, "", events...)
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
// request was sent makes it; without that either the door draws an id.
func (d *decoder) conversionID(w *wire, e *canonical.Event, own bool) string {
	if w.timeUUID.s != "" && isLabel(w.timeUUID.s) {
		return w.timeUUID.s
	}
	if !own && d.sent == 0 {
		return ""
	}
	id := canonical.DeriveID(d.source.Name, "conversion", e.ConversionEvent, e.UserID, e.AnonymousID, w.value.s, string(w.meta.raw),
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
