package pages

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/tracklayer/tracklayer/pages/draw"
	"github.com/tracklayer/tracklayer/readout"
)

// dayOf writes a day without its year.
func dayOf(day string) string {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return day
	}
	return t.Format("2 Jan")
}

// track is a treatment's lift day by day.
type track struct {
	draw.Track
	name string
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
		one := track{name: v.Variant, Track: draw.Track{Colour: of[v.Variant]}}
		before := ""
		for _, d := range t.Days {
			lift, low, top, now := math.NaN(), math.NaN(), math.NaN(), ""
			if c := d.Variants[i].Contrast; c != nil {
				if c.Lift != nil {
					lift = *c.Lift
				}
				if c.SequentialInterval != nil {
					low, top = c.SequentialInterval[0], c.SequentialInterval[1]
				}
				now = c.EarlyStop
			}
			mark := ""
			if now != before {
				mark = now
			}
			before = now
			one.Lift, one.Low, one.Top, one.Marks = append(one.Lift, lift), append(one.Low, low), append(one.Top, top), append(one.Marks, mark)
		}
		all = append(all, one)
	}
	return all
}

// days are the names of the days, and what each says to a pointer.
func days(t *readout.Timeseries, words func(*readout.Timeseries, int) string) (names, points []string) {
	for i, d := range t.Days {
		names, points = append(names, dayOf(d.Day)), append(points, words(t, i))
	}
	return names, points
}

func liftChart(t *readout.Timeseries, of map[string]int) chart {
	all := tracks(t, of)
	c := chart{ID: "chart-lift", Title: "Lift so far, " + t.Metric, Head: []string{"Day", "Variant", "Lift", "Always-valid interval", "Beats control"}}
	if len(all) == 0 || !compared(t) {
		return c
	}
	var drawn []draw.Track
	var words []string
	for _, one := range all {
		drawn = append(drawn, one.Track)
		c.Legend = append(c.Legend, legend{draw.Colour(one.Colour), one.name})
		for i, mark := range one.Marks {
			if mark != "" {
				words = append(words, fmt.Sprintf("%s: early-stop marker %s on %s.", one.name, mark, date(t.Days[i].Day)))
			}
		}
		if last := one.Lift[len(one.Lift)-1]; !math.IsNaN(last) {
			words = append(words, fmt.Sprintf("%s ends at %s.", one.name, signed(last)))
		}
	}
	most := draw.Room(drawn)
	axes := draw.Axes{Low: -most, High: most, Label: draw.Axis}
	axes.Places, axes.Points = days(t, liftWords)
	c.Picture = draw.Tracks(axes, drawn, c.Title+".", strings.Join(words, " "))
	c.Note = "Line: lift of the " + populationWord(t.Population) + " at the end of each day (UTC). Band: always-valid interval, 95%."
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
	return "users exposed so far (none matured yet)"
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
	c := chart{ID: "chart-users", Title: "New exposed users per day"}
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
	axes := draw.Axes{High: 1.05 * most, Label: func(x float64) string { return fixed(x, 0) }}
	axes.Places, axes.Points = days(t, usersWords)
	var lines []draw.Line
	var words []string
	for k, v := range t.Days[0].Variants {
		ys := make([]float64, len(t.Days))
		var sum int64
		for i, d := range t.Days {
			ys[i] = float64(d.Variants[k].NewUsers)
			sum += d.Variants[k].NewUsers
		}
		lines = append(lines, draw.Line{Colour: of[v.Variant], Thin: true, Ys: ys})
		words = append(words, fmt.Sprintf("%s: %s in total.", v.Variant, whole(sum)))
		c.Legend = append(c.Legend, legend{draw.Colour(of[v.Variant]), v.Variant})
	}
	c.Picture = draw.Lines(axes, lines, c.Title+".", strings.Join(words, " "))
	for i := len(t.Days) - 1; i >= 0; i-- {
		row := []string{dayOf(t.Days[i].Day)}
		for _, v := range t.Days[i].Variants {
			row = append(row, whole(v.NewUsers))
		}
		c.Rows = append(c.Rows, row)
	}
	return c
}

// usersWords are a day's new users in words.
func usersWords(t *readout.Timeseries, i int) string {
	words := []string{dayOf(t.Days[i].Day)}
	for _, v := range t.Days[i].Variants {
		words = append(words, v.Variant+" "+whole(v.NewUsers))
	}
	return strings.Join(words, ", ")
}
