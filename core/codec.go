package core

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/registry"
)

// The stored form of a person is a tag with the labels above it, then fields in order: integers as varints, text with its length. Its version
// is the store's format (see meta).
const (
	tagPerson   = 1
	tagRedirect = 2      // this id is one of another person's, whose first unit follows
	tagCrowd    = 1 << 6 // beside tagPerson: its merges join too many ids and do not hold
	tagRefused  = 1 << 7 // beside tagPerson: other users were linked to its anonymous ids
)

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendUnit(b []byte, u canonical.Unit) []byte { return appendText(append(b, byte(u.Kind)), u.ID) }

func appendSum(b []byte, s canonical.Sum) []byte {
	if n, ok := s.Int64(); ok {
		return binary.AppendVarint(append(b, 0), n)
	}
	b, _ = s.AppendBinary(append(b, 1)) // a sum is always writable
	return b
}

func appendMoment(b []byte, m moment) []byte {
	b = appendText(appendText(binary.AppendVarint(b, int64(m.at)), m.id), m.source)
	b = binary.AppendUvarint(binary.AppendVarint(b, int64(m.received-m.at)), uint64(m.batch))
	return binary.AppendUvarint(b, uint64(m.index))
}

func appendArms(b []byte, arms []arm) []byte {
	b = binary.AppendUvarint(b, uint64(len(arms)))
	for _, a := range arms {
		b = binary.AppendUvarint(appendMoment(appendText(b, a.variant), a.earliest), uint64(a.n))
	}
	return b
}

// appendTo writes the person.
func (p *person) appendTo(b []byte) []byte {
	tag := byte(tagPerson) | byte(p.labels)<<2
	if p.refused != 0 {
		tag |= tagRefused
	}
	if p.crowd {
		tag |= tagCrowd
	}
	b = binary.AppendUvarint(append(b, tag), uint64(p.conversions))
	if p.refused != 0 {
		b = binary.AppendUvarint(b, uint64(p.refused))
	}
	b = binary.AppendUvarint(b, uint64(p.revision))
	b = binary.AppendUvarint(b, uint64(len(p.units)))
	for _, u := range p.units {
		b = appendUnit(b, u)
	}
	b = binary.AppendUvarint(b, uint64(len(p.parts)))
	for i := range p.parts {
		q := &p.parts[i]
		b = appendText(b, q.experiment)
		b = binary.AppendUvarint(b, uint64(q.outside))
		b = binary.AppendUvarint(b, uint64(q.noExposure)<<1|uint64(boolByte(q.holdout|q.held != 0)))
		if q.holdout|q.held != 0 {
			b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(q.holdout)), uint64(q.held))
		}
		b = binary.AppendUvarint(b, uint64(len(q.runs)))
		for j := range q.runs {
			b = q.runs[j].appendTo(b)
		}
	}
	return b
}

func (v *runView) appendTo(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(v.run))
	b = appendArms(appendArms(b, v.arms), v.unknown)
	b = append(b, boolByte(v.end.set()))
	if v.end.set() {
		b = appendText(appendMoment(b, v.end.moment), v.end.reason)
	}
	b = binary.AppendUvarint(b, uint64(len(v.totals)))
	for i := range v.totals {
		b = v.totals[i].appendTo(b)
	}
	mask := uint64(0)
	odd := v.odd()
	for _, n := range odd {
		if *n != 0 {
			mask = maskOdd
		}
	}
	for s, n := range v.statuses {
		if n != 0 {
			mask |= 1 << s
		}
	}
	b = binary.AppendUvarint(b, mask)
	for _, n := range v.statuses {
		if n != 0 {
			b = binary.AppendUvarint(b, uint64(n))
		}
	}
	if mask&maskOdd != 0 {
		for _, n := range odd {
			b = binary.AppendUvarint(b, uint64(*n))
		}
	}
	return b
}

// odd are rare numbers in their stored order.
func (v *runView) odd() [6]*int64 {
	return [...]*int64{&v.mismatched, &v.late, &v.ahead, &v.early, &v.twins, &v.refunds}
}

// maskOdd says, beside the statuses that are there, that rare numbers follow.
const maskOdd = 1 << statuses

// appendTo writes the total. What a flag says to be as nearly always is not written: no covariate, no cap, a number that is
// the number of conversions, no denominator.
func (t *total) appendTo(b []byte) []byte {
	head := uint64(len(t.steps))<<5 | uint64(boolByte(len(t.currencies) > 0))<<4 | uint64(boolByte(t.paired))<<3 | uint64(boolByte(!t.limit.IsZero()))<<2 | uint64(boolByte(t.once))<<1 | uint64(boolByte(!t.x.IsZero()))
	b = binary.AppendUvarint(appendText(b, t.metric), head)
	if !t.limit.IsZero() {
		b = appendSum(b, t.limit)
	}
	if !t.x.IsZero() {
		b = appendSum(b, t.x)
	}
	if len(t.currencies) > 0 {
		b = binary.AppendUvarint(b, uint64(len(t.currencies)))
		for _, c := range t.currencies {
			b = binary.AppendUvarint(appendText(b, c.currency), uint64(c.n))
		}
	}
	for i := range t.steps {
		s := &t.steps[i]
		other, under := s.y != canonical.SumOf(s.n), !s.d.IsZero()
		b = binary.AppendUvarint(b, uint64(s.age)<<2|uint64(boolByte(other))<<1|uint64(boolByte(under)))
		b = binary.AppendUvarint(b, uint64(s.n))
		if other {
			b = appendSum(b, s.y)
		}
		if under {
			b = appendSum(b, s.d)
		}
	}
	return b
}

func (d *decoder) total(t *total) {
	t.metric = d.text()
	head := d.uint()
	t.once, t.paired = head&2 != 0, head&8 != 0
	if head&4 != 0 {
		t.limit = d.sum()
	}
	if head&1 != 0 {
		t.x = d.sum()
	}
	if head&16 != 0 {
		for range d.count() {
			t.currencies = append(t.currencies, currencyCount{d.text(), int64(d.uint())})
		}
		d.bad = d.bad || len(t.currencies) == 0
	}
	if head>>5 > uint64(len(d.b)) {
		d.bad = true
		return
	}
	if head>>5 > 0 {
		t.steps = make([]step, head>>5)
	}
	for i := range t.steps {
		flags := d.uint()
		s := &t.steps[i]
		s.age, s.n = int64(flags>>2), int64(d.uint())
		s.y = canonical.SumOf(s.n)
		if flags&2 != 0 {
			s.y = d.sum()
		}
		if flags&1 != 0 {
			s.d = d.sum()
		}
	}
}

func boolByte(b bool) byte {
	if b {
		return 1
	}
	return 0
}

var errRecord = errors.New("a record of the state cannot be read; run tracklayer rebuild to make the state anew from the log")

// decoder reads what the append functions wrote. The first fault sticks.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) byte() byte {
	if len(d.b) == 0 {
		d.bad = true
		return 0
	}
	c := d.b[0]
	d.b = d.b[1:]
	return c
}

func (d *decoder) uint() uint64 { return varint(d, binary.Uvarint) }

func (d *decoder) int() int64 { return varint(d, binary.Varint) }

func varint[T int64 | uint64](d *decoder, read func([]byte) (T, int)) T {
	n, size := read(d.b)
	if size <= 0 {
		d.bad = true
		d.b = nil
		return 0
	}
	d.b = d.b[size:]
	return n
}

// count is a number of things that follow, each of at least one byte.
func (d *decoder) count() int {
	n := d.uint()
	if n > uint64(len(d.b)) {
		d.bad = true
		return 0
	}
	return int(n)
}

func (d *decoder) text() string {
	n := d.count()
	if d.bad {
		return ""
	}
	s := string(d.b[:n])
	d.b = d.b[n:]
	return s
}

func (d *decoder) unit() canonical.Unit {
	return canonical.Unit{Kind: canonical.UnitKind(d.byte()), ID: d.text()}
}

func (d *decoder) sum() (s canonical.Sum) {
	if d.byte() == 0 {
		return canonical.SumOf(d.int())
	}
	if len(d.b) < 16 || s.UnmarshalBinary(d.b[:16]) != nil {
		d.bad = true
		return s
	}
	d.b = d.b[16:]
	return s
}

func (d *decoder) moment() moment {
	m := moment{at: canonical.Time(d.int()), id: d.text(), source: d.text()}
	m.received, m.batch, m.index = m.at+canonical.Time(d.int()), uint16(d.uint()), int(d.uint())
	return m
}

func (d *decoder) arms() []arm {
	n := d.count()
	if n == 0 {
		return nil
	}
	arms := make([]arm, 0, min(n, 8))
	for range n {
		arms = append(arms, arm{d.text(), d.moment(), int64(d.uint())})
	}
	return arms
}

// decodePerson reads a stored person, or the unit that it redirects to.
func decodePerson(b []byte) (*person, canonical.Unit, error) {
	d := decoder{b: b}
	tag := d.byte()
	labels := registry.Label(tag &^ (tagRefused | tagCrowd) >> 2)
	if tag == tagRedirect {
		if u := d.unit(); !d.bad {
			return nil, u, nil
		}
	}
	if tag&3 != tagPerson || labels&^registry.Labels != 0 {
		return nil, canonical.Unit{}, fmt.Errorf("person: %w", errRecord)
	}
	p := &person{labels: labels, crowd: tag&tagCrowd != 0, conversions: int64(d.uint())}
	if tag&tagRefused != 0 {
		p.refused = int64(d.uint())
		d.bad = d.bad || p.refused <= 0
	}
	p.revision = int(d.uint())
	for range d.count() {
		p.units = append(p.units, d.unit())
	}
	if n := d.count(); n > 0 {
		p.parts = make([]participation, n)
	}
	for i := range p.parts {
		q := &p.parts[i]
		q.experiment, q.outside = d.text(), int64(d.uint())
		n := d.uint()
		if q.noExposure = int64(n >> 1); n&1 != 0 {
			q.holdout, q.held = int64(d.uint()), int64(d.uint())
			d.bad = d.bad || q.holdout|q.held == 0
		}
		if n := d.count(); n > 0 {
			q.runs = make([]runView, n)
		}
		for j := range q.runs {
			d.runView(&q.runs[j])
		}
	}
	if d.bad || len(d.b) > 0 || len(p.units) == 0 {
		return nil, canonical.Unit{}, fmt.Errorf("person: %w", errRecord)
	}
	return p, canonical.Unit{}, nil
}

func (d *decoder) runView(v *runView) {
	v.run = int(d.uint())
	v.arms, v.unknown = d.arms(), d.arms()
	if d.byte() != 0 {
		v.end.moment = d.moment()
		v.end.reason = d.text()
		d.bad = d.bad || !v.end.set() // it would be lost when the person is written again
	}
	if n := d.count(); n > 0 {
		v.totals = make([]total, n)
	}
	for i := range v.totals {
		d.total(&v.totals[i])
	}
	mask := d.uint()
	for s := range v.statuses {
		if mask&(1<<s) != 0 {
			v.statuses[s] = int64(d.uint())
		}
	}
	if mask&maskOdd != 0 {
		sum := int64(0)
		for _, n := range v.odd() {
			*n = int64(d.uint())
			sum |= *n
		}
		d.bad = d.bad || sum == 0 // it would be lost when the person is written again
	}
}
