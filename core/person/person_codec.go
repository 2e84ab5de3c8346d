package person

import (
	"encoding/binary"
	"fmt"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core/wire"
	"github.com/tracklayer/tracklayer/registry"
)

// The stored form of a person is a tag with the labels above it, then fields in order: integers as varints, text with its length. Its version
// is the store's format (see meta).
const (
	tagPerson   = 1
	TagRedirect = 2      // this id is one of another person's, whose first unit follows
	tagCrowd    = 1 << 6 // beside tagPerson: its merges join too many ids and do not hold
	tagRefused  = 1 << 7 // beside tagPerson: other users were linked to its anonymous ids
)

func appendMoment(b []byte, m Moment) []byte {
	b = wire.AppendText(wire.AppendText(binary.AppendVarint(b, int64(m.At)), m.ID), m.Source)
	b = binary.AppendUvarint(binary.AppendVarint(b, int64(m.received-m.At)), uint64(m.batch))
	return binary.AppendUvarint(b, uint64(m.index))
}

func appendArms(b []byte, arms []Arm) []byte {
	b = binary.AppendUvarint(b, uint64(len(arms)))
	for _, a := range arms {
		b = binary.AppendUvarint(appendMoment(wire.AppendText(b, a.Variant), a.Earliest), uint64(a.N))
	}
	return b
}

// AppendTo writes the person.
func (p *Person) AppendTo(b []byte) []byte {
	tag := byte(tagPerson) | byte(p.Labels)<<2
	if p.Refused != 0 {
		tag |= tagRefused
	}
	if p.Crowd {
		tag |= tagCrowd
	}
	b = binary.AppendUvarint(append(b, tag), uint64(p.Conversions))
	if p.Refused != 0 {
		b = binary.AppendUvarint(b, uint64(p.Refused))
	}
	b = binary.AppendUvarint(b, uint64(p.Revision))
	b = binary.AppendUvarint(b, uint64(len(p.Units)))
	for _, u := range p.Units {
		b = wire.AppendUnit(b, u)
	}
	b = binary.AppendUvarint(b, uint64(len(p.Parts)))
	for i := range p.Parts {
		q := &p.Parts[i]
		b = wire.AppendText(b, q.Experiment)
		b = binary.AppendUvarint(b, uint64(q.Outside))
		b = binary.AppendUvarint(b, uint64(q.NoExposure)<<1|uint64(wire.BoolByte(q.Holdout|q.Held != 0)))
		if q.Holdout|q.Held != 0 {
			b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(q.Holdout)), uint64(q.Held))
		}
		b = binary.AppendUvarint(b, uint64(len(q.Runs)))
		for j := range q.Runs {
			b = q.Runs[j].appendTo(b)
		}
	}
	return b
}

func (v *Run) appendTo(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(v.Run))
	b = appendArms(appendArms(b, v.Arms), v.Unknown)
	b = append(b, wire.BoolByte(v.End.Set()))
	if v.End.Set() {
		b = wire.AppendText(appendMoment(b, v.End.Moment), v.End.Reason)
	}
	b = binary.AppendUvarint(b, uint64(len(v.Totals)))
	for i := range v.Totals {
		b = v.Totals[i].appendTo(b)
	}
	mask := uint64(0)
	odd := v.odd()
	for _, n := range odd {
		if *n != 0 {
			mask = maskOdd
		}
	}
	for s, n := range v.Statuses {
		if n != 0 {
			mask |= 1 << s
		}
	}
	b = binary.AppendUvarint(b, mask)
	for _, n := range v.Statuses {
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
func (v *Run) odd() [6]*int64 {
	return [...]*int64{&v.Mismatched, &v.Late, &v.Ahead, &v.Early, &v.Twins, &v.Refunds}
}

// maskOdd says, beside the statuses that are there, that rare numbers follow.
const maskOdd = 1 << Statuses

// appendTo writes the total. What a flag says to be as nearly always is not written: no covariate, no cap, a number that is
// the number of conversions, no denominator.
func (t *Total) appendTo(b []byte) []byte {
	head := uint64(len(t.Steps))<<5 | uint64(wire.BoolByte(len(t.Currencies) > 0))<<4 | uint64(wire.BoolByte(t.Paired))<<3 | uint64(wire.BoolByte(!t.limit.IsZero()))<<2 | uint64(wire.BoolByte(t.once))<<1 | uint64(wire.BoolByte(!t.x.IsZero()))
	b = binary.AppendUvarint(wire.AppendText(b, t.Metric), head)
	if !t.limit.IsZero() {
		b = wire.AppendSum(b, t.limit)
	}
	if !t.x.IsZero() {
		b = wire.AppendSum(b, t.x)
	}
	if len(t.Currencies) > 0 {
		b = binary.AppendUvarint(b, uint64(len(t.Currencies)))
		for _, c := range t.Currencies {
			b = binary.AppendUvarint(wire.AppendText(b, c.Currency), uint64(c.N))
		}
	}
	for i := range t.Steps {
		s := &t.Steps[i]
		other, under := s.Y != canonical.SumOf(s.N), !s.D.IsZero()
		b = binary.AppendUvarint(b, uint64(s.Age)<<2|uint64(wire.BoolByte(other))<<1|uint64(wire.BoolByte(under)))
		b = binary.AppendUvarint(b, uint64(s.N))
		if other {
			b = wire.AppendSum(b, s.Y)
		}
		if under {
			b = wire.AppendSum(b, s.D)
		}
	}
	return b
}

// readTotal reads what appendTo wrote.
func readTotal(d *wire.Decoder, t *Total) {
	t.Metric = d.Text()
	head := d.Uint()
	t.once, t.Paired = head&2 != 0, head&8 != 0
	if head&4 != 0 {
		t.limit = d.Sum()
	}
	if head&1 != 0 {
		t.x = d.Sum()
	}
	if head&16 != 0 {
		for range d.Count() {
			t.Currencies = append(t.Currencies, currencyCount{d.Text(), int64(d.Uint())})
		}
		d.Bad = d.Bad || len(t.Currencies) == 0
	}
	if head>>5 > uint64(len(d.Rest)) {
		d.Bad = true
		return
	}
	if head>>5 > 0 {
		t.Steps = make([]Step, head>>5)
	}
	for i := range t.Steps {
		flags := d.Uint()
		s := &t.Steps[i]
		s.Age, s.N = int64(flags>>2), int64(d.Uint())
		s.Y = canonical.SumOf(s.N)
		if flags&2 != 0 {
			s.Y = d.Sum()
		}
		if flags&1 != 0 {
			s.D = d.Sum()
		}
	}
}

func readMoment(d *wire.Decoder) Moment {
	m := Moment{At: canonical.Time(d.Int()), ID: d.Text(), Source: d.Text()}
	m.received, m.batch, m.index = m.At+canonical.Time(d.Int()), uint16(d.Uint()), int(d.Uint())
	return m
}

func readArms(d *wire.Decoder) []Arm {
	n := d.Count()
	if n == 0 {
		return nil
	}
	arms := make([]Arm, 0, min(n, 8))
	for range n {
		arms = append(arms, Arm{d.Text(), readMoment(d), int64(d.Uint())})
	}
	return arms
}

// Decode reads a stored person, or the unit that it redirects to.
func Decode(b []byte) (*Person, canonical.Unit, error) {
	d := wire.Decoder{Rest: b}
	tag := d.Byte()
	labels := registry.Label(tag &^ (tagRefused | tagCrowd) >> 2)
	if tag == TagRedirect {
		if u := d.Unit(); !d.Bad {
			return nil, u, nil
		}
	}
	if tag&3 != tagPerson || labels&^registry.Labels != 0 {
		return nil, canonical.Unit{}, fmt.Errorf("person: %w", wire.ErrRecord)
	}
	p := &Person{Labels: labels, Crowd: tag&tagCrowd != 0, Conversions: int64(d.Uint())}
	if tag&tagRefused != 0 {
		p.Refused = int64(d.Uint())
		d.Bad = d.Bad || p.Refused <= 0
	}
	p.Revision = int(d.Uint())
	for range d.Count() {
		p.Units = append(p.Units, d.Unit())
	}
	if n := d.Count(); n > 0 {
		p.Parts = make([]Participation, n)
	}
	for i := range p.Parts {
		q := &p.Parts[i]
		q.Experiment, q.Outside = d.Text(), int64(d.Uint())
		n := d.Uint()
		if q.NoExposure = int64(n >> 1); n&1 != 0 {
			q.Holdout, q.Held = int64(d.Uint()), int64(d.Uint())
			d.Bad = d.Bad || q.Holdout|q.Held == 0
		}
		if n := d.Count(); n > 0 {
			q.Runs = make([]Run, n)
		}
		for j := range q.Runs {
			readRun(&d, &q.Runs[j])
		}
	}
	if d.Bad || len(d.Rest) > 0 || len(p.Units) == 0 {
		return nil, canonical.Unit{}, fmt.Errorf("person: %w", wire.ErrRecord)
	}
	return p, canonical.Unit{}, nil
}

func readRun(d *wire.Decoder, v *Run) {
	v.Run = int(d.Uint())
	v.Arms, v.Unknown = readArms(d), readArms(d)
	if d.Byte() != 0 {
		v.End.Moment = readMoment(d)
		v.End.Reason = d.Text()
		d.Bad = d.Bad || !v.End.Set() // it would be lost when the person is written again
	}
	if n := d.Count(); n > 0 {
		v.Totals = make([]Total, n)
	}
	for i := range v.Totals {
		readTotal(d, &v.Totals[i])
	}
	mask := d.Uint()
	for s := range v.Statuses {
		if mask&(1<<s) != 0 {
			v.Statuses[s] = int64(d.Uint())
		}
	}
	if mask&maskOdd != 0 {
		sum := int64(0)
		for _, n := range v.odd() {
			*n = int64(d.Uint())
			sum |= *n
		}
		d.Bad = d.Bad || sum == 0 // it would be lost when the person is written again
	}
}
