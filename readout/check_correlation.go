package readout

import (
	"cmp"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"

	"github.com/tracklayer/tracklayer/core/sums"
)

const (
	correlatedUsers = 100  // of all arms together, from which on a correlation is reported
	correlatedFrom  = 0.7  // in absolute value: about half of what one metric varies by goes with the other (0.7^2)
	correlatedP     = 0.05 // below it a metric differs
	correlatedShown = 20   // pairs
)

// correlated says which metrics move together from person to person, so that one win is not counted as several. It is
// left out if fewer than two metrics are measured in pairs.
func (f checker) correlated(r *Readout) []Check {
	if !f.declared || f.def.Paired() == nil {
		return nil
	}
	c := Check{Check: "correlated_metrics", Status: NotEnoughData, Correlations: &Correlations{Correlations: f.correlations()}}
	all := c.Correlations.Correlations
	c.Correlations.Correlations = all[:min(len(all), correlatedShown)]
	if len(all) == 0 {
		c.Detail = fmt.Sprintf("Whether metrics move together is not known yet: %d users and two metrics that vary are needed.", correlatedUsers)
		return []Check{c}
	}
	found := findings(r, all)
	if len(found) == 0 {
		c.Status = OK
		c.Detail = fmt.Sprintf("No two metrics that differ in the same variant (p < %v) move together by a correlation of %v or more, either way. The strongest of any two is %s, of %s.",
			correlatedP, correlatedFrom, rounded(all[0].Correlation), listed(all[0].Metrics[:]))
		return []Check{c}
	}
	c.Status = Warning
	sentences := make([]string, len(found))
	for i, one := range found {
		sentences[i] = one.sentence(all)
	}
	c.Detail = strings.Join(sentences, " ")
	return []Check{c}
}

// correlations are Pearson's, of every two metrics that vary, within the arms: a difference between the arms makes
// none. The strongest comes first, whichever its sign.
func (f *measured) correlations() []Correlation {
	all := []Correlation{}
	var total int64
	for i := range f.arms {
		total += f.users(i)
	}
	if total < correlatedUsers {
		return all
	}
	paired, squares := f.summable(f.def.Paired()), map[string]*big.Rat{}
	products := make([]map[[2]string]*big.Int, len(f.arms))
	sums := map[string][]sums.Sums{}
	for i, a := range f.arms {
		products[i] = map[[2]string]*big.Int{}
		for pair, sum := range a.Products(f.who()) {
			products[i][pair] = sum.Big()
		}
		for _, m := range paired {
			sums[m.ID] = append(sums[m.ID], a.Metrics[m.ID].Merged(f.who()))
		}
	}
	for _, m := range paired {
		of := sums[m.ID]
		squares[m.ID] = f.within(func(i int) (*big.Int, *big.Int, *big.Int) { return of[i].YY.Big(), of[i].Y.Big(), of[i].Y.Big() })
	}
	for i, m := range paired {
		for _, o := range paired[i+1:] {
			pair := [2]string{min(m.ID, o.ID), max(m.ID, o.ID)}
			if squares[m.ID].Sign() <= 0 || squares[o.ID].Sign() <= 0 {
				continue
			}
			cross := f.within(func(i int) (*big.Int, *big.Int, *big.Int) {
				return products[i][pair], sums[m.ID][i].Y.Big(), sums[o.ID][i].Y.Big()
			})
			all = append(all, Correlation{pair, pearson(cross, squares[m.ID], squares[o.ID])})
		}
	}
	slices.SortFunc(all, func(a, b Correlation) int {
		return cmp.Or(-cmp.Compare(math.Abs(a.Correlation), math.Abs(b.Correlation)), slices.Compare(a.Metrics[:], b.Metrics[:]))
	})
	return all
}

// within adds up, over the arms, the exact sum of the products of two metrics' deviations from their means in the arm,
// sum(yz) - sum(y) sum(z)/n, where of gives these three sums; nil for a sum of products that is 0.
func (f *measured) within(of func(arm int) (products, y, z *big.Int)) *big.Rat {
	all := new(big.Rat)
	for i := range f.arms {
		n := f.users(i)
		if n == 0 {
			continue
		}
		deviations := new(big.Rat)
		products, y, z := of(i)
		if products != nil {
			deviations.SetInt(products)
		}
		all.Add(all, deviations.Sub(deviations, new(big.Rat).SetFrac(product(y, z), big.NewInt(n))))
	}
	return all
}

// pearson is cross/sqrt(xx yy), rounded twice: the square is exact, and by Cauchy and Schwarz it is not above 1.
func pearson(cross, xx, yy *big.Rat) float64 {
	square := new(big.Rat).Mul(cross, cross)
	squared, _ := square.Quo(square, new(big.Rat).Mul(xx, yy)).Float64()
	return float64(cross.Sign()) * math.Sqrt(squared)
}

// finding is metrics that all differ in the same variants and hang together.
type finding struct{ metrics, variants []string }

// findings are the groups of metrics that differ in a variant and of which each correlates strongly with another one.
func findings(r *Readout, all []Correlation) (found []finding) {
	tied := map[[2]string]bool{}
	for _, c := range all {
		if math.Abs(c.Correlation) >= correlatedFrom {
			tied[c.Metrics], tied[[2]string{c.Metrics[1], c.Metrics[0]}] = true, true
		}
	}
	for i, v := range r.Variants {
		var differ []string
		for _, m := range r.Metrics {
			if row := &m.Variants[i]; row.Effect != nil && row.PValue != nil && *row.PValue < correlatedP {
				differ = append(differ, m.Metric)
			}
		}
		for _, group := range grouped(differ, tied) {
			at := slices.IndexFunc(found, func(o finding) bool { return slices.Equal(o.metrics, group) })
			if at < 0 {
				at, found = len(found), append(found, finding{metrics: group})
			}
			found[at].variants = append(found[at].variants, v.Variant)
		}
	}
	return found
}

// grouped divides ids into those that are tied, directly or through others. Ids without a tie are left out. The order
// is that of the ids.
func grouped(ids []string, tied map[[2]string]bool) (groups [][]string) {
	group := make([]int, len(ids))
	for i := range group {
		group[i] = i
	}
	for i := range ids {
		for j := range i {
			if was, is := group[i], group[j]; tied[[2]string{ids[i], ids[j]}] && was != is {
				for k := range group {
					if group[k] == was {
						group[k] = is
					}
				}
			}
		}
	}
	for i := range ids {
		var of []string
		for j := range ids {
			if group[j] == i {
				of = append(of, ids[j])
			}
		}
		if len(of) > 1 {
			groups = append(groups, of)
		}
	}
	return groups
}

// sentence says what hangs together, and how strongly.
func (g finding) sentence(all []Correlation) string {
	numbers := [...]string{"two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"}
	var strong []float64 // the strongest first
	for _, c := range all {
		if math.Abs(c.Correlation) >= correlatedFrom && slices.Contains(g.metrics, c.Metrics[0]) && slices.Contains(g.metrics, c.Metrics[1]) {
			strong = append(strong, c.Correlation)
		}
	}
	how := fmt.Sprintf("move together (correlation %s)", rounded(strong[0]))
	switch {
	case len(strong) > 1:
		how = fmt.Sprintf("move together (correlations of %s to %s, either way)", rounded(math.Abs(strong[len(strong)-1])), rounded(math.Abs(strong[0])))
	case strong[0] < 0:
		how = fmt.Sprintf("move against each other (correlation %s)", rounded(strong[0]))
	}
	return fmt.Sprintf("%s differ in %s, but %s: treat them as one result, not %s.", listed(g.metrics), listed(g.variants), how, numbers[len(g.metrics)-2])
}

// rounded writes a correlation.
func rounded(r float64) string {
	return fmt.Sprintf("%.2f", math.Round(100*r)/100+0) // no negative zero
}
