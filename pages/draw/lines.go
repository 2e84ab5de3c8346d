package draw

import (
	"html/template"
	"math"
)

// Axes are what the pictures over days have in common.
type Axes struct {
	Places []string // names of the days, from left to right
	Low    float64  // of the numbers, from bottom to top
	High   float64
	Label  func(float64) string // writes a number at the axis
	Points []string             // what each day says to a pointer; nil: nothing
}

func (a *Axes) plot() *plot {
	return newPlot(len(a.Places), a.Low, a.High, a.Label, func(i int) string { return a.Places[i] })
}

// done ends a picture.
func (a *Axes) done(p *plot, name, words string) template.HTML {
	if a.Points != nil {
		p.hits(func(i int) string { return a.Points[i] })
	}
	return p.done("chart", name, words)
}

// Line is one variant's numbers, one a day; NaN if there is none.
type Line struct {
	Colour int
	Thin   bool
	Ys     []float64
}

// Lines pictures numbers day by day.
func Lines(a Axes, lines []Line, name, words string) template.HTML {
	p := a.plot()
	for _, one := range lines {
		ys := make([]float64, len(one.Ys))
		for i, y := range one.Ys {
			if ys[i] = math.NaN(); !math.IsNaN(y) {
				ys[i] = p.y.at(y)
			}
		}
		class := "curve "
		if one.Thin {
			class = "curve thin "
		}
		p.path(p.xs, ys, class+Colour(one.Colour))
	}
	return a.done(p, name, words)
}

// Track is a treatment's lift with its interval, one a day; NaN if there is none.
type Track struct {
	Colour         int
	Lift, Low, Top []float64
	Marks          []string // a word that begins on that day
}

// Room is the range of a chart of lifts. It contains the second half of the days, however wide the first days were.
func Room(all []Track) float64 {
	most := 0.05
	for _, one := range all {
		for i := len(one.Lift) / 2; i < len(one.Lift); i++ {
			for _, x := range []float64{one.Lift[i], one.Low[i], one.Top[i]} {
				if !math.IsNaN(x) {
					most = max(most, math.Abs(x))
				}
			}
		}
	}
	return min(1.1*most, 5)
}

// Tracks draws lifts and their intervals day by day. Values outside the axes are drawn at their edge.
func Tracks(a Axes, all []Track, name, words string) template.HTML {
	p := a.plot()
	inside := func(xs []float64) []float64 {
		ys := make([]float64, len(xs))
		for i, x := range xs {
			if ys[i] = math.NaN(); !math.IsNaN(x) {
				ys[i] = p.y.clamp(x)
			}
		}
		return ys
	}
	p.rule(plotLeft, p.y.at(0), p.width-plotRight, p.y.at(0), "zero")
	for _, one := range all {
		class := Colour(one.Colour)
		p.band(p.xs, inside(one.Low), inside(one.Top), "bandfill "+class)
		p.path(p.xs, inside(one.Lift), "curve "+class)
		for i, mark := range one.Marks {
			if mark != "" {
				x := p.xs[i]
				p.rule(x, 10, x, p.base, "mark-line")
				p.text(min(x+4, p.width-50), 22, "label", mark)
			}
		}
	}
	return a.done(p, name, words)
}

// Whisker is a number with its interval at a place.
type Whisker struct {
	Place, Colour, Beside int // Beside: how many others stand at the place, to the left
	At, Half              float64
}

// Whiskers pictures numbers with their intervals, around nothing.
func Whiskers(a Axes, all []Whisker, name, words string) template.HTML {
	p := a.plot()
	p.rule(plotLeft, p.y.at(0), p.width-plotRight, p.y.at(0), "zero")
	for _, one := range all {
		x, class := p.xs[one.Place]+5*float64(one.Beside), Colour(one.Colour)
		p.rule(x, p.y.at(one.At-one.Half), x, p.y.at(one.At+one.Half), "whisker "+class)
		p.tag("circle", "cx", x, "cy", p.y.at(one.At), "r", 3.5, "class", "fillc "+class)
	}
	return a.done(p, name, words)
}
