package readout_test

import (
	"bytes"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/readout"
	"github.com/tracklayer/tracklayer/registry"
	"github.com/tracklayer/tracklayer/stats"
	"github.com/tracklayer/tracklayer/store"
)

// draw makes a history over few ids, so that everything collides, and counts the conversions that name x.
func draw(t *rapid.T) (w *world, sent int64) {
	w = &world{}
	pick := func(label string, from ...string) string { return rapid.SampledFrom(from).Draw(t, label) }
	switch pick("declared", "no", "exclude", "first_exposure") {
	case "exclude":
		w.define(money)
	case "first_exposure":
		w.define(strings.Replace(money, `"metrics"`, `"crossover":"first_exposure","metrics"`, 1))
	}
	for range rapid.IntRange(0, 60).Draw(t, "events") {
		user := "u" + strconv.Itoa(rapid.IntRange(0, 12).Draw(t, "user"))
		at := canonical.Time(rapid.IntRange(0, 40).Draw(t, "at"))
		variant := pick("variant", "control", "b", "b", "c")
		switch rapid.IntRange(0, 9).Draw(t, "kind") {
		case 0, 1, 2, 3:
			w.expose(user, variant, at)
		case 9:
			w.end(user, variant, pick("reason", "r", "s"), at)
		default:
			sent++
			n := rapid.Int64Range(-1e18, 1e18).Draw(t, "value")
			w.convert(user, pick("event", "purchase", "visit", "refund"), at, named(variant), func(e *canonical.Event) {
				e.Value = canonical.Micro(n)
				e.DedupKey = pick("order", "", "", "o1")
			})
		}
	}
	return w, sent
}

func TestEveryReadoutIsWholesomeAndLosesNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w, sent := draw(rt)
		w.expose("someone", "control", 1) // so that x exists
		db, err := store.Open("state", store.Options{Cache: 1 << 20, MemTable: 1 << 20, Disk: store.NewDisk()})
		if err != nil {
			rt.Fatal(err)
		}
		defer closed(rt, db)
		v := w.apply(rt, db)
		r, err := readout.Make(v, readout.Question{Experiment: "x"}, "test")
		if err != nil {
			rt.Fatal(err)
		}
		raw := text(rt, r)
		wholesome(rt, raw)
		if again, _ := readout.Make(v, readout.Question{Experiment: "x", Run: 1}, "test"); !bytes.Equal(text(rt, again), raw) {
			rt.Fatal("the same view gives other bytes")
		}
		var sum int64
		for status, n := range r.Conversions {
			if sum += n; n < 0 {
				rt.Fatalf("%d are %s", n, status)
			}
		}
		if sum != sent {
			rt.Fatalf("%d conversions were sent, %d have a status: %v", sent, sum, r.Conversions)
		}
		everybodyOnce(rt, r)
	})
}

// everybodyOnce: counted users of both policies and those ended early add up.
func everybodyOnce(t *rapid.T, r *readout.Readout) {
	var counted, other, ended, reasons, onDays, all int64
	for _, d := range r.EarlyStop.ByDay {
		onDays += d.Users
	}
	for i, v := range r.Variants {
		counted += v.ExposedUsers
		other += r.OtherPolicy.Variants[i].ExposedUsers
		ended += v.EndedEarlyUsers
	}
	for _, n := range r.EarlyStop.ByReason {
		reasons += n
	}
	for _, c := range r.Checks {
		if c.Check == "crossover" {
			all = c.Of
		}
	}
	if reasons != r.EarlyStop.Users || onDays != reasons || max(counted, other)+r.EarlyStop.Users != all {
		t.Fatalf("%d counted (%d under the other policy), %d ended early (%d by reason), of %d", counted, other, r.EarlyStop.Users, reasons, all)
	}
	if r.CrossoverPolicy == string(registry.FirstExposure) && ended != r.EarlyStop.Users {
		t.Fatalf("%d ended early by variant, %d in all", ended, r.EarlyStop.Users)
	}
}

// exact is mean and variance of values in rational numbers, rounded once.
func exact(values []*big.Rat) (mean, variance float64) {
	n := new(big.Rat).SetInt64(int64(len(values)))
	sum := new(big.Rat)
	for _, v := range values {
		sum.Add(sum, v)
	}
	m := new(big.Rat).Quo(sum, n)
	spread := new(big.Rat)
	for _, v := range values {
		d := new(big.Rat).Sub(v, m)
		spread.Add(spread, d.Mul(d, d))
	}
	spread.Quo(spread, new(big.Rat).SetInt64(int64(len(values)-1)))
	mean, _ = m.Float64()
	variance, _ = spread.Float64()
	return mean, variance
}

// Values around a trillion that differ in the sixth fraction digit: float64 sums would lose the variance entirely.
func TestMeansAndVariancesAreExact(t *testing.T) {
	w := &world{}
	w.define(money)
	var values []*big.Rat
	for i := range 40 {
		user := fmt.Sprintf("u%d", i)
		w.expose(user, "control", 0)
		number := fmt.Sprintf("999999999999.%06d", i*i)
		w.convert(user, "purchase", 5, worth(number))
		r, _ := new(big.Rat).SetString(number)
		values = append(values, r)
	}
	mean, variance := exact(values)
	r := w.readout(t)
	for _, m := range r.Metrics[1:3] { // with one purchase each, sum and mean are the same
		if row := m.Variants[0]; *row.Mean != mean || *row.Variance != variance {
			t.Errorf("%s: mean %v, variance %v; exactly %v and %v", m.Metric, *row.Mean, *row.Variance, mean, variance)
		}
	}
}

// Where floats do well, the exact ratio agrees with the formula of stats.
func TestRatiosAgreeWithTheDeltaMethod(t *testing.T) {
	r := build("money").readout(t)
	for variant, arm := range []struct{ n, extra int }{{150, 0}, {160, 6}} {
		sums := stats.RatioSums{N: int64(arm.n)}
		for i := range arm.n {
			var m float64
			for range i % 4 {
				m += float64(10+7*(i%5)+arm.extra) + float64(i%100)/100
			}
			d := float64(1 + i%3)
			sums.M, sums.D = sums.M+m, sums.D+d
			sums.MM, sums.DD, sums.MD = sums.MM+m*m, sums.DD+d*d, sums.MD+m*d
		}
		want, got := stats.RatioMoments(sums), r.Metrics[3].Variants[variant]
		near(t, "ratio", got.Mean, want.Mean.Value, 1e-12)
		near(t, "variance", got.Variance, want.Variance.Value, 1e-12)
	}
}

// arms builds variants and proportions over some days, in each of which about so many of a thousand convert.
func arms(tb testing.TB, variants, metrics, days, perMille int) *sums.View {
	tb.Helper()
	w := &world{}
	var vs, ms []string
	for i := range variants {
		vs = append(vs, fmt.Sprintf(`{"key":"v%d"}`, i))
	}
	for i := range metrics {
		ms = append(ms, fmt.Sprintf(`{"id":"m%d","type":"proportion","event":"e%d"}`, i, i))
	}
	w.define(`{"id":"x","variants":[` + strings.Join(vs, ",") + `],"metrics":[` + strings.Join(ms, ",") + `],` + runs + `}`)
	for i := range variants {
		for u := range 1500 {
			user, at := fmt.Sprintf("v%d-%d", i, u), canonical.Time(u%days)*day
			w.expose(user, fmt.Sprintf("v%d", i), at)
			for m := range metrics {
				if (u*7919+m*131)%1000 < perMille+5*i+m {
					w.convert(user, fmt.Sprintf("e%d", m), at+canonical.Time(u%6)*day+10)
				}
			}
		}
	}
	w.at(canonical.Time(days) * day)
	return w.fold(tb)
}

// BenchmarkReadout is of the size that a page shows at most; the cost of a posterior hangs on how many convert.
func BenchmarkReadout(b *testing.B) {
	for _, c := range []struct {
		name                              string
		variants, metrics, days, perMille int
	}{{"2x1x14", 2, 1, 14, 200}, {"10x10x90", 10, 10, 90, 200}, {"few_convert", 10, 10, 90, 2}, {"nearly_all_convert", 10, 10, 90, 940}} {
		b.Run(c.name, func(b *testing.B) {
			v := arms(b, c.variants, c.metrics, c.days, c.perMille)
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				if _, err := readout.Make(v, readout.Question{Experiment: "x"}, "test"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestNumbersStayFinite(t *testing.T) {
	w := &world{}
	w.define(money)
	for i, number := range []string{"1000000000000", "-1000000000000", "0.000001", "0"} {
		user := fmt.Sprintf("u%d", i)
		w.expose(user, []string{"control", "b"}[i%2], 0)
		w.convert(user, "purchase", 5, worth(number))
		w.convert(user, "visit", 5)
	}
	for _, m := range w.readout(t).Metrics {
		for _, row := range m.Variants {
			if row.Sum != nil && (math.IsNaN(*row.Sum) || math.IsInf(*row.Sum, 0)) {
				t.Errorf("%s: %v", m.Metric, *row.Sum)
			}
		}
	}
}
