package core_test

import (
	"cmp"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/core/person"
	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/registry"
	"github.com/tracklayer/tracklayer/store"
)

// What the reference says of products: of the first twelve metrics that are neither a mean nor a ratio, every two
// different ones, over all persons of a group.

// productKey is two metrics in one group of an arm.
type productKey struct {
	run     int
	variant string
	group   int
	metrics [2]string
}

// numbersOf are a person's numbers at the end, by the metrics that are multiplied.
func numbersOf(x *registry.Experiment, counted []dated, first canonical.Event) map[string]*big.Int {
	numbers := map[string]*big.Int{}
	for _, m := range x.Metrics {
		if m.Type == registry.Mean || m.Type == registry.Ratio || len(numbers) == 12 {
			continue
		}
		var ours []dated
		for _, c := range counted {
			if within(*m.Window, first, c.lead) {
				ours = append(ours, c)
			}
		}
		_, numbers[m.ID], _ = numberOf(m, ours)
	}
	return numbers
}

// multiply adds one person's products.
func (s *oracle) multiply(at metricKey, numbers map[string]*big.Int) {
	for a, y := range numbers {
		for b, z := range numbers {
			if a >= b {
				continue
			}
			key := productKey{at.run, at.variant, at.group, [2]string{a, b}}
			if s.products[key] == nil {
				s.products[key] = new(big.Int)
			}
			s.products[key].Add(s.products[key], new(big.Int).Mul(y, z))
		}
	}
}

// productLines are the products as the aggregate writes them.
func (s *oracle) productLines() (lines []string) {
	keys := slices.SortedFunc(maps.Keys(s.products), func(a, b productKey) int {
		return cmp.Or(cmp.Compare(a.run, b.run), strings.Compare(a.variant, b.variant), cmp.Compare(a.group, b.group), slices.Compare(a.metrics[:], b.metrics[:]))
	})
	for _, key := range keys {
		if sum := s.products[key]; sum.Sign() != 0 {
			lines = append(lines, fmt.Sprintf("run %d, %q, group %d, %q: %s", key.run, key.variant, key.group, key.metrics, sum))
		}
	}
	return lines
}

// TestProductsAreThoseOfTheGroups: what is read of any choice of persons is what its groups hold, each pair once and in
// order; and a person's number times itself is the sum of squares, so that a copy of a metric multiplies to it.
func TestProductsAreThoseOfTheGroups(t *testing.T) {
	const copied = `{"id":"copy","type":"sum","event":"purchase","field":"value","currency":"EUR","rates":{"JPY":[{"rate":0.25},{"from":"2026-11-23","rate":2}]}},{"id":"revenue",`
	rapid.Check(t, func(rt *rapid.T) {
		records := history(rt).events
		definition := canonical.Record{Definition: []byte(strings.Replace(define(1), `{"id":"revenue",`, copied, 1))}
		records = slices.Insert(records, rapid.IntRange(0, len(records)).Draw(rt, "place"), definition)
		db := openStore(rt, store.NewDisk())
		defer db.Close()
		f := openFold(rt, db)
		fold(rt, f, records, func() int { return rapid.IntRange(1, 9).Draw(rt, "batch") })
		s, _ := f.View().Experiment("x")
		for _, r := range s.Aggregate.Runs {
			for _, v := range r.Variants.All() {
				for _, w := range whos {
					if fault := multiplies(v, w); fault != "" {
						rt.Fatalf("%+v: %s", w, fault)
					}
				}
			}
		}
	})
}

// multiplies says what is wrong with the products, "" if nothing is.
func multiplies(v *sums.VariantAggregate, w sums.Include) string {
	want := map[[2]string]sums.Wide{}
	for group, products := range v.Pairs {
		if !w.Counts(person.Population(group&1 | group&2<<1)) {
			continue
		}
		for _, p := range products {
			want[p.Metrics] = want[p.Metrics].Plus(p.Sum)
		}
	}
	maps.DeleteFunc(want, func(_ [2]string, sum sums.Wide) bool { return sum.IsZero() })
	n, last := 0, [2]string{}
	for pair, sum := range v.Products(w) {
		if pair[0] >= pair[1] || slices.Compare(pair[:], last[:]) <= 0 || sum != want[pair] {
			return fmt.Sprintf("%q is %s, want %s, after %q", pair, sum.Big(), want[pair].Big(), last)
		}
		n, last = n+1, pair
	}
	if n != len(want) {
		return fmt.Sprintf("%d pairs, want %d", n, len(want))
	}
	if got, squares := want[[2]string{"copy", "revenue"}], v.Metrics["revenue"].Merged(w).YY; got != squares {
		return fmt.Sprintf("a copy multiplies to %s, the squares are %s", got.Big(), squares.Big())
	}
	return ""
}

// many is a definition of x with so many sums of the same purchases, m00, m01 and so on, after a mean.
func many(n int) string {
	metrics := []string{`{"id":"a mean","type":"mean","event":"purchase","field":"value"}`}
	for i := range n {
		metrics = append(metrics, fmt.Sprintf(`{"id":"m%02d","type":"sum","event":"purchase","field":"value"}`, i))
	}
	return fmt.Sprintf(`{"id":"x","variants":[{"key":"a"},{"key":"b"}],"control":"a","metrics":[%s],"revision":1,"runs":[{"run":1,"status":"running","started_at":null,"ended_at":null}]}`,
		strings.Join(metrics, ","))
}

// TestPairsAreBounded: of however many metrics the first twelve are paired, of one none, and of an experiment that
// nobody declared none; the definition may come after the events.
func TestPairsAreBounded(t *testing.T) {
	for metrics, pairs := range map[int]int{0: 0, 1: 0, 2: 1, 5: 10, 12: 66, 15: 66} {
		b := &builder{}
		b.expose("u", "", "a", 0)
		b.convert("u", "", 1, func(e *canonical.Event) { e.Value = canonical.Micro(3) })
		b.convert("u", "", 2, func(e *canonical.Event) { e.ConversionEvent = "refund" })
		if metrics > 0 {
			b.define(many(metrics))
		}
		var got []string
		for pair, sum := range variantOf(t, run(t, b), "a").Products(sums.Include{}) {
			got = append(got, pair[0]+pair[1])
			if sum.Big().Int64() != 9 || pair[1] > "m11" {
				t.Errorf("of %d metrics: %q is %s", metrics, pair, sum.Big())
			}
		}
		if len(got) != pairs {
			t.Errorf("of %d metrics: %d pairs, want %d: %v", metrics, len(got), pairs, got)
		}
	}
}

// TestProductsOfWhoeverDidWhat: where each metric reads an event of its own, so that persons have numbers in any of them
// and none in others, the products are those of the counts, before and after the state is read fresh.
func TestProductsOfWhoeverDidWhat(t *testing.T) {
	const metrics = 7
	var declared []string
	for i := range metrics {
		declared = append(declared, fmt.Sprintf(`{"id":"m%d","type":"count","event":"e%d"}`, i, i))
	}
	definition := strings.Replace(many(0), `"metrics":[`, `"metrics":[`+strings.Join(declared, ",")+",", 1)
	rapid.Check(t, func(rt *rapid.T) {
		b := &builder{}
		b.define(definition)
		want := map[[2]string]int64{}
		for i := range rapid.IntRange(1, 6).Draw(rt, "persons") {
			user := "u" + strconv.Itoa(i)
			b.expose(user, "", "a", 0)
			counts := rapid.SliceOfN(rapid.SampledFrom([]int{0, 0, 1, 2}), metrics, metrics).Draw(rt, "counts")
			for j, n := range counts {
				for range n {
					b.convert(user, "", 1, func(e *canonical.Event) { e.ConversionEvent = "e" + strconv.Itoa(j) })
				}
				for k := range j {
					want[[2]string{"m" + strconv.Itoa(k), "m" + strconv.Itoa(j)}] += int64(n * counts[k])
				}
			}
		}
		maps.DeleteFunc(want, func(_ [2]string, n int64) bool { return n == 0 })
		db := openStore(rt, store.NewDisk())
		defer db.Close()
		f := openFold(rt, db)
		fold(rt, f, rapid.Permutation(b.events).Draw(rt, "order"), func() int { return rapid.IntRange(1, 9).Draw(rt, "batch") })
		for _, f := range []*core.Fold{f, openFold(rt, db)} {
			s, _ := f.View().Experiment("x")
			got := map[[2]string]int64{}
			arm, _ := s.Aggregate.Runs[1].Variants.Get("a")
			for pair, sum := range arm.Products(sums.Include{}) {
				got[pair] = sum.Big().Int64()
			}
			if !maps.Equal(got, want) {
				rt.Fatalf("%v, want %v", got, want)
			}
		}
	})
}

// BenchmarkApplyOfMetrics is BenchmarkApply where so many metrics read each conversion.
func BenchmarkApplyOfMetrics(b *testing.B) {
	for _, metrics := range []int{1, 3, 12} {
		b.Run(strconv.Itoa(metrics), func(b *testing.B) {
			db, err := store.Open(b.TempDir(), store.Options{Lookups: core.Lookups})
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			f := openFold(b, db)
			fold(b, f, []canonical.Record{{Definition: []byte(many(metrics))}}, all)
			apply(b, f, "x", [2]string{"a", "b"})
		})
	}
}
