package pages

import (
	"fmt"
	"math"
	"strings"

	"github.com/tracklayer/tracklayer/pages/draw"
	"github.com/tracklayer/tracklayer/readout"
	"github.com/tracklayer/tracklayer/registry"
)

// ageChart pictures the effect by days since the first exposure: of a proportion the difference of the shares that
// convert on that day, with its 95% interval; of anything else what a user brought on that day, by variant.
func ageChart(t *readout.Timeseries, of map[string]int) chart {
	if len(t.DaysSinceExposure) < 2 {
		return chart{}
	}
	if t.Type == registry.Proportion {
		return hazardChart(t, of)
	}
	c := chart{ID: "chart-age", Title: "Per user, by days since the first exposure", Head: []string{"Day", "Variant", "Per user", "Users"}}
	lo, hi := 0.0, 0.0
	for _, d := range t.DaysSinceExposure {
		for _, v := range d.Variants {
			if v.PerUser != nil {
				lo, hi = min(lo, *v.PerUser), max(hi, *v.PerUser)
			}
		}
	}
	if hi == lo {
		return c
	}
	var lines []draw.Line
	for k, v := range t.DaysSinceExposure[0].Variants {
		ys := make([]float64, len(t.DaysSinceExposure))
		for i, d := range t.DaysSinceExposure {
			ys[i] = math.NaN()
			if x := d.Variants[k].PerUser; x != nil {
				ys[i] = *x
				c.Rows = append(c.Rows, []string{fmt.Sprint(d.Day), v.Variant, short(*x), whole(d.Variants[k].Users)})
			}
		}
		lines = append(lines, draw.Line{Colour: of[v.Variant], Ys: ys})
		c.Legend = append(c.Legend, legend{draw.Colour(of[v.Variant]), v.Variant})
	}
	c.Picture = draw.Lines(ageAxes(t, lo, 1.05*hi, short), lines, c.Title+".", "")
	c.Note = "Only users for whom that day is over. Shows whether an effect fades or grows."
	return c
}

func ageAxes(t *readout.Timeseries, lo, hi float64, label func(float64) string) draw.Axes {
	a := draw.Axes{Low: lo, High: hi, Label: label}
	for _, d := range t.DaysSinceExposure {
		a.Places = append(a.Places, fmt.Sprintf("day %d", d.Day))
	}
	return a
}

// hazardChart is ageChart of a proportion.
func hazardChart(t *readout.Timeseries, of map[string]int) chart {
	c := chart{ID: "chart-age", Title: "Effect by days since the first exposure", Head: []string{"Day", "Variant", "Difference", "95% interval", "Had not converted before"}}
	most := 0.0
	for _, d := range t.DaysSinceExposure {
		for _, v := range d.Variants {
			if v.Difference != nil && v.StandardError != nil {
				most = max(most, math.Abs(*v.Difference)+1.96**v.StandardError)
			}
		}
	}
	if most == 0 {
		return c
	}
	var whiskers []draw.Whisker
	n := 0
	for k, v := range t.DaysSinceExposure[0].Variants {
		if v.Variant == t.Control {
			continue
		}
		for i, d := range t.DaysSinceExposure {
			one := d.Variants[k]
			if one.Difference == nil || one.StandardError == nil {
				continue
			}
			half := 1.96 * *one.StandardError
			whiskers = append(whiskers, draw.Whisker{Place: i, Colour: of[v.Variant], Beside: n, At: *one.Difference, Half: half})
			c.Rows = append(c.Rows, []string{
				fmt.Sprint(d.Day), v.Variant, difference(*one.Difference, t.Type),
				difference(*one.Difference-half, t.Type) + " … " + difference(*one.Difference+half, t.Type), whole(one.AtRisk),
			})
		}
		c.Legend = append(c.Legend, legend{draw.Colour(of[v.Variant]), v.Variant})
		n++
	}
	axes := ageAxes(t, -1.1*most, 1.1*most, func(x float64) string { return strings.Replace(draw.Axis(x), "%", "pp", 1) })
	c.Picture = draw.Whiskers(axes, whiskers, c.Title+".", "The differences are in the table.")
	c.Note = "Difference to control of the share that converts for the first time on that day, in percentage points, with its 95% interval."
	return c
}
