package pages

import (
	"fmt"
	"html/template"
	"math"
	"strings"

	"github.com/tracklayer/tracklayer/pages/draw"
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

// forest pictures the intervals of the lift of every treatment, three a treatment.
func forest(rows []forestRow, direction string) template.HTML {
	var all []draw.Treatment
	var words []string
	for _, r := range rows {
		one := draw.Treatment{Name: clip(r.name, 40), Colour: r.colour, Lift: r.lift, Intervals: []draw.Interval{
			{Kind: "credible", Levels: draw.Levels(r.of.Credible)},
			{Kind: "confidence", Levels: draw.Levels(r.of.Confidence)},
			{Kind: "always valid", Levels: draw.Levels(r.of.Sequential)},
		}}
		for _, of := range one.Intervals {
			if of.P95 != nil {
				words = append(words, fmt.Sprintf("%s, %s: %s to %s.", r.name, of.Kind, signed(of.P95[0]), signed(of.P95[1])))
			}
		}
		all = append(all, one)
	}
	better := "right is better"
	if direction == "decrease" {
		better = "left is better"
	}
	return draw.Forest(all, better, "Intervals of the lift, 95%.", strings.Join(words, " "))
}

// mini pictures one interval in the list: the lift of the primary metric.
func mini(lift *float64, levels readout.Levels) template.HTML {
	if levels.P95 == nil {
		return ""
	}
	return draw.Mini(lift, draw.Levels(levels), "95% interval of the lift:", signed(levels.P95[0])+" to "+signed(levels.P95[1]))
}

// hill is one variant's posterior of its rate or mean.
type hill struct {
	draw.Hill
	name string
}

// hillOf is the posterior that goes with a row; false if there is not enough for one. Of a proportion it is
// Beta(1+conversions, 1+others), the one behind the probabilities.
func hillOf(row *readout.Row, kind registry.MetricType, i int) (hill, bool) {
	h := hill{name: row.Variant, Hill: draw.Hill{Colour: i}}
	if kind == registry.Proportion {
		if row.Users == 0 {
			return h, false
		}
		h.A, h.B = float64(1+row.ConvertedUsers), float64(1+row.Users-row.ConvertedUsers)
		n := h.A + h.B
		h.Mean, h.SD = h.A/n, math.Sqrt(h.A*h.B/(n*n*(n+1)))
		return h, true
	}
	if row.Mean == nil || row.Variance == nil || row.Users < 2 || *row.Variance <= 0 {
		return h, false
	}
	h.Mean, h.SD = *row.Mean, math.Sqrt(*row.Variance/float64(row.Users))
	return h, true
}

// densities pictures how plausible each rate or mean is for each variant.
func densities(hills []hill, kind registry.MetricType) template.HTML {
	var all []draw.Hill
	var words []string
	for _, h := range hills {
		all = append(all, h.Hill)
		words = append(words, fmt.Sprintf("%s around %s, give or take %s.", h.name, value(h.Mean, kind), value(h.SD, kind)))
	}
	label := func(x float64) string { return strings.TrimPrefix(valueAxis(x, kind), "+") }
	return draw.Densities(all, kind == registry.Proportion, label, strings.Join(words, " "))
}

func valueAxis(x float64, kind registry.MetricType) string {
	if kind == registry.Proportion {
		return draw.Axis(x)
	}
	return short(x)
}
