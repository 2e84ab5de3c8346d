package stats

import (
	"math"
	"slices"
)

// ProbBest returns for each arm the posterior probability that its rate is the
// best of all, in the order of arms; they sum to 1. It is the integral of the
// arm's density times the other arms' cdfs (Scott 2010, "A modern Bayesian look
// at the multi-armed bandit"), summed for all arms over one grid: nothing is
// the complement of something else. Where one arm is undefined, so are all.
//
// The control takes part like any other arm. It is not the probability to beat
// the control: an arm may beat the control and be behind a third.
func ProbBest(arms []*BetaPosterior, d Direction) []Number {
	r, why := raceOfBetas(arms, d)
	if why != "" {
		return noneBest(len(arms), why)
	}
	return r.probabilities(r.best)
}

// raceOfBetas computes the probabilities of first and second place.
func raceOfBetas(arms []*BetaPosterior, d Direction) (*race, Reason) {
	for _, a := range arms {
		if why := a.reason(); why != "" {
			return nil, why
		}
	}
	r := newRace(len(arms), d)
	if len(arms) == 0 {
		return r, ""
	}
	hints := make([]int, len(arms))
	r.run(betaGrid(arms, d), func(i int, t float64) (below, above, density float64) {
		cdf, density := arms[i].read(t, &hints[i])
		cdf = min(1, max(0, cdf))
		return cdf, 1 - cdf, max(0, density)
	})
	return r, ""
}

// ProbBestNormal is [ProbBest] for effects or means with normal posteriors: for
// arms' means those of [NewNormalPosterior] with each mean and its standard
// error.
func ProbBestNormal(arms []NormalPosterior, d Direction) []Number {
	r, why := raceOfNormals(arms, d)
	if why != "" {
		return noneBest(len(arms), why)
	}
	return r.probabilities(r.best)
}

// raceOfNormals is raceOfBetas for normal arms.
func raceOfNormals(arms []NormalPosterior, d Direction) (*race, Reason) {
	for _, a := range arms {
		if why := a.reason(); why != "" {
			return nil, why
		}
	}
	r := newRace(len(arms), d)
	if len(arms) == 0 {
		return r, ""
	}
	grid := normalGrid(arms)
	if len(grid) == 0 {
		return nil, ReasonOutOfRange
	}
	r.run(grid, func(i int, x float64) (below, above, density float64) {
		z := (x - arms[i].mean) / arms[i].sd
		// One of the tails is exact; the other, then near 1, its complement.
		if tail := normalCDF(-math.Abs(z)); z < 0 {
			below, above = tail, 1-tail
		} else {
			below, above = 1-tail, tail
		}
		return below, above, normalPDF(z) / arms[i].sd
	})
	return r, ""
}

func noneBest(arms int, why Reason) []Number {
	out := make([]Number, arms)
	for i := range out {
		out[i] = Undefined(why)
	}
	return out
}

// weighted is a node of a quadrature rule.
type weighted struct {
	t, w float64
}

// race sums each arm's probabilities of the first and the second place.
type race struct {
	direction    Direction
	best, second []float64
	arms         []lane
	suffix       []place
}

// lane is one arm at one node.
type lane struct {
	ahead, behind float64 // probabilities to be worse and better than the node
	density       float64
}

// place is the probability that none, and that exactly one of some arms, is
// better than the node.
type place struct {
	none, one float64
}

func (p place) with(l lane) place {
	p = place{none: p.none * l.ahead, one: p.one*l.ahead + p.none*l.behind}
	// Numbers that float64 holds with fewer digits are slow and count nothing.
	if p.none < 1e-290 {
		p.none = 0
	}
	if p.one < 1e-290 {
		p.one = 0
	}
	return p
}

func newRace(arms int, d Direction) *race {
	sums := make([]float64, 2*arms)
	return &race{
		direction: d, best: sums[:arms:arms], second: sums[arms:],
		arms: make([]lane, arms), suffix: make([]place, arms+1),
	}
}

// run adds the nodes up. Products over all arms but one come from those before
// and those after it: dividing it out would fail where its cdf is 0.
func (r *race) run(grid []weighted, at func(i int, t float64) (below, above, density float64)) {
	r.suffix[len(r.arms)] = place{none: 1}
	for _, g := range grid {
		for i := len(r.arms) - 1; i >= 0; i-- {
			below, above, density := at(i, g.t)
			if r.direction == LowerIsBetter {
				below, above = above, below
			}
			r.arms[i] = lane{ahead: below, behind: above, density: density}
			r.suffix[i] = r.suffix[i+1].with(r.arms[i])
		}
		before := place{none: 1}
		for i, l := range r.arms {
			after, w := r.suffix[i+1], g.w*l.density
			r.best[i] += w * before.none * after.none
			r.second[i] += w * (before.none*after.one + before.one*after.none)
			before = before.with(l)
		}
	}
}

// probabilities makes the sums add up to 1, which they do up to rounding.
func (r *race) probabilities(sums []float64) []Number {
	out := make([]Number, len(sums))
	var total float64
	for _, v := range sums {
		total += v
	}
	for i, v := range sums {
		out[i] = Known(min(1, v/total))
	}
	return out
}

// mostNodes is where a trapezoid grid, as fine as the narrowest arm asks and as
// wide as the widest, costs more than panels that are fine only where needed.
const mostNodes = 3000

// betaGrid is the trapezoid rule at the narrowest arm's spacing, which still
// resolves the product of a dozen such cdfs, or Gauss-Legendre over all arms'
// panels. It leaves out where some arm is surely better than the node.
func betaGrid(arms []*BetaPosterior, d Direction) []weighted {
	h := math.Inf(1)
	low, high := math.Inf(-1), math.Inf(1)
	first, last := math.Inf(1), math.Inf(-1)
	for _, a := range arms {
		h = min(h, a.spacing())
		from, to := a.panels[0].low, a.panels[len(a.panels)-1].high
		low, high = max(low, from), min(high, to)
		first, last = min(first, from), max(last, to)
	}
	if d == LowerIsBetter {
		low = first
	} else {
		high = last
	}
	if n := (high - low) / h; n <= mostNodes {
		return trapezoidGrid(low, h, int(n)+1)
	}
	var breaks []float64
	for _, a := range arms {
		breaks = append(breaks, a.panels[0].low)
		for i := range a.panels {
			breaks = append(breaks, a.panels[i].high)
		}
	}
	return panelGrid(breaks, low, high)
}

// normalGrid is the same for normal arms. An arm far behind wins, if at all,
// somewhere between itself and the others: the grid covers all that lies
// between. It is empty when the arms' figures are too far apart for float64.
//
// The integrand is a product of as many Gaussian integrals as there are arms;
// its spectrum is at most as wide as the root of their number.
func normalGrid(arms []NormalPosterior) []weighted {
	fine := min(0.5, 0.8/math.Sqrt(float64(len(arms))))
	h := math.Inf(1)
	low, high := math.Inf(1), math.Inf(-1)
	for _, a := range arms {
		h = min(h, fine*a.sd)
		low, high = min(low, a.mean-10*a.sd), max(high, a.mean+10*a.sd)
	}
	if !finite(high-low) || !(low+h > low) || !(high-h < high) {
		return nil
	}
	if n := (high - low) / h; n <= mostNodes {
		return trapezoidGrid(low, h, int(n)+1)
	}
	var breaks []float64
	for _, a := range arms {
		for z := -40.0; z <= 40; z++ {
			breaks = append(breaks, a.mean+z*a.sd)
		}
	}
	return panelGrid(breaks, low, high)
}

func trapezoidGrid(low, h float64, n int) []weighted {
	grid := make([]weighted, n+1)
	for i := range grid {
		grid[i] = weighted{t: low + h*float64(i), w: h}
	}
	return grid
}

// panelGrid is Gauss-Legendre between the breaks that lie in [low, high].
func panelGrid(breaks []float64, low, high float64) []weighted {
	breaks = append(breaks, low, high)
	slices.Sort(breaks)
	r := gauss()
	grid := make([]weighted, 0, nodes*len(breaks))
	for i := 1; i < len(breaks); i++ {
		from, to := max(low, breaks[i-1]), min(high, breaks[i])
		if !(to > from) {
			continue
		}
		mid, half := from+(to-from)/2, (to-from)/2
		for j, x := range r.x {
			grid = append(grid, weighted{t: mid + half*x, w: half * r.w[j]})
		}
	}
	return grid
}
