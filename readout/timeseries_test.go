package readout_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/readout"
	"github.com/tracklayer/tracklayer/store"
)

const timed = `{"id":"x","variants":[{"key":"control"},{"key":"b"},{"key":"c"}],"control":"control","crossover":"first_exposure",
 "metrics":[{"id":"purchase","role":"primary","type":"proportion","event":"purchase","window":"72h"},
  {"id":"revenue","role":"secondary","type":"sum","event":"purchase","field":"value","window":"0"}],` + runs + `}`

// visit is one person's part in the tests of time series.
type visit struct {
	variant   string
	exposed   canonical.Time
	converted []canonical.Time
}

func visits(t *rapid.T) []visit {
	moment := func(name string, days int) canonical.Time {
		return canonical.Time(rapid.IntRange(0, days).Draw(t, name+" day"))*day + canonical.Time(rapid.IntRange(0, 86_399_999).Draw(t, name+" time"))
	}
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) visit {
		v := visit{variant: rapid.SampledFrom([]string{"control", "b", "c"}).Draw(t, "variant"), exposed: moment("exposure", 8)}
		for range rapid.IntRange(0, 2).Draw(t, "conversions") {
			v.converted = append(v.converted, v.exposed+moment("conversion", 4))
		}
		return v
	}), 1, 80).Draw(t, "visits")
}

// until is the world of what happened before a time, received at once and in order.
func until(all []visit, end canonical.Time) *world {
	w := &world{}
	w.define(timed)
	type happened struct {
		at canonical.Time
		do func()
	}
	var events []happened
	for i, v := range all {
		user := fmt.Sprintf("u%d", i)
		events = append(events, happened{v.exposed, func() { w.expose(user, v.variant, v.exposed) }})
		for _, at := range v.converted {
			events = append(events, happened{at, func() { w.convert(user, "purchase", at, worth("2.5")) }})
		}
	}
	slices.SortStableFunc(events, func(a, b happened) int { return cmp.Compare(a.at, b.at) })
	for _, e := range events {
		if e.at <= end {
			e.do()
		}
	}
	w.at(end)
	return w
}

// A day of a series is what the readout was at its end, and the parts add up.
func TestSeriesIsTheReadoutOfEachDay(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		all := visits(rt)
		db, err := store.Open("state", store.Options{Cache: 1 << 20, MemTable: 1 << 20, Disk: store.NewDisk()})
		if err != nil {
			rt.Fatal(err)
		}
		defer closed(rt, db)
		const days = 14
		view := until(all, days*day).apply(rt, db)
		metric := rapid.SampledFrom([]string{"purchase", "revenue"}).Draw(rt, "metric")
		s, err := readout.Series(view, readout.SeriesQuestion{Question: readout.Question{Experiment: "x"}, Metric: metric}, "test")
		if err != nil {
			rt.Fatal(err)
		}
		if n := len(s.Days); n == 0 || s.Days[n-1].Day != "2026-12-04" {
			rt.Fatalf("%d days, the last is not that of the watermark", n)
		}
		back := rapid.IntRange(0, len(s.Days)-1).Draw(rt, "days back")
		d := s.Days[len(s.Days)-1-back]
		then, err := store.Open("then", store.Options{Cache: 1 << 20, MemTable: 1 << 20, Disk: store.NewDisk()})
		if err != nil {
			rt.Fatal(err)
		}
		defer closed(rt, then)
		r, err := readout.Make(until(all, canonical.Time(days-back+1)*day-1).apply(rt, then), readout.Question{Experiment: "x"}, "test")
		if err != nil {
			rt.Fatal(err)
		}
		compareDay(rt, d, r, metric)
		addsUp(rt, s, all)
		if _, err := json.Marshal(s); err != nil {
			rt.Fatal(err)
		}
	})
}

func compareDay(t *rapid.T, d readout.SeriesDay, r *readout.Readout, metric string) {
	i := slices.IndexFunc(r.Metrics, func(m readout.Metric) bool { return m.Metric == metric })
	for j, row := range r.Metrics[i].Variants {
		got := d.Variants[j]
		if got.Variant != row.Variant || got.Users != row.Users || got.ConvertedUsers != row.ConvertedUsers || !reflect.DeepEqual(got.Mean, row.Mean) {
			t.Fatalf("on %s %+v, the readout says %+v", d.Day, got, row)
		}
		if row.Effect == nil {
			continue
		}
		for name, pair := range map[string][2]any{
			"lift": {got.Lift, row.Lift.Relative}, "probability": {got.ProbabilityToBeatControl, row.ProbabilityToBeatControl}, "p": {got.PValue, row.PValue},
			"credible": {got.CredibleInterval, row.CredibleInterval}, "confidence": {got.ConfidenceInterval, row.ConfidenceInterval},
			"sequential": {got.SequentialInterval, row.SequentialInterval},
		} {
			if !reflect.DeepEqual(pair[0], pair[1]) {
				t.Fatalf("%s on %s is %v, the readout says %v", name, d.Day, pair[0], pair[1])
			}
		}
	}
}

// addsUp compares cohorts and ages with the visits themselves.
func addsUp(t *rapid.T, s *readout.Timeseries, all []visit) {
	window := canonical.Time(1 << 60)
	if s.Metric == "purchase" {
		window = 3 * day
	}
	cohorts := map[string]int64{}
	for _, c := range s.Cohorts {
		for _, v := range c.Variants {
			cohorts[v.Variant] += v.Users
		}
	}
	newUsers := map[string]int64{}
	for _, d := range s.Days {
		for _, v := range d.Variants {
			if newUsers[v.Variant] += v.NewUsers; newUsers[v.Variant] != v.Users {
				t.Fatalf("%d users came to %s until %s, %d are there", newUsers[v.Variant], v.Variant, d.Day, v.Users)
			}
		}
	}
	if !reflect.DeepEqual(cohorts, newUsers) {
		t.Fatalf("cohorts %v, days %v", cohorts, newUsers)
	}
	for _, a := range s.DaysSinceExposure {
		for _, v := range a.Variants {
			var at, first int64
			for _, one := range all {
				exposed := int64(one.exposed / day)
				if one.variant != v.Variant || exposed+a.Day > 13 { // the last day that is over
					continue
				}
				earliest := canonical.Time(1 << 61)
				for _, c := range one.converted {
					if c-one.exposed < window {
						earliest = min(earliest, c)
					}
				}
				if age := int64(earliest/day) - exposed; age >= a.Day {
					at++
					if age == a.Day {
						first++
					}
				}
			}
			if v.AtRisk != at || v.FirstConversions != first {
				t.Fatalf("%d days after: %d of %d in %s, counted are %d of %d", a.Day, v.FirstConversions, v.AtRisk, v.Variant, first, at)
			}
		}
	}
}

// The running interval never grows, and the running p value never rises.
func TestSeriesNarrows(t *testing.T) {
	w := &world{}
	w.define(declared(``))
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 6000 {
		variant := []string{"control", "b"}[i%2]
		user := fmt.Sprintf("u%d", i)
		at := canonical.Time(i%20) * day
		w.expose(user, variant, at)
		if rate := random.Float64(); rate < 0.15 || variant == "b" && rate < 0.3 {
			w.convert(user, "purchase", at+1000)
		}
	}
	w.at(30 * day)
	for _, matured := range []bool{false, true} {
		s, err := readout.Series(w.fold(t), readout.SeriesQuestion{Question: readout.Question{Experiment: "x"}, Matured: matured}, "test")
		if err != nil {
			t.Fatal(err)
		}
		var last *readout.Contrast
		markers := 0
		for _, d := range s.Days {
			c := d.Variants[1].Contrast
			if last != nil && last.RunningInterval != nil {
				if c.RunningInterval == nil || c.RunningInterval[0] < last.RunningInterval[0] || c.RunningInterval[1] > last.RunningInterval[1] || *c.SequentialPValue > *last.SequentialPValue {
					t.Fatalf("on %s %v after %v", d.Day, c, last)
				}
			}
			if c.EarlyStop == readout.Win {
				markers++
			}
			last = c
		}
		if last.RunningInterval == nil || (markers > 0) != matured {
			t.Errorf("matured %v: %d markers, at last %+v", matured, markers, last)
		}
	}
}

func TestSeriesOfNothing(t *testing.T) {
	w := &world{}
	w.define(declared(``))
	view := w.fold(t)
	s, err := readout.Series(view, readout.SeriesQuestion{Question: readout.Question{Experiment: "x"}}, "test")
	if err != nil || len(s.Days)+len(s.Cohorts)+len(s.DaysSinceExposure) > 0 || s.Days == nil {
		t.Errorf("%+v %v", s, err)
	}
	for q, want := range map[readout.SeriesQuestion]error{
		{Question: readout.Question{Experiment: "x"}, Metric: "none"}: readout.ErrNoMetric,
		{Question: readout.Question{Experiment: "x", Run: 7}}:         readout.ErrNoRun,
	} {
		if _, err := readout.Series(view, q, "test"); !errors.Is(err, want) {
			t.Errorf("%+v: %v", q, err)
		}
	}
	if _, err := readout.Series(view, readout.SeriesQuestion{Question: readout.Question{Experiment: "y"}}, "test"); !errors.Is(err, readout.ErrNoExperiment) {
		t.Error(err)
	}
}
