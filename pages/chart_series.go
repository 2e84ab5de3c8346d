package pages

import (
	"fmt"
	"math"
	"strings"

	"github.com/tracklayer/tracklayer/readout"
)

// track is a treatment's lift day by day.
type track struct {
	name           string
	colour         int
	lift, low, top []float64
	marks          []string
}

// tracks reads the treatments' lifts off a series. What does not exist is NaN.
func tracks(t *readout.Timeseries, of map[string]int) (all []track) {
	if len(t.Days) == 0 {
		return nil
	}
	for i, v := range t.Days[0].Variants {
		if v.Variant == t.Control {
			continue
		}
		one := track{name: v.Variant, colour: of[v.Variant]}
		for _, d := range t.Days {
			lift, low, top, mark := math.NaN(), math.NaN(), math.NaN(), ""
			if c := d.Variants[i].Contrast; c != nil {
				if c.Lift != nil {
					lift = *c.Lift
				}
				if c.SequentialInterval != nil {
					low, top = c.SequentialInterval[0], c.SequentialInterval[1]
				}
				mark = c.EarlyStop
			}
			one.lift, one.low, one.top, one.marks = append(one.lift, lift), append(one.low, low), append(one.top, top), append(one.marks, mark)
		}
		all = append(all, one)
	}
	return all
}

// room is how far a picture of lifts goes: so far that the second half of the days is in it, whatever the first days were.
func room(all []track) float64 {
	most := 0.05
	for _, one := range all {
		for i := len(one.lift) / 2; i < len(one.lift); i++ {
			for _, x := range []float64{one.lift[i], one.low[i], one.top[i]} {
				if !math.IsNaN(x) {
					most = max(most, math.Abs(x))
				}
			}
		}
	}
	return min(1.1*most, 5)
}

func liftChart(t *readout.Timeseries, of map[string]int) chart {
	all := tracks(t, of)
	c := chart{ID: "chart-lift", Title: "Lift so far, " + t.Metric, Head: []string{"Day", "Variant", "Lift", "Always-valid interval", "Beats control"}}
	if len(all) == 0 || !compared(t) {
		return c
	}
	most := room(all)
	p := newPlot(len(t.Days), -most, most, axis, func(i int) string { return dayOf(t.Days[i].Day) })
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
	var words []string
	for _, one := range all {
		class := colour(one.colour)
		c.Legend = append(c.Legend, legend{class, one.name})
		p.band(p.xs, inside(one.low), inside(one.top), "bandfill "+class)
		p.path(p.xs, inside(one.lift), "curve "+class)
		before := ""
		for i, mark := range one.marks {
			if mark != "" && mark != before {
				x := p.xs[i]
				p.rule(x, 10, x, p.base, "mark-line")
				p.text(min(x+4, p.width-50), 22, "label", mark)
				words = append(words, fmt.Sprintf("%s: early-stop marker %s on %s.", one.name, mark, date(t.Days[i].Day)))
			}
			before = mark
		}
		if last := one.lift[len(one.lift)-1]; !math.IsNaN(last) {
			words = append(words, fmt.Sprintf("%s ends at %s.", one.name, signed(last)))
		}
	}
	p.hits(func(i int) string { return liftWords(t, i) })
	c.Picture = p.done("chart", c.Title+".", strings.Join(words, " "))
	c.Note = "Line: lift of the " + populationWord(t.Population) + " at the end of each day (UTC). Band: always-valid interval, 95 %."
	for i := len(t.Days) - 1; i >= 0; i-- {
		for _, v := range t.Days[i].Variants {
			if v.Contrast != nil && v.Lift != nil {
				c.Rows = append(c.Rows, []string{dayOf(t.Days[i].Day), v.Variant, signed(*v.Lift), text(span(v.SequentialInterval, nil, "")), text(from(v.ProbabilityToBeatControl, probability, nil, ""))})
			}
		}
	}
	return c
}

func populationWord(population string) string {
	if population == readout.MaturedOnly {
		return "matured users"
	}
	return "users exposed so far (nobody has matured yet)"
}

// liftWords are a day's lifts in words.
func liftWords(t *readout.Timeseries, i int) string {
	words := []string{dayOf(t.Days[i].Day)}
	for _, v := range t.Days[i].Variants {
		if v.Contrast == nil || v.Lift == nil {
			continue
		}
		one := v.Variant + " " + signed(*v.Lift)
		if s := v.SequentialInterval; s != nil {
			one += " (" + signed(s[0]) + " … " + signed(s[1]) + ")"
		}
		words = append(words, one)
	}
	return strings.Join(words, ", ")
}

// usersChart pictures who was exposed for the first time on each day.
func usersChart(t *readout.Timeseries, of map[string]int) chart {
	c := chart{ID: "chart-users", Title: "New exposed users a day"}
	if len(t.Days) < 2 {
		return c
	}
	c.Head = []string{"Day"}
	most := 1.0
	for _, v := range t.Days[0].Variants {
		c.Head = append(c.Head, v.Variant)
	}
	for _, d := range t.Days {
		for _, v := range d.Variants {
			most = max(most, float64(v.NewUsers))
		}
	}
	p := newPlot(len(t.Days), 0, 1.05*most, func(x float64) string { return fixed(x, 0) }, func(i int) string { return dayOf(t.Days[i].Day) })
	var words []string
	for k, v := range t.Days[0].Variants {
		ys := make([]float64, len(t.Days))
		var sum int64
		for i, d := range t.Days {
			ys[i] = p.y.at(float64(d.Variants[k].NewUsers))
			sum += d.Variants[k].NewUsers
		}
		p.path(p.xs, ys, "curve thin "+colour(of[v.Variant]))
		words = append(words, fmt.Sprintf("%s: %s in all.", v.Variant, whole(sum)))
		c.Legend = append(c.Legend, legend{colour(of[v.Variant]), v.Variant})
	}
	p.hits(func(i int) string { return strings.Join(usersWords(t, i), ", ") })
	c.Picture = p.done("chart", c.Title+".", strings.Join(words, " "))
	for i := len(t.Days) - 1; i >= 0; i-- {
		row := []string{dayOf(t.Days[i].Day)}
		for _, v := range t.Days[i].Variants {
			row = append(row, whole(v.NewUsers))
		}
		c.Rows = append(c.Rows, row)
	}
	return c
}

func usersWords(t *readout.Timeseries, i int) []string {
	words := []string{dayOf(t.Days[i].Day)}
	for _, v := range t.Days[i].Variants {
		words = append(words, v.Variant+" "+whole(v.NewUsers))
	}
	return words
}
