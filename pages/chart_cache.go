package pages

import (
	"fmt"
	"html/template"
	"sync"

	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/readout"
	"github.com/tracklayer/tracklayer/registry"
)

// maxDrawn bounds how many pictures are kept.
const maxDrawn = 256

// drawn caches the charts over time until the experiment changes: they cost more than the rest of a page.
type drawn struct {
	mu  sync.Mutex
	all map[string]keptCharts
}

type keptCharts struct {
	state  stamped
	charts []chart
}

// stamped is everything that a page of the newest state depends on.
type stamped struct {
	of   *sums.Aggregate
	x    *registry.Experiment
	hour int64 // of the watermark, by which users mature
}

func stampOf(s *sums.Snapshot) stamped {
	return stamped{s.Aggregate, s.Experiment, int64(s.Watermark) / 3_600_000}
}

// charts draws the charts over time.
type charts struct {
	*client
	drawn drawn
}

// begin draws the charts over time concurrently with the rest of the page, and returns a function that waits for them.
func (p *charts) begin(q *request, of *sums.Snapshot, s shown) func() ([]chart, error) {
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

func (p *charts) keep(key string, c keptCharts) {
	p.drawn.mu.Lock()
	defer p.drawn.mu.Unlock()
	if len(p.drawn.all) >= maxDrawn {
		clear(p.drawn.all)
	}
	p.drawn.all[key] = c
}

// draw makes the pictures: of the matured, on whom a decision rests, as soon as there are any.
func (p *charts) draw(q *request, id string, s shown) ([]chart, error) {
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

// chart is a picture with its name and the numbers in it.
type chart struct {
	ID, Title, Term string
	Picture         template.HTML
	Note            string
	Legend          []legend
	Head            []string
	Rows            [][]string
}

// legend says which variant a colour is.
type legend struct{ Colour, Name string }
