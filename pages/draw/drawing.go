// Package draw makes the pictures of the pages: numbers in, SVG text out. It has no state, and knows nothing of experiments:
// colours and fonts are the style sheet's, by class, and how a number is written is the caller's, as a function.
//
// Only pages may import it, and it imports nothing of this module.
package draw

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"
)

// scale maps the numbers from lo to hi to places from a to b.
type scale struct{ lo, hi, a, b float64 }

func (s scale) at(x float64) float64 {
	if s.hi == s.lo {
		return (s.a + s.b) / 2
	}
	return s.a + (x-s.lo)/(s.hi-s.lo)*(s.b-s.a)
}

// clamp is at for numbers that may lie outside.
func (s scale) clamp(x float64) float64 { return s.at(min(max(x, s.lo), s.hi)) }

// ticks are about n round numbers from lo to hi.
func ticks(lo, hi float64, n int) []float64 {
	if !(hi > lo) {
		return []float64{lo}
	}
	raw := (hi - lo) / float64(n)
	step := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, factor := range [...]float64{1, 2, 5, 10} {
		if step*factor >= raw {
			step *= factor
			break
		}
	}
	var all []float64
	for i := math.Ceil(lo/step - 1e-9); i*step <= hi+step*1e-9; i++ {
		all = append(all, i*step)
	}
	return all
}

// xy writes a place with one digit after the point.
func xy(x float64) string { return strconv.FormatFloat(math.Round(x*10)/10, 'f', -1, 64) }

// drawing is an SVG being written. Colours and fonts are the style sheet's, by class.
type drawing struct {
	strings.Builder
	width, height float64
}

// tag writes an element without content. Attributes come in pairs of name and value, places as numbers.
func (d *drawing) tag(name string, attributes ...any) {
	d.WriteString("<" + name)
	for i := 0; i+1 < len(attributes); i += 2 {
		value := fmt.Sprint(attributes[i+1])
		if x, ok := attributes[i+1].(float64); ok {
			value = xy(x)
		}
		fmt.Fprintf(d, ` %s="%s"`, attributes[i], template.HTMLEscapeString(value))
	}
	d.WriteString("/>")
}

// text writes words at a place. The class says how: "end" and "middle" are where the place is in them.
func (d *drawing) text(x, y float64, class, words string) {
	fmt.Fprintf(d, `<text x="%s" y="%s" class="%s">%s</text>`, xy(x), xy(y), class, template.HTMLEscapeString(words))
}

// rule writes a straight line.
func (d *drawing) rule(x1, y1, x2, y2 float64, class string) {
	d.tag("line", "x1", x1, "y1", y1, "x2", x2, "y2", y2, "class", class)
}

// path writes a line through points, as many xs as ys; the line has a gap at a point that is NaN.
func (d *drawing) path(xs, ys []float64, class string) {
	var p strings.Builder
	move := byte('M')
	for i := range xs {
		if math.IsNaN(ys[i]) {
			move = 'M'
			continue
		}
		p.WriteByte(move)
		p.WriteString(xy(xs[i]) + " " + xy(ys[i]))
		move = 'L'
	}
	if p.Len() > 0 {
		d.tag("path", "d", p.String(), "class", class)
	}
}

// band fills what is between two lines, without the points at which either is NaN.
func (d *drawing) band(xs, low, high []float64, class string) {
	var there, back []string
	flush := func() {
		if len(there) > 1 {
			for i, j := 0, len(back)-1; i < j; i, j = i+1, j-1 {
				back[i], back[j] = back[j], back[i]
			}
			d.tag("path", "d", "M"+strings.Join(append(there, back...), "L")+"Z", "class", class)
		}
		there, back = nil, nil
	}
	for i := range xs {
		if math.IsNaN(low[i]) || math.IsNaN(high[i]) {
			flush()
			continue
		}
		there = append(there, xy(xs[i])+" "+xy(high[i]))
		back = append(back, xy(xs[i])+" "+xy(low[i]))
	}
	flush()
}

// done is the drawing with its name and its content in words, for those who cannot see it.
func (d *drawing) done(class, name, words string) template.HTML {
	return template.HTML(fmt.Sprintf(`<svg class="%s" viewBox="0 0 %s %s" role="img" aria-label="%s">%s</svg>`, class, // everything in it is escaped
		xy(d.width), xy(d.height), template.HTMLEscapeString(strings.TrimSpace(name+" "+words)), d.String()))
}

// arms is how many colours variants have before they begin again; the first is the control's.
const arms = 8

// Colour is the class of a variant's colour.
func Colour(i int) string { return "c" + strconv.Itoa(i%arms) }
