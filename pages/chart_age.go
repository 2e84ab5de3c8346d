package pages

import (
	"fmt"
	"math"
	"strings"

	"github.com/tracklayer/tracklayer/readout"
	"github.com/tracklayer/tracklayer/registry"
)

// ageChart pictures the effect by days since the first exposure: of a proportion the difference of the shares that
// convert on that day, with its 95 % interval; of anything else what a user brought on that day, by variant.
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
	p := agePlot(t, lo, 1.05*hi, short)
	for k, v := range t.DaysSinceExposure[0].Variants {
		ys := make([]float64, len(t.DaysSinceExposure))
		for i, d := range t.DaysSinceExposure {
			ys[i] = math.NaN()
			if x := d.Variants[k].PerUser; x != nil {
				ys[i] = p.y.at(*x)
				c.Rows = append(c.Rows, []string{fmt.Sprint(d.Day), v.Variant, short(*x), whole(d.Variants[k].Users)})
			}
		}
		p.path(p.xs, ys, "curve "+colour(of[v.Variant]))
		c.Legend = append(c.Legend, legend{colour(of[v.Variant]), v.Variant})
	}
	c.Picture = p.done("chart", c.Title+".", "")
	c.Note = "Of the users for whom that day is over. An effect that fades or grows shows here."
	return c
}

func agePlot(t *readout.Timeseries, lo, hi float64, label func(float64) string) *plot {
	return newPlot(len(t.DaysSinceExposure), lo, hi, label, func(i int) string { return fmt.Sprintf("day %d", t.DaysSinceExposure[i].Day) })
}

// hazardChart is ageChart of a proportion.
func hazardChart(t *readout.Timeseries, of map[string]int) chart {
	c := chart{ID: "chart-age", Title: "Effect by days since the first exposure", Head: []string{"Day", "Variant", "Difference", "95 % interval", "Had not converted before"}}
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
	p := agePlot(t, -1.1*most, 1.1*most, func(x float64) string { return strings.Replace(axis(x), "%", "pp", 1) })
	p.rule(plotLeft, p.y.at(0), p.width-plotRight, p.y.at(0), "zero")
	n := 0
	for k, v := range t.DaysSinceExposure[0].Variants {
		if v.Variant == t.Control {
			continue
		}
		shift := 5 * float64(n)
		n++
		for i, d := range t.DaysSinceExposure {
			one := d.Variants[k]
			if one.Difference == nil || one.StandardError == nil {
				continue
			}
			x, half := p.xs[i]+shift, 1.96**one.StandardError
			p.rule(x, p.y.at(*one.Difference-half), x, p.y.at(*one.Difference+half), "whisker "+colour(of[v.Variant]))
			p.tag("circle", "cx", x, "cy", p.y.at(*one.Difference), "r", 3.5, "class", "fillc "+colour(of[v.Variant]))
			c.Rows = append(c.Rows, []string{
				fmt.Sprint(d.Day), v.Variant, difference(*one.Difference, t.Type),
				difference(*one.Difference-half, t.Type) + " … " + difference(*one.Difference+half, t.Type), whole(one.AtRisk),
			})
		}
		c.Legend = append(c.Legend, legend{colour(of[v.Variant]), v.Variant})
	}
	c.Picture = p.done("chart", c.Title+".", "The differences are in the table.")
	c.Note = "Difference to control of the share that converts for the first time on that day, in percentage points, with its 95 % interval."
	return c
}
