package stats

import "math"

// ThompsonWeights returns the shares of traffic that Thompson sampling gives
// (Thompson 1933; Scott 2010): each arm's probability of being best, above a
// floor that every arm gets. best comes from [ProbBest] or [ProbBestNormal].
//
// The floor, at least 0, is added, weight = floor + (1 - K floor) p: raising the
// small ones and scaling all would bias the rest. With K floor >= 1 all arms get
// the same. The shares sum to 1.
func ThompsonWeights(best []Number, floor float64) []Number {
	p, why := probabilities(best, floor)
	if why != "" {
		return noneBest(len(best), why)
	}
	return floored(p, floor)
}

// TopTwoWeights returns the shares of top-two Thompson sampling (Russo 2016,
// "Simple Bayesian algorithms for best arm identification"): the winner of a
// draw gets the user with probability leader in [0, 1], usually 0.5, otherwise
// the winner of a further draw that is another arm. It finds the best arm sooner
// and earns less on the way. Best and floor are as in [ThompsonWeights].
//
// What the others share is summed, not taken from 1: of an arm far ahead the
// difference would be 0.
func TopTwoWeights(best []Number, leader, floor float64) []Number {
	p, why := probabilities(best, floor)
	if why == "" && !(leader >= 0 && leader <= 1) {
		why = ReasonInvalidInput
	}
	if why != "" {
		return noneBest(len(best), why)
	}
	if len(p) < 2 {
		return floored(p, floor)
	}
	weights := make([]float64, len(p))
	for j := range p {
		var others float64
		for i := range p {
			if i != j {
				others += p[i]
			}
		}
		weights[j] += leader * p[j]
		for i := range p {
			switch {
			case i == j:
			case others > 0:
				weights[i] += (1 - leader) * p[j] * (p[i] / others)
			default: // it is unknown who is second
				weights[i] += (1 - leader) * p[j] / float64(len(p)-1)
			}
		}
	}
	return floored(weights, floor)
}

// TopTwoShare returns for each arm half the probability that its rate is the
// best plus half the probability that it is the second best: the shares, which
// sum to 1, of a bandit that always sends its users to the two best of a draw.
func TopTwoShare(arms []*BetaPosterior, d Direction) []Number {
	r, why := raceOfBetas(arms, d)
	if why != "" {
		return noneBest(len(arms), why)
	}
	return r.topTwo()
}

// TopTwoShareNormal is [TopTwoShare] for arms with normal posteriors.
func TopTwoShareNormal(arms []NormalPosterior, d Direction) []Number {
	r, why := raceOfNormals(arms, d)
	if why != "" {
		return noneBest(len(arms), why)
	}
	return r.topTwo()
}

// topTwo is the mean of the probabilities of the first two places.
func (r *race) topTwo() []Number {
	sums := make([]float64, len(r.best))
	for i := range sums {
		sums[i] = r.best[i] + r.second[i]
	}
	return r.probabilities(sums)
}

// probabilities checks what comes from outside and makes it sum to 1.
func probabilities(best []Number, floor float64) ([]float64, Reason) {
	if !(floor >= 0) || math.IsInf(floor, 0) {
		return nil, ReasonInvalidInput
	}
	p := make([]float64, len(best))
	var total float64
	for i, b := range best {
		switch {
		case !b.OK:
			return nil, orInvalid(b.Reason)
		case !(b.Value >= 0 && b.Value <= 1):
			return nil, ReasonInvalidInput
		}
		p[i] = b.Value
		total += b.Value
	}
	if len(p) > 0 && !(total > 0.5 && total < 2) {
		return nil, ReasonInvalidInput // not the probabilities of one race
	}
	for i := range p {
		p[i] /= total
	}
	return p, ""
}

func floored(p []float64, floor float64) []Number {
	k := float64(len(p))
	out := make([]Number, len(p))
	for i, v := range p {
		if k*floor >= 1 {
			out[i] = Known(1 / k)
		} else {
			out[i] = Known(floor + (1-k*floor)*v)
		}
	}
	return out
}

// Epoch is the time between two changes of a bandit's weights, or of any
// experiment's: within it every arm had a constant share of the users.
type Epoch struct {
	Control, Treatment Moments
}

// EpochAverage is an effect averaged over epochs.
type EpochAverage struct {
	// Diff is in units of the metric, SE its standard error.
	Diff, SE Number
}

// AverageEpochs returns the difference of the means within each epoch, averaged
// with the epochs' users as weights (stratification: Cochran 1977, Sampling
// Techniques, section 5). Means over all time would mix the change of the
// weights with the change of the rates from day to day, Simpson's paradox.
// Epochs without any user do not count; one with users in a single arm, or
// without a variance, leaves the average, or its error, undefined.
func AverageEpochs(epochs []Epoch) EpochAverage {
	var users float64
	for _, e := range epochs {
		if e.Control.N < 0 || e.Treatment.N < 0 {
			return EpochAverage{Diff: Undefined(ReasonInvalidInput), SE: Undefined(ReasonInvalidInput)}
		}
		users += float64(e.Control.N) + float64(e.Treatment.N)
	}
	if users == 0 {
		return EpochAverage{Diff: Undefined(ReasonNoUsers), SE: Undefined(ReasonNoUsers)}
	}
	diff, se := Known(0), Known(0)
	for _, e := range epochs {
		share := (float64(e.Control.N) + float64(e.Treatment.N)) / users
		if share == 0 {
			continue
		}
		c := CompareMoments(e.Control, e.Treatment)
		d, err := c.Diff(), c.DiffSE()
		if diff.OK {
			diff = d.then(func(v float64) float64 { return diff.Value + share*v })
		}
		if se.OK {
			se = err.then(func(v float64) float64 { return math.Hypot(se.Value, share*v) })
		}
	}
	return EpochAverage{Diff: diff, SE: se}
}

// then applies f to a figure that exists.
func (n Number) then(f func(float64) float64) Number {
	if !n.OK {
		return n
	}
	return Known(f(n.Value))
}
