package draw

import (
	"fmt"
	"html/template"
	"math"
	"strings"
)

const minus = "−"

// Levels are one interval at 80, 90 and 95 %; nil if it does not exist.
type Levels struct{ P80, P90, P95 *[2]float64 }

// Interval is one kind of interval.
type Interval struct {
	Kind string
	Levels
}

// Treatment is one variant in a picture of intervals.
type Treatment struct {
	Name      string
	Colour    int
	Lift      *float64   // nil: not known
	Intervals []Interval // the first says how far the picture goes
}

// reach is how far a picture of intervals goes: over all of them, but not so far that an early one, which may be
// endless, leaves no room for the others.
func reach(rows []Treatment) (lo, hi float64) {
	most := 0.1
	for _, r := range rows {
		if r.Lift != nil {
			most = max(most, 3*math.Abs(*r.Lift))
		}
		if len(r.Intervals) > 0 && r.Intervals[0].P80 != nil {
			c := r.Intervals[0].P80
			most = max(most, 1.6*max(math.Abs(c[0]), math.Abs(c[1])))
		}
	}
	most = min(most, 20)
	for _, r := range rows {
		for _, levels := range r.Intervals {
			if levels.P95 != nil {
				lo, hi = min(lo, levels.P95[0]), max(hi, levels.P95[1])
			}
		}
	}
	lo, hi = max(lo, -most), min(hi, most)
	pad := 0.04 * (hi - lo)
	if pad == 0 {
		pad = 0.05
	}
	return lo - pad, hi + pad
}

// Forest pictures the intervals of the lift of every treatment: each at 80, 90 and 95 %, thick to thin. The name and the
// words are for readers who cannot see it.
func Forest(rows []Treatment, better, name, words string) template.HTML {
	if len(rows) == 0 {
		return ""
	}
	const left, line, head = 104, 20, 26
	d := &drawing{width: 480, height: 40}
	for _, r := range rows {
		d.height += head + line*float64(len(r.Intervals))
	}
	lo, hi := reach(rows)
	x := scale{lo, hi, left, d.width - 10}
	base := d.height - 34
	for _, t := range ticks(lo, hi, 5) {
		d.rule(x.at(t), 8, x.at(t), base, "grid")
		d.text(x.at(t), base+18, "tick middle", Axis(t))
	}
	d.rule(x.clamp(0), 4, x.clamp(0), base, "zero")
	d.text(d.width-10, d.height-2, "tick end", "lift against control; "+better)
	y := 0.0
	for _, r := range rows {
		d.text(4, y+19, "label", r.Name)
		y += head
		for i, one := range r.Intervals {
			d.text(left-10, y+14, "tick end", one.Kind)
			d.levels(x, y+line/2, one.Levels, r.Lift, fmt.Sprintf("%s k%d", Colour(r.Colour), i))
			y += line
		}
	}
	return d.done("chart forest", name, words)
}

// levels draws one interval. An end outside the picture has an arrow.
func (d *drawing) levels(x scale, y float64, levels Levels, lift *float64, class string) {
	for i, level := range []*[2]float64{levels.P95, levels.P90, levels.P80} {
		if level == nil || level[0] > x.hi || level[1] < x.lo {
			continue
		}
		thick := [...]float64{3, 6, 10}[i]
		a, b := x.clamp(level[0]), x.clamp(level[1])
		d.tag("rect", "x", a, "y", y-thick/2, "width", max(b-a, 1), "height", thick, "rx", min(thick/2, 2), "class", fmt.Sprintf("ci%d %s", i, class))
		if level[0] < x.lo {
			d.tag("path", "d", fmt.Sprintf("M%s %sl6 -4v8Z", xy(a-5), xy(y)), "class", "ci2 "+class)
		}
		if level[1] > x.hi {
			d.tag("path", "d", fmt.Sprintf("M%s %sl-6 -4v8Z", xy(b+5), xy(y)), "class", "ci2 "+class)
		}
	}
	if lift != nil && levels.P95 != nil && *lift >= x.lo && *lift <= x.hi {
		d.tag("circle", "cx", x.at(*lift), "cy", y, "r", 3.5, "class", "dot")
	}
}

// Axis writes a share at an axis.
func Axis(x float64) string {
	text := strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.2f", math.Abs(100*x)), "0"), ".")
	switch {
	case text == "0":
		return "0"
	case x < 0:
		return minus + text + "%"
	}
	return "+" + text + "%"
}

// Mini pictures one interval, always around nothing, as small as a line of a list.
func Mini(lift *float64, levels Levels, name, words string) template.HTML {
	if levels.P95 == nil {
		return ""
	}
	d := &drawing{width: 140, height: 22}
	most := max(0.05, math.Abs(levels.P95[0]), math.Abs(levels.P95[1]))
	if lift != nil {
		most = min(most, max(0.05, 3*math.Abs(*lift), 1))
	}
	x := scale{-most * 1.05, most * 1.05, 6, d.width - 6}
	d.rule(x.at(0), 1, x.at(0), 21, "zero")
	d.levels(x, 11, levels, lift, "c1 k0")
	return d.done("mini", name, words)
}
