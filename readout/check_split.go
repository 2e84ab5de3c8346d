package readout

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/tracklayer/tracklayer/stats"
)

const (
	mismatchBelow  = 0.001  // p: the split is looked at every day
	leastExpected  = 5      // users, for the chi-square approximation
	leastExact     = 10     // users of all arms, below which no split is surprising
	splitKnowledge = 10_000 // users that the sequential test takes the weights to be worth
)

// division is who is divided, and by which weights.
type division struct {
	observed []int64
	weights  []float64
}

// split asks whether the persons are divided as the weights say.
type split struct{ *progress }

// division is all users, by the weights of the definition.
func (f split) division() division {
	d := division{make([]int64, len(f.arms)), make([]float64, len(f.arms))}
	for i, a := range f.arms {
		d.observed[i], d.weights[i] = f.users(i), a.weight
	}
	return d
}

// counted are the users in arms that have a weight.
func (d division) counted() (n int64, weight float64) {
	for i, w := range d.weights {
		if w > 0 {
			n += d.observed[i]
			weight += w
		}
	}
	return n, weight
}

// on are those first exposed on a day.
func (f split) on(day int64, weights []float64) division {
	d := division{make([]int64, len(f.arms)), weights}
	for i := range f.arms {
		d.observed[i] = f.came[i].on(day)
	}
	return d
}

// epochs is all users but those of the days on which the weights changed. Its weights are the users expected by the plan
// of each day.
func (f split) epochs() division {
	d := division{make([]int64, len(f.arms)), make([]float64, len(f.arms))}
	for _, day := range f.dates() {
		weights := f.weightsOn(day)
		if weights == nil {
			continue
		}
		today := f.on(day, weights)
		n, weight := today.counted()
		for i := range f.arms {
			d.observed[i] += today.observed[i]
			if weight > 0 {
				d.weights[i] += float64(n) * weights[i] / weight
			}
		}
	}
	return d
}

// reasonWeightsUnknown is why there are no figures about the split of an experiment that was never declared.
const reasonWeightsUnknown stats.Reason = "weights_unknown"

const weightsUnknown = "Weights unknown: set up the experiment with its weights to check the split."

// undeclaredSplit is the check of a split whose weights are not known: equal ones are as good as any, and say nothing.
func (f split) undeclaredSplit() Check {
	c := Check{Check: "sample_ratio_mismatch", Status: NotEnoughData, Detail: weightsUnknown, SampleRatio: &SampleRatio{Split: make([]Split, 0, len(f.arms))}}
	c.Reasons = Reasons{"p_value": reasonWeightsUnknown, "chi_square": reasonWeightsUnknown, "sequential_p_value": reasonWeightsUnknown}
	for i, a := range f.arms {
		c.Split = append(c.Split, Split{Variant: a.key, Weight: a.weight, Users: f.users(i)})
	}
	return c
}

func (f split) sampleRatio() Check {
	if !f.declared {
		return f.undeclaredSplit()
	}
	d := f.division()
	res, exact := d.fit()
	changed := ""
	if f.reweighted() {
		e := f.epochs()
		if by, ofPlans := e.fit(); by.P.OK && (!res.P.OK || by.P.Value > res.P.Value) && len(by.Leaks) == 0 {
			d, res, exact = e, by, ofPlans
			changed = " The weights changed during the run: expected users follow the weights of each day, without the days of a change."
		}
	}
	c := Check{Check: "sample_ratio_mismatch", SampleRatio: &SampleRatio{DF: res.DF, Exact: exact, Split: make([]Split, 0, len(f.arms))}}
	c.PValue = c.Reasons.number("p_value", res.P)
	c.ChiSquare = c.Reasons.number("chi_square", res.ChiSquare)
	c.SequentialPValue = c.Reasons.number("sequential_p_value", f.sequentialSplit())
	counted, weight := d.counted()
	for i, a := range f.arms {
		s := Split{Variant: a.key, Weight: a.weight, Users: d.observed[i]}
		if counted > 0 {
			expected := float64(counted) * (d.weights[i] / weight)
			s.Expected = &expected
		}
		c.Split = append(c.Split, s)
	}
	enough := exact || res.MinExpected.OK && res.MinExpected.Value >= leastExpected
	switch {
	case len(res.Leaks) > 0:
		c.Status = Failed
		c.Detail = fmt.Sprintf("%s got %s although its weight is 0: the actual split differs from the definition. Fix the assignment, or set the weights that are in use.",
			f.arms[res.Leaks[0]].key, users(d.observed[res.Leaks[0]]))
	case !enough:
		c.Status = NotEnoughData
		c.Detail = fmt.Sprintf("The split cannot be judged yet: %s counted; at least two variants with a weight, and %d expected users in each, are needed.",
			many(counted, "user is", "users are"), leastExpected)
	case res.Mismatch:
		c.Status = Failed
		c.Detail = splitSentence(c.Split, res.P) + changed + " This is very unlikely by chance. Do not use these results; look for lost exposures, redirects, bots, or a changed allocation."
	default:
		c.Status = OK
		c.Detail = splitSentence(c.Split, res.P) + changed + " The split fits the weights."
	}
	return c
}

// fit judges a division: by chi-square, and if too few are expected in an arm by the exact test, if it can be
// computed.
func (d division) fit() (res stats.SRMResult, exact bool) {
	res = stats.SRM(d.observed, d.weights, mismatchBelow)
	counted, _ := d.counted()
	if res.MinExpected.OK && res.MinExpected.Value < leastExpected && counted >= leastExact {
		if p := stats.SRMExact(d.observed, d.weights); p.OK {
			res.P, exact = p, true
			res.Mismatch = len(res.Leaks) > 0 || p.Value < mismatchBelow
		}
	}
	return res, exact
}

// sequentialSplit is the smallest always-valid p value over the ends of the days, by the weights of the definition.
func (f split) sequentialSplit() stats.Number {
	d := f.division()
	least := stats.SRMSequential(d.observed, d.weights, splitKnowledge).P
	if !least.OK || f.reweighted() {
		return least
	}
	for _, day := range f.dates() {
		for i := range f.arms {
			d.observed[i] = f.came[i].through(day)
		}
		if p := stats.SRMSequential(d.observed, d.weights, splitKnowledge).P; p.OK {
			least.Value = math.Min(least.Value, p.Value)
		}
	}
	return least
}

// splitByDay looks for days on which the split was off, which may cancel out over all.
func (f split) splitByDay() Check {
	if !f.declared {
		return Check{
			Check: "sample_ratio_by_day", Status: NotEnoughData, Detail: weightsUnknown, SplitByDay: &SplitByDay{},
			Reasons: Reasons{"worst_day": reasonWeightsUnknown, "adjusted_p_value": reasonWeightsUnknown},
		}
	}
	type judged struct {
		day int64
		p   float64
	}
	var all []judged
	declared := f.division().weights
	for _, day := range f.dates() {
		res := stats.SRM(f.on(day, declared).observed, declared, mismatchBelow)
		enough := res.P.OK && res.MinExpected.Value >= leastExpected
		p := res.P.Value
		if f.reweighted() {
			weights := f.weightsOn(day)
			if weights == nil {
				continue
			}
			by := stats.SRM(f.on(day, weights).observed, weights, mismatchBelow)
			enough = enough || by.P.OK && by.MinExpected.Value >= leastExpected
			p = math.Max(p, by.P.Value)
		}
		if enough {
			all = append(all, judged{day, p})
		}
	}
	c := Check{Check: "sample_ratio_by_day", SplitByDay: &SplitByDay{Days: len(all)}}
	if len(all) == 0 {
		c.Status, c.Reasons = NotEnoughData, Reasons{"worst_day": stats.ReasonTooFewDays, "adjusted_p_value": stats.ReasonTooFewDays}
		c.Detail = fmt.Sprintf("On no day were %d users expected in every variant.", leastExpected)
		return c
	}
	worst := slices.MinFunc(all, func(a, b judged) int { return cmp.Compare(a.p, b.p) })
	day, p := date(worst.day), math.Min(1, worst.p*float64(len(all)))
	c.WorstDay, c.AtWorst = &day, &p
	c.Status, c.Detail = OK, fmt.Sprintf("The split fits the weights on each of %s with enough users; the smallest p, times their number, is %s.", days(int64(len(all))), short(p))
	if p < mismatchBelow {
		c.Status = Failed
		c.Detail = fmt.Sprintf("The split of users first exposed on %s does not fit the weights: p times %s is %s. Look for a release, an outage, or a changed allocation on that day, and start a new run.",
			day, days(int64(len(all))), short(p))
	}
	return c
}

// splitSentence says the counts, what was expected, and the p value.
func splitSentence(all []Split, p stats.Number) string {
	var got []string
	for _, s := range all {
		if s.Weight > 0 {
			got = append(got, fmt.Sprintf("%s in %s (expected %s)", users(s.Users), s.Variant, whole(int64(math.Round(*s.Expected)))))
		}
	}
	return fmt.Sprintf("%s; p = %s.", listed(got), short(p.Value))
}
