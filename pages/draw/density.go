package draw

import (
	"html/template"
	"math"
)

// Hill is one variant's posterior of its rate or mean: a Beta of conversions, or a normal.
type Hill struct {
	Colour int
	A, B   float64 // of a Beta; 0: a normal
	Mean   float64
	SD     float64
}

// density is the hill's height.
func (h Hill) density(x float64) float64 {
	if h.A == 0 {
		z := (x - h.Mean) / h.SD
		return math.Exp(-z*z/2) / (h.SD * math.Sqrt(2*math.Pi))
	}
	if x <= 0 || x >= 1 {
		return 0
	}
	ab, _ := math.Lgamma(h.A + h.B)
	a, _ := math.Lgamma(h.A)
	b, _ := math.Lgamma(h.B)
	return math.Exp((h.A-1)*math.Log(x) + (h.B-1)*math.Log1p(-x) + ab - a - b)
}

// Densities pictures how plausible each value is for each variant; shares: between 0 and 1 only. Label writes a value at
// the axis.
func Densities(hills []Hill, shares bool, label func(float64) string, words string) template.HTML {
	if len(hills) < 2 {
		return ""
	}
	const steps = 80
	d := &drawing{width: 480, height: 190}
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, h := range hills {
		lo, hi = min(lo, h.Mean-4*h.SD), max(hi, h.Mean+4*h.SD)
	}
	if shares {
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
		d.text(x.at(t), base+18, "tick middle", label(t))
	}
	for k, h := range hills {
		low, high := make([]float64, steps+1), make([]float64, steps+1)
		for i := range heights[k] {
			low[i], high[i] = base, y.at(heights[k][i])
		}
		d.band(xs, low, high, "hill "+Colour(h.Colour))
		d.path(xs, high, "curve "+Colour(h.Colour))
	}
	d.rule(10, base, d.width-10, base, "base")
	return d.done("chart", "Posterior density by variant.", words)
}
