package core_test

import (
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core/person"
	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/store"
)

var everybody = sums.Include{Crossed: true, Filtered: true}

// whos are all choices of persons.
var whos = []sums.Include{{}, {Crossed: true}, {Filtered: true}, everybody}

// TestCutsAddUp: days and ages add up to the whole, whoever is counted; what had happened by a day is what a log that
// ends with that day holds; the days of the persons are those of the arm.
func TestCutsAddUp(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		db := openStore(rt, store.NewDisk())
		defer db.Close()
		f := openFold(rt, db)
		fold(rt, f, declaredHistory(rt), all)
		for _, id := range f.View().Experiments() {
			s, _ := f.View().Experiment(id)
			for _, r := range s.Aggregate.Runs {
				for _, v := range r.Variants.All() {
					for _, w := range whos {
						if fault := addsUp(v, w); fault != "" {
							rt.Fatalf("%q: %s", id, fault)
						}
					}
				}
			}
		}
	})
}

// addsUp says what does not, "" if all does.
func addsUp(v *sums.VariantAggregate, w sums.Include) string {
	persons, first, last := int64(0), int64(1<<40), int64(-1)
	for day, n := range v.PersonsByDay(w) {
		persons, first, last = persons+n, min(first, day), max(last, day)
	}
	for pop, n := range v.Persons {
		if w.Counts(person.Population(pop)) {
			persons -= n
		}
	}
	if persons != 0 {
		return fmt.Sprintf("%d persons too many by day", persons)
	}
	for id, m := range v.Metrics {
		whole := m.Merged(w)
		var days sums.Sums
		var grown sums.Moments
		before := int64(-1)
		for day, sums := range m.Days(w) {
			if day <= before || day < first || day > last {
				return fmt.Sprintf("%s: day %d after %d, of %d to %d", id, day, before, first, last)
			}
			days, before = plus(days, sums), day
			if m.Through(w, day) != days {
				return fmt.Sprintf("%s: through day %d", id, day)
			}
		}
		for g := range m.Growths(w) {
			grown = plus(sums.Sums{Moments: grown}, sums.Sums{Moments: g.Moments}).Moments
		}
		if days != whole || grown != whole.Moments || m.AsOf(w, 1<<40) != whole || m.Through(w, first-1) != (sums.Sums{}) || m.AsOf(w, first-1) != (sums.Sums{}) {
			return fmt.Sprintf("%s: the whole is %+v, by day %+v, by age %+v", id, whole, days, grown)
		}
	}
	return ""
}

func plus(a, b sums.Sums) sums.Sums {
	a.Users, a.Before = a.Users+b.Users, a.Before+b.Before
	a.Y, a.D, a.X = a.Y.Plus(b.Y), a.D.Plus(b.D), a.X.Plus(b.X)
	a.YY, a.DD, a.YD, a.XY, a.XD, a.XX = a.YY.Plus(b.YY), a.DD.Plus(b.DD), a.YD.Plus(b.YD), a.XY.Plus(b.XY), a.XD.Plus(b.XD), a.XX.Plus(b.XX)
	return a
}

// TestAsOfADayIsTheLogOfThatDay: the sums as of the end of a day are those of the events that happened by then.
func TestAsOfADayIsTheLogOfThatDay(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := &builder{}
		for i := range rapid.IntRange(1, 40).Draw(rt, "events") {
			user, at := "u"+strconv.Itoa(rapid.IntRange(0, 5).Draw(rt, "user")), rapid.SampledFrom(times).Draw(rt, "at")
			if i < 6 {
				b.expose("u"+strconv.Itoa(i), "", "a", at)
			} else {
				b.convert(user, "", at, func(e *canonical.Event) { e.Value = canonical.Micro(rapid.Int64Range(-9, 9).Draw(rt, "value")) })
			}
		}
		declare := canonical.Record{Definition: []byte(strings.Replace(define(1), `"ended_at":"`+(t0+20).String()+`"`, `"ended_at":null`, 1))}
		b.events = append([]canonical.Record{declare}, b.events...)
		arm := func(records []canonical.Record) *sums.VariantAggregate {
			db := openStore(rt, store.NewDisk())
			defer db.Close()
			f := openFold(rt, db)
			fold(rt, f, records, all)
			s, _ := f.View().Experiment("x")
			if r := s.Aggregate.Runs[1]; r != nil {
				if v, known := r.Variants.Get("a"); known {
					return v
				}
			}
			return &sums.VariantAggregate{}
		}
		whole := arm(b.events)
		last := int64(t0)/aDay + rapid.Int64Range(-3, 9).Draw(rt, "day")
		until := []canonical.Record{b.events[0]}
		for _, r := range b.events[1:] {
			if int64(r.Event.At)/aDay <= last {
				until = append(until, r)
			}
		}
		then := arm(until)
		for _, id := range []string{"bought", "revenue", "orders", "basket", "per refund"} {
			if got, want := whole.Metrics[id].AsOf(sums.Include{}, last), then.Metrics[id].Merged(sums.Include{}); got != want {
				rt.Fatalf("%s as of day %d: %+v, want %+v", id, last, got, want)
			}
		}
	})
}

// TestAViewStaysWhatItIs although the aggregates are written to in place.
func TestAViewStaysWhatItIs(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		db := openStore(rt, store.NewDisk())
		defer db.Close()
		f := openFold(rt, db)
		type seen struct {
			a     *sums.Aggregate
			lines string
		}
		var views []seen
		records := declaredHistory(rt)
		for len(records) > 0 {
			n := min(len(records), rapid.IntRange(1, 9).Draw(rt, "batch"))
			fold(rt, f, records[:n], all)
			records = records[n:]
			if s, ok := f.View().Experiment("x"); ok {
				views = append(views, seen{s.Aggregate, strings.Join(s.Aggregate.Lines(), "\n")})
			}
		}
		for i, v := range views {
			if again := strings.Join(v.a.Lines(), "\n"); again != v.lines {
				rt.Fatalf("view %d: %s", i, differ(again, v.lines))
			}
		}
	})
}

// TestReadersBesideTheFold read what they were handed while it is written on; the race detector watches.
func TestReadersBesideTheFold(t *testing.T) {
	f := run(t, &builder{})
	var read atomic.Int64
	over, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-over:
				return
			default:
			}
			if s, ok := f.View().Experiment("x"); ok {
				read.Add(int64(len(s.Aggregate.Lines())))
			}
		}
	}()
	b := &builder{}
	for round := 0; round == 0 || read.Load() == 0; round++ { // a busy machine may let the reader begin late
		from := len(b.events)
		for i := range 300 {
			user, at := "u"+strconv.Itoa(i%40), canonical.Time(i%7)*aDay
			b.expose(user, "", "a", at)
			b.convert(user, "", at+5)
		}
		fold(t, f, b.events[from:], func() int { return 3 })
	}
	close(over)
	<-done
}

// ninety is a state of ten variants, ten metrics and ninety days, in which persons convert over eight days.
func ninety(tb testing.TB) *sums.RunAggregate {
	tb.Helper()
	b := &builder{}
	var variants, metrics []string
	for i := range 10 {
		variants = append(variants, fmt.Sprintf(`{"key":"v%d"}`, i))
		metrics = append(metrics, fmt.Sprintf(`{"id":"m%d","type":"sum","event":"purchase","field":"value","window":"%dd"}`, i, 8+i))
	}
	b.define(fmt.Sprintf(`{"id":"x","variants":[%s],"control":"v0","metrics":[%s],"revision":1,"runs":[{"run":1,"status":"running","started_at":null,"ended_at":null}]}`,
		strings.Join(variants, ","), strings.Join(metrics, ",")))
	for day := range 90 {
		for variant := range 10 {
			user, at := fmt.Sprintf("u-%d-%d", day, variant), canonical.Time(day)*aDay
			b.expose(user, "", "v"+strconv.Itoa(variant), at)
			for age := range 8 {
				b.convert(user, "", at+canonical.Time(age)*aDay, func(e *canonical.Event) { e.Value = canonical.Micro(9_990_000) })
			}
		}
	}
	db := openStore(tb, store.NewDisk())
	tb.Cleanup(func() { db.Close() })
	f := openFold(tb, db)
	fold(tb, f, b.events, all)
	s, _ := f.View().Experiment("x")
	return s.Aggregate.Runs[1]
}

// BenchmarkRead is what a readout of ten variants, ten metrics and ninety days reads.
func BenchmarkRead(b *testing.B) {
	run := ninety(b)
	day := int64(t0)/aDay + 80
	each := func(read func(m *sums.MetricAggregate)) func(*testing.B) {
		return func(b *testing.B) {
			for b.Loop() {
				for _, v := range run.Variants.All() {
					for _, m := range v.Metrics {
						read(m)
					}
				}
			}
		}
	}
	b.Run("Merged", each(func(m *sums.MetricAggregate) { m.Merged(everybody) }))
	b.Run("Through", each(func(m *sums.MetricAggregate) { m.Through(everybody, day) }))
	b.Run("AsOf", each(func(m *sums.MetricAggregate) { m.AsOf(everybody, day) }))
	b.Run("Days", each(func(m *sums.MetricAggregate) {
		for range m.Days(everybody) {
			continue
		}
	}))
	b.Run("Growths", each(func(m *sums.MetricAggregate) {
		for range m.Growths(everybody) {
			continue
		}
	}))
}
