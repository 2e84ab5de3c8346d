package pages

import (
	"fmt"
	"html/template"
	"math"
	"strings"

	"github.com/tracklayer/tracklayer/readout"
	"github.com/tracklayer/tracklayer/registry"
)

// forestRow is one treatment in a picture of intervals.
type forestRow struct {
	name   string
	colour int
	lift   *float64
	of     readout.Intervals
}

// reach is how far a picture of intervals goes: over all of them, but not so far that an early one, which may be
// endless, leaves no room for the others.
func reach(rows []forestRow) (lo, hi float64) {
	most := 0.1
	for _, r := range rows {
		if r.lift != nil {
			most = max(most, 3*math.Abs(*r.lift))
		}
		if c := r.of.Credible.P80; c != nil {
			most = max(most, 1.6*max(math.Abs(c[0]), math.Abs(c[1])))
		}
	}
	most = min(most, 20)
	for _, r := range rows {
		for _, levels := range []readout.Levels{r.of.Credible, r.of.Confidence, r.of.Sequential} {
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

// forest pictures the intervals of the lift of every treatment: three a treatment, each at 80, 90 and 95 %, thick to
// thin.
func forest(rows []forestRow, direction string) template.HTML {
	if len(rows) == 0 {
		return ""
	}
	const left, line, head = 104, 20, 26
	d := &drawing{width: 480, height: float64(len(rows))*(head+3*line) + 40}
	lo, hi := reach(rows)
	x := scale{lo, hi, left, d.width - 10}
	base := d.height - 34
	for _, t := range ticks(lo, hi, 5) {
		d.rule(x.at(t), 8, x.at(t), base, "grid")
		d.text(x.at(t), base+18, "tick middle", axis(t))
	}
	d.rule(x.clamp(0), 4, x.clamp(0), base, "zero")
	better := "right is better"
	if direction == "decrease" {
		better = "left is better"
	}
	d.text(d.width-10, d.height-2, "tick end", "lift against control; "+better)
	var words []string
	y := 0.0
	for _, r := range rows {
		d.text(4, y+19, "label", clip(r.name, 40))
		y += head
		for i, levels := range []readout.Levels{r.of.Credible, r.of.Confidence, r.of.Sequential} {
			kind := [...]string{"credible", "confidence", "always valid"}[i]
			d.text(left-10, y+14, "tick end", kind)
			d.levels(x, y+line/2, levels, r.lift, fmt.Sprintf("%s k%d", colour(r.colour), i))
			if levels.P95 != nil {
				words = append(words, fmt.Sprintf("%s, %s: %s to %s.", r.name, kind, signed(levels.P95[0]), signed(levels.P95[1])))
			}
			y += line
		}
	}
	return d.done("chart forest", "Intervals of the lift, 95 %.", strings.Join(words, " "))
}

// levels draws one interval. An end outside the picture has an arrow.
func (d *drawing) levels(x scale, y float64, levels readout.Levels, lift *float64, class string) {
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

// axis writes a share at an axis.
func axis(x float64) string {
	text := strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.2f", math.Abs(100*x)), "0"), ".")
	switch {
	case text == "0":
		return "0"
	case x < 0:
		return minus + text + "%"
	}
	return "+" + text + "%"
}

// mini pictures one interval in the list: the lift of the primary metric, always around nothing.
func mini(lift *float64, levels readout.Levels) template.HTML {
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
	return d.done("mini", "95 % interval of the lift:", signed(levels.P95[0])+" to "+signed(levels.P95[1]))
}

// hill is one variant's posterior of its rate or mean: a Beta of conversions, or a normal.
type hill struct {
	name   string
	colour int
	a, b   float64 // of a Beta; 0: a normal
	mean   float64
	sd     float64
}

// hillOf is the posterior that goes with a row; false where there is not enough for one. Of a proportion it is
// Beta(1+conversions, 1+others), the one behind the probabilities.
func hillOf(row *readout.Row, kind registry.MetricType, i int) (hill, bool) {
	h := hill{name: row.Variant, colour: i}
	if kind == registry.Proportion {
		if row.Users == 0 {
			return h, false
		}
		h.a, h.b = float64(1+row.ConvertedUsers), float64(1+row.Users-row.ConvertedUsers)
		n := h.a + h.b
		h.mean, h.sd = h.a/n, math.Sqrt(h.a*h.b/(n*n*(n+1)))
		return h, true
	}
	if row.Mean == nil || row.Variance == nil || row.Users < 2 || *row.Variance <= 0 {
		return h, false
	}
	h.mean, h.sd = *row.Mean, math.Sqrt(*row.Variance/float64(row.Users))
	return h, true
}

// density is the hill's height.
func (h hill) density(x float64) float64 {
	if h.a == 0 {
		z := (x - h.mean) / h.sd
		return math.Exp(-z*z/2) / (h.sd * math.Sqrt(2*math.Pi))
	}
	if x <= 0 || x >= 1 {
		return 0
	}
	ab, _ := math.Lgamma(h.a + h.b)
	a, _ := math.Lgamma(h.a)
	b, _ := math.Lgamma(h.b)
	return math.Exp((h.a-1)*math.Log(x) + (h.b-1)*math.Log1p(-x) + ab - a - b)
}

// densities pictures how plausible each rate or mean is for each variant.
func densities(hills []hill, kind registry.MetricType) template.HTML {
	if len(hills) < 2 {
		return ""
	}
	const steps = 80
	d := &drawing{width: 480, height: 190}
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, h := range hills {
		lo, hi = min(lo, h.mean-4*h.sd), max(hi, h.mean+4*h.sd)
	}
	if kind == registry.Proportion {
		lo, hi = max(lo, 0), min(hi, 1)
	}
	top := 0.0
	xs, heights := make([]float64, steps+1), make([][]float64, len(hills))
	x := scale{lo, hi, 10, d.width - 10}
	for k, h := range hills {
		heights[k] = make([]float64, steps+1)
		for i := range xs {
			at := lo + (hi-lo)*float64(i)/steps
			xs[i] = x.at(at)
			heights[k][i] = h.density(at)
			top = max(top, heights[k][i])
		}
	}
	base := d.height - 28
	y := scale{0, top, base, 14}
	for _, t := range ticks(lo, hi, 5) {
		d.rule(x.at(t), 10, x.at(t), base, "grid")
		d.text(x.at(t), base+18, "tick middle", strings.TrimPrefix(valueAxis(t, kind), "+"))
	}
	var words []string
	for k, h := range hills {
		low, high := make([]float64, steps+1), make([]float64, steps+1)
		for i := range heights[k] {
			low[i], high[i] = base, y.at(heights[k][i])
		}
		d.band(xs, low, high, "hill "+colour(h.colour))
		d.path(xs, high, "curve "+colour(h.colour))
		words = append(words, fmt.Sprintf("%s around %s, give or take %s.", h.name, value(h.mean, kind), value(h.sd, kind)))
	}
	d.rule(10, base, d.width-10, base, "base")
	return d.done("chart", "Posterior density by variant.", strings.Join(words, " "))
}

func valueAxis(x float64, kind registry.MetricType) string {
	if kind == registry.Proportion {
		return axis(x)
	}
	return short(x)
}
