package sums

import (
	"encoding/binary"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core/person"
	"github.com/tracklayer/tracklayer/core/wire"
)

// Moments are exact sums over persons of the metric's number y, for means and ratios of its denominator d, and of their
// products with the covariate x. A proportion's y is 0 or 1. Where the metric reads a field the sums are in millionths,
// and the products in millionths of millionths; else in ones.
type Moments struct {
	Users int64 // persons with at least one counted conversion, of the numerator where it is a ratio
	Y, D  canonical.Sum
	YY    Wide
	DD    Wide
	YD    Wide
	XY    Wide
	XD    Wide
}

// Covariate is what a metric's persons did before their exposure: exact sums over persons of x, which is the metric's
// number over the CovariateDays before the first exposure, for means and ratios the numerator's. Persons without a
// history have x = 0 and are not in it.
type Covariate struct {
	Before int64 // persons whose x is not 0
	X      canonical.Sum
	XX     Wide
}

// Sums are all that is known of a metric in a group of persons. Those who are in the group and in neither part have
// y = d = x = 0; how many there are is told by the variant.
type Sums struct {
	Moments
	Covariate
}

func (m *Moments) add(sign int64, o *Moments) {
	if sign < 0 {
		m.Users -= o.Users
		m.Y, m.D = m.Y.Minus(o.Y), m.D.Minus(o.D)
		m.YY, m.DD, m.YD = m.YY.Minus(o.YY), m.DD.Minus(o.DD), m.YD.Minus(o.YD)
		m.XY, m.XD = m.XY.Minus(o.XY), m.XD.Minus(o.XD)
		return
	}
	m.Users += o.Users
	m.Y, m.D = m.Y.Plus(o.Y), m.D.Plus(o.D)
	m.YY, m.DD, m.YD = m.YY.Plus(o.YY), m.DD.Plus(o.DD), m.YD.Plus(o.YD)
	m.XY, m.XD = m.XY.Plus(o.XY), m.XD.Plus(o.XD)
}

func (c *Covariate) add(sign int64, o *Covariate) {
	c.Before += sign * o.Before
	if sign < 0 {
		c.X, c.XX = c.X.Minus(o.X), c.XX.Minus(o.XX)
		return
	}
	c.X, c.XX = c.X.Plus(o.X), c.XX.Plus(o.XX)
}

func (s *Sums) add(sign int64, o *Sums) {
	s.Moments.add(sign, &o.Moments)
	s.Covariate.add(sign, &o.Covariate)
}

// standing is one person's numbers in a metric as of some age.
type standing struct {
	n          int64         // counted conversions
	all        canonical.Sum // y before the metric's cap
	y, d       canonical.Sum
	yy, dd, yd Wide
}

// then is the standing after one more step of a total.
func (s standing) then(t *person.Total, step *person.Step) standing {
	s.n += step.N
	s.all, s.d = s.all.Plus(step.Y), s.d.Plus(step.D)
	s.y = t.Number(s.n, s.all)
	s.yy = times(s.y, s.y)
	if !s.d.IsZero() {
		s.dd, s.yd = times(s.d, s.d), times(s.y, s.d)
	} else {
		s.dd, s.yd = Wide{}, Wide{}
	}
	return s
}

// since is what one person's step from another standing to this one adds to the moments, where x is the covariate.
func (s *standing) since(o *standing, x canonical.Sum) Moments {
	m := Moments{Users: min(s.n, 1) - min(o.n, 1), Y: s.y.Minus(o.y), D: s.d.Minus(o.d)}
	m.YY, m.DD, m.YD = s.yy.Minus(o.yy), s.dd.Minus(o.dd), s.yd.Minus(o.yd)
	if !x.IsZero() {
		m.XY, m.XD = times(x, m.Y), times(x, m.D)
	}
	return m
}

// wides are the products in their stored order.
func (m *Moments) wides() [5]*Wide { return [...]*Wide{&m.YY, &m.DD, &m.YD, &m.XY, &m.XD} }

// appendTo writes a mask of the parts that are not zero, and these.
func (m *Moments) appendTo(b []byte) []byte {
	at := len(b)
	b = append(b, 0)
	if m.Users != 0 {
		b = binary.AppendVarint(b, m.Users)
		b[at] |= 1
	}
	for i, s := range [...]canonical.Sum{m.Y, m.D} {
		if !s.IsZero() {
			b = wire.AppendSum(b, s)
			b[at] |= 2 << i
		}
	}
	for i, w := range m.wides() {
		if !w.IsZero() {
			b = appendWide(b, *w)
			b[at] |= 8 << i
		}
	}
	return b
}

func readMoments(d *wire.Decoder) (m Moments) {
	mask := d.Byte()
	if mask&1 != 0 {
		m.Users = d.Int()
	}
	for i, s := range [...]*canonical.Sum{&m.Y, &m.D} {
		if mask&(2<<i) != 0 {
			*s = d.Sum()
		}
	}
	for i, w := range m.wides() {
		if mask&(8<<i) != 0 {
			*w = readWide(d)
		}
	}
	return m
}

func (c *Covariate) appendTo(b []byte) []byte {
	return appendWide(wire.AppendSum(binary.AppendVarint(b, c.Before), c.X), c.XX)
}

func readCovariate(d *wire.Decoder) (c Covariate) {
	c.Before, c.X, c.XX = d.Int(), d.Sum(), readWide(d)
	return c
}

// appendWide writes the length and as many low bytes as the number needs.
func appendWide(b []byte, w Wide) []byte {
	var raw [32]byte
	for i, word := range w {
		binary.LittleEndian.PutUint64(raw[8*i:], word)
	}
	fill := byte(0)
	if w[3]>>63 == 1 {
		fill = 0xff
	}
	n := len(raw)
	for n > 0 && raw[n-1] == fill && (n == 1 && fill == 0 || n > 1 && raw[n-2]>>7 == fill>>7) {
		n--
	}
	return append(append(b, byte(n)), raw[:n]...)
}

func readWide(d *wire.Decoder) (w Wide) {
	n := int(d.Byte())
	if n > 32 || n > len(d.Rest) {
		d.Bad = true
		return w
	}
	if n == 0 {
		return w
	}
	var raw [32]byte
	if d.Rest[n-1]>>7 == 1 {
		for i := range raw {
			raw[i] = 0xff
		}
	}
	copy(raw[:], d.Rest[:n])
	d.Rest = d.Rest[n:]
	for i := range w {
		w[i] = binary.LittleEndian.Uint64(raw[8*i:])
	}
	return w
}
