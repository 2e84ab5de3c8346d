package draw

import (
	"fmt"
	"html/template"
	"math"
)

// plot is a drawing with days from left to right and numbers from bottom to top.
type plot struct {
	drawing
	x, y scale
	xs   []float64
	base float64
}

const (
	plotLeft  = 52
	plotRight = 8
)

// newPlot makes a plot of n places over the numbers from lo to hi, with its lines and labels.
func newPlot(n int, lo, hi float64, label func(float64) string, places func(i int) string) *plot {
	p := &plot{drawing: drawing{width: 480, height: 220}}
	p.base = p.height - 26
	p.y = scale{lo, hi, p.base, 10}
	p.x = scale{0, float64(max(n-1, 1)), plotLeft + 4, p.width - plotRight - 4}
	for _, t := range ticks(lo, hi, 4) {
		p.rule(plotLeft, p.y.at(t), p.width-plotRight, p.y.at(t), "grid")
		p.text(plotLeft-6, p.y.at(t)+4, "tick end", label(t))
	}
	for i := range n {
		p.xs = append(p.xs, p.x.at(float64(i)))
	}
	step := max(1, int(math.Ceil(float64(n)/4)))
	for i := 0; i < n; i += step {
		class := "tick middle"
		if i == 0 {
			class = "tick"
		}
		p.text(p.xs[i], p.base+18, class, places(i))
	}
	return p
}

// hits are places that say their numbers to a pointer.
func (p *plot) hits(words func(i int) string) {
	if len(p.xs) < 2 {
		return
	}
	half := (p.xs[1] - p.xs[0]) / 2
	for i, x := range p.xs {
		fmt.Fprintf(p, `<rect x="%s" y="10" width="%s" height="%s" class="hit"><title>%s</title></rect>`, xy(x-half), xy(2*half), xy(p.base-10), template.HTMLEscapeString(words(i)))
	}
}
