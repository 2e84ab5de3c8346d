package sums

import (
	"iter"
	"slices"
	"strings"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core/person"
	"github.com/tracklayer/tracklayer/registry"
)

// Product is the exact sum over persons of the product of their numbers in two metrics, the ids in byte order. A
// person's number is the one at the last age, limited by the metric's cap; a proportion's is 0 or 1. The unit is the
// product of both metrics' units, see Moments.
type Product struct {
	Metrics [2]string
	Sum     Wide
}

// ArmGroup names a group of persons in an arm.
type ArmGroup struct {
	Run     int
	Variant string
	Group   int
}

// paired is one person's number in a metric that is measured in pairs.
type paired struct {
	metric string
	y      canonical.Sum
}

// pair adds the products of one person's numbers, or takes them back. Who has fewer than two numbers other than 0 adds
// nothing. The numbers come sorted by metric, and so do their pairs: one walk over the sums finds the place of each.
func (a *Aggregate) pair(sign int64, v *VariantAggregate, of ArmGroup, totals []person.Total) {
	var room [registry.PairedMetrics]paired
	numbers := room[:0]
	for i := range totals {
		if t := &totals[i]; t.Paired && len(t.Steps) > 0 {
			if y := t.Final(); !y.IsZero() {
				numbers = append(numbers, paired{t.Metric, y})
			}
		}
	}
	if len(numbers) < 2 {
		return
	}
	if a.paired == nil {
		a.paired = map[ArmGroup]struct{}{}
	}
	a.paired[of] = struct{}{}
	sums, at := v.Pairs[of.Group], 0
	for i, x := range numbers {
		for _, y := range numbers[i+1:] {
			both := [2]string{x.metric, y.metric}
			for at < len(sums) && comparePairs(sums[at].Metrics, both) < 0 {
				at++
			}
			if at == len(sums) || sums[at].Metrics != both {
				sums = slices.Insert(sums, at, Product{Metrics: both})
			}
			if by := times(x.y, y.y); sign < 0 {
				sums[at].Sum = sums[at].Sum.Minus(by)
			} else {
				sums[at].Sum = sums[at].Sum.Plus(by)
			}
		}
	}
	v.Pairs[of.Group] = sums
}

func comparePairs(a, b [2]string) int {
	if c := strings.Compare(a[0], b[0]); c != 0 {
		return c
	}
	return strings.Compare(a[1], b[1])
}

// trimProducts drops the products that came to nothing, so that equal sums are equal lists.
func (a *Aggregate) trimProducts() {
	for of := range a.paired {
		if a.arm(of) != nil {
			v := a.variant(of.Run, of.Variant)
			left := slices.DeleteFunc(v.Pairs[of.Group], func(p Product) bool { return p.Sum.IsZero() })
			if v.Pairs[of.Group] = left; len(left) == 0 {
				v.Pairs[of.Group] = nil
			}
		}
	}
}

// arm is the arm of a group; nil where there is none.
func (a *Aggregate) arm(of ArmGroup) *VariantAggregate {
	if r := a.Runs[of.Run]; r != nil {
		v, _ := r.Variants.Get(of.Variant)
		return v
	}
	return nil
}

// Products are, for every pair of metrics of registry.Definition.Paired, the ids in byte order, the exact sum over all
// persons that are counted of the product of their numbers in both, as of Product. Pairs come in byte order, each once;
// one whose sum is 0 is left out, and an experiment that is not declared has none. They belong to the sums that
// MetricAggregate.Merged gives of the same persons.
func (v *VariantAggregate) Products(w Include) iter.Seq2[[2]string, Wide] {
	return func(yield func([2]string, Wide) bool) {
		var all []Product
		for group, sums := range v.Pairs {
			if w.counts(group) {
				all = append(all, sums...)
			}
		}
		slices.SortFunc(all, func(a, b Product) int { return comparePairs(a.Metrics, b.Metrics) })
		for len(all) > 0 {
			var sum Wide
			both := all[0].Metrics
			for len(all) > 0 && all[0].Metrics == both {
				sum, all = sum.Plus(all[0].Sum), all[1:]
			}
			if !sum.IsZero() && !yield(both, sum) {
				return
			}
		}
	}
}
