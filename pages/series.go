package pages

import (
	"errors"
	"fmt"
	"html/template"
	"math"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/problem"
	"github.com/tracklayer/tracklayer/readout"
	"github.com/tracklayer/tracklayer/registry"
)

// timeseries asks how the primary metric went over the days; nil where there is no primary metric.
func (p *Pages) timeseries(q *request, id string, s shown, population string) (*readout.Timeseries, error) {
	ask := s.ask()
	ask.Set("population", population)
	a, err := p.call(q, http.MethodGet, apiPath(id, "/timeseries?")+ask.Encode(), nil)
	if said := (problem.Problem{}); errors.As(err, &said) && said.Status == http.StatusNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	t := &readout.Timeseries{}
	if err := decode(a.body.Bytes(), t); err != nil {
		return nil, fmt.Errorf("read the time series of %q: %w", id, err)
	}
	return t, nil
}

// maxDrawn bounds how many pictures are kept.
const maxDrawn = 256

// drawn keeps the pictures over time until something about the experiment changes: they cost more than the rest of a
// page.
type drawn struct {
	mu  sync.Mutex
	all map[string]keptCharts
}

type keptCharts struct {
	state  stamped
	charts []chart
}

// stamped is all that a page of the newest state hangs on.
type stamped struct {
	of   *core.Aggregate
	x    *registry.Experiment
	hour int64 // of the watermark, by which users mature
}

func stampOf(s *core.Snapshot) stamped {
	return stamped{s.Aggregate, s.Experiment, int64(s.Watermark) / 3_600_000}
}

// charts begins to draw the pictures over time, beside whatever else the page needs, and returns what waits for them.
func (p *Pages) charts(q *request, of *core.Snapshot, s shown) func() ([]chart, error) {
	key, state := of.ID+"?"+s.ask().Encode(), stampOf(of)
	p.drawn.mu.Lock()
	kept, known := p.drawn.all[key]
	p.drawn.mu.Unlock()
	if known && kept.state == state && s.atSeq == "" {
		return func() ([]chart, error) { return kept.charts, nil }
	}
	var all []chart
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if cause := recover(); cause != nil { // as the server does for the request itself
				err = fmt.Errorf("draw the pictures of %q: %v", of.ID, cause)
			}
		}()
		all, err = p.draw(q, of.ID, s)
	}()
	return func() ([]chart, error) {
		<-done
		if err == nil && s.atSeq == "" {
			p.keep(key, keptCharts{state, all})
		}
		return all, err
	}
}

func (p *Pages) keep(key string, c keptCharts) {
	p.drawn.mu.Lock()
	defer p.drawn.mu.Unlock()
	if len(p.drawn.all) >= maxDrawn {
		clear(p.drawn.all)
	}
	p.drawn.all[key] = c
}

// draw makes the pictures: of the matured, on whom a decision rests, as soon as there are any.
func (p *Pages) draw(q *request, id string, s shown) ([]chart, error) {
	t, err := p.timeseries(q, id, s, readout.MaturedOnly)
	if err != nil || t == nil || len(t.Days) == 0 {
		return nil, err
	}
	if !compared(t) {
		if t, err = p.timeseries(q, id, s, readout.All); err != nil || t == nil || len(t.Days) == 0 {
			return nil, err
		}
	}
	of := map[string]int{} // a variant has one colour everywhere: that of its place in the definition
	for i, v := range t.Days[0].Variants {
		of[v.Variant] = i
	}
	var all []chart
	for _, one := range []chart{liftChart(t, of), usersChart(t, of), ageChart(t, of)} {
		if one.Picture != "" {
			all = append(all, one)
		}
	}
	return all, nil
}

// compared reports whether there is a day with a lift.
func compared(t *readout.Timeseries) bool {
	for _, d := range t.Days {
		for _, v := range d.Variants {
			if v.Contrast != nil && v.Lift != nil {
				return true
			}
		}
	}
	return false
}

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

// day writes a day without its year.
func dayOf(day string) string {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return day
	}
	return t.Format("2 Jan")
}

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
