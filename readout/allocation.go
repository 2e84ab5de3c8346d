package readout

import (
	"fmt"
	"math"
	"slices"

	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/registry"
	"github.com/tracklayer/tracklayer/stats"
)

// Allocation is how a bandit would divide the next day's users among the variants. TrackLayer does not assign users: the
// assigning tool may ask once a day and set these weights. Its JSON is the API's.
type Allocation struct {
	ExperimentID string              `json:"experiment_id"`
	Run          *int                `json:"run"`
	Status       registry.Status     `json:"status"`
	AsOf         AsOf                `json:"as_of"`
	Control      string              `json:"control"`
	Metric       string              `json:"metric"`
	Type         registry.MetricType `json:"type"`
	Direction    string              `json:"direction"`
	Algorithm    string              `json:"algorithm"` // Thompson or TopTwo
	Floor        float64             `json:"floor"`
	// Through is the last day of first exposure, UTC, that the weights are based on: it is over, and its windows have closed.
	// null: none.
	Through *string `json:"through"`
	// Ready says whether the weights are computed from the data; until then they are the declared ones.
	Ready    bool             `json:"ready"`
	Detail   string           `json:"detail"`
	Variants []Allotted       `json:"variants"`
	Epochs   []AllocationSpan `json:"epochs"`
	Reasons  Reasons          `json:"reasons,omitempty"`
}

// Allotted is a variant's share of the next day.
type Allotted struct {
	Variant             string   `json:"variant"`
	Weight              float64  `json:"weight"`  // they add up to 1
	Current             float64  `json:"current"` // by the definition, the same
	ProbabilityToBeBest *float64 `json:"probability_to_be_best"`
	Users               int64    `json:"users"`
	ConvertedUsers      int64    `json:"converted_users"`
	// Difference from the control within each epoch, averaged with the epochs' users as weights, in units of the metric;
	// Pooled is that of the means over all time, which the change of the weights distorts.
	Difference    *float64 `json:"difference,omitempty"`
	StandardError *float64 `json:"standard_error,omitempty"`
	Pooled        *float64 `json:"pooled_difference,omitempty"`
}

// AllocationSpan is an epoch: days in a row on which the weights were the same, or one day on which they changed.
type AllocationSpan struct {
	From     string        `json:"from"`
	Through  string        `json:"through"`
	Changed  bool          `json:"weights_changed"` // during the day
	LeftOut  bool          `json:"left_out"`        // some variant had no users, so nothing can be compared
	Variants []EpochFigure `json:"variants"`
}

// EpochFigure is a variant in an epoch.
type EpochFigure struct {
	Variant        string   `json:"variant"`
	Weight         *float64 `json:"weight"` // null: it changed
	Users          int64    `json:"users"`
	ConvertedUsers int64    `json:"converted_users"`
	Mean           *float64 `json:"mean"`
}

// Algorithms of an Allocation.
const (
	Thompson = "thompson"
	TopTwo   = "top_two"
)

const (
	// DefaultFloor is the share that every variant keeps, so that it can still be found to be the best.
	DefaultFloor = 0.01

	banditUsers     = 100 // of a variant, before the weights follow the data
	banditConverted = 40
	banditLeader    = 0.5
)

// AllocationQuestion is which allocation is asked for.
type AllocationQuestion struct {
	Question
	Metric    string  // "": the primary one
	Algorithm string  // "": Thompson
	Floor     float64 // from 0 to 1
}

// Allocate reads the weights for the next day off a View. It fails as Series does.
func Allocate(v *sums.View, q AllocationQuestion, codeVersion string) (*Allocation, error) {
	f, m, err := measuredMetric(v, q.Question, q.Metric)
	if err != nil {
		return nil, err
	}
	s := f.of
	if q.Algorithm == "" {
		q.Algorithm = Thompson
	}
	a := &Allocation{
		ExperimentID: q.Experiment, Status: f.life.Status, AsOf: AsOf{s.Seq, s.Revision, codeVersion, v.Due, v.Erasures}, Control: f.def.Control,
		Metric: m.ID, Type: m.Type, Direction: m.Direction, Algorithm: q.Algorithm, Floor: q.Floor, Variants: declaredShares(f.arms), Epochs: []AllocationSpan{},
	}
	if f.life.Number > 0 {
		a.Run = &f.life.Number
	}
	b := bandit{measured: f, metric: m, through: min(maturedBy(m, f.now).through, f.today()-1), out: a}
	b.epochs()
	b.count()
	b.weigh(q)
	return a, nil
}

// declaredShares are the weights of the definition.
func declaredShares(arms []arm) []Allotted {
	var sum float64
	for _, a := range arms {
		sum += a.weight
	}
	all := make([]Allotted, 0, len(arms))
	for _, a := range arms {
		share := Allotted{Variant: a.key}
		if sum > 0 {
			share.Weight, share.Current = a.weight/sum, a.weight/sum
		}
		all = append(all, share)
	}
	return all
}

// bandit computes an Allocation.
type bandit struct {
	*measured
	metric  *registry.Metric
	through int64
	out     *Allocation
	spans   [][]sample // by epoch, of the variants; those that are left out are not in it
}

// epochs divides the days into stretches of constant weights.
func (b *bandit) epochs() {
	var days []int64
	for _, day := range b.dates() {
		if day <= b.through {
			days = append(days, day)
		}
	}
	if len(days) == 0 {
		return
	}
	last := date(days[len(days)-1])
	b.out.Through = &last
	for at := 0; at < len(days); {
		weights, end := b.weights(days[at]), at+1
		for end < len(days) && weights != nil && slices.Equal(b.weights(days[end]), weights) {
			end++
		}
		b.epoch(days[at], days[end-1], weights)
		at = end
	}
}

// weights are those of a day; nil: they changed on it. Those of an undeclared experiment are not known, and taken as
// they are assumed.
func (b *bandit) weights(day int64) []float64 {
	if len(b.plans) > 0 {
		return b.weightsOn(day)
	}
	all := make([]float64, len(b.arms))
	for i, a := range b.arms {
		all[i] = a.weight
	}
	return all
}

func (b *bandit) epoch(first, last int64, weights []float64) {
	e := AllocationSpan{From: date(first), Through: date(last), Changed: weights == nil, Variants: make([]EpochFigure, 0, len(b.arms))}
	samples := make([]sample, len(b.arms))
	var sum float64
	for _, w := range weights {
		sum += w
	}
	for i, a := range b.arms {
		users := b.came[i].through(last) - b.came[i].through(first-1)
		samples[i] = b.sample(b.metric, users, a.Metrics[b.metric.ID].Between(b.who(), first, last))
		var none Reasons
		row := EpochFigure{Variant: a.key, Users: users, ConvertedUsers: samples[i].converted, Mean: none.number("", samples[i].mean)}
		if weights != nil && sum > 0 {
			share := weights[i] / sum
			row.Weight = &share
		}
		e.LeftOut = e.LeftOut || users == 0 && b.plays(i)
		e.Variants = append(e.Variants, row)
	}
	b.out.Epochs = append(b.out.Epochs, e)
	if !e.LeftOut {
		b.spans = append(b.spans, samples)
	}
}

// plays reports whether a variant takes part now.
func (b *bandit) plays(i int) bool { return b.arms[i].weight > 0 }

// count adds up the users that the weights are based on, and compares with the control.
func (b *bandit) count() {
	for i := range b.arms {
		row := &b.out.Variants[i]
		epochs := make([]stats.Epoch, 0, len(b.spans))
		for _, samples := range b.spans {
			row.Users += samples[i].users
			row.ConvertedUsers += samples[i].converted
			if b.control >= 0 {
				epochs = append(epochs, stats.Epoch{Control: samples[b.control].moments, Treatment: samples[i].moments})
			}
		}
		if i == b.control || len(epochs) == 0 || !b.plays(i) {
			continue
		}
		average := stats.AverageEpochs(epochs)
		var none Reasons
		row.Difference, row.StandardError = none.number("", average.Diff), none.number("", average.SE)
		row.Pooled = none.number("", stats.CompareMoments(b.pooled(b.control).moments, b.pooled(i).moments).Diff())
	}
}

// pooled is a variant over all days that the weights are based on.
func (b *bandit) pooled(i int) *sample {
	one := b.sample(b.metric, b.came[i].through(b.through), b.arms[i].Metrics[b.metric.ID].Through(b.who(), b.through))
	return &one
}

// weigh replaces the declared weights by those of the algorithm, if there is enough data.
func (b *bandit) weigh(q AllocationQuestion) {
	var playing []int
	var short []string
	for i, a := range b.arms {
		if !b.plays(i) {
			continue
		}
		playing = append(playing, i)
		if row := &b.out.Variants[i]; row.Users < banditUsers || row.ConvertedUsers < banditConverted {
			short = append(short, fmt.Sprintf("%s has %s and %s", a.key, users(row.Users), many(row.ConvertedUsers, "conversion", "conversions")))
		}
	}
	if len(short) > 0 || len(playing) < 2 {
		b.out.Detail = fmt.Sprintf("Keep the declared weights: at least %d matured users and %d who converted are needed in every variant", banditUsers, banditConverted)
		if len(short) > 0 {
			b.out.Detail += "; " + listed(short)
		}
		b.out.Detail += "."
		return
	}
	best := b.best(playing)
	shares := stats.ThompsonWeights(best, q.Floor)
	if q.Algorithm == TopTwo {
		shares = stats.TopTwoWeights(best, banditLeader, q.Floor)
	}
	for k, i := range playing {
		row := &b.out.Variants[i]
		row.ProbabilityToBeBest = b.out.Reasons.number("probability_to_be_best", best[k])
		if !shares[k].OK {
			b.out.Reasons.note("weight", shares[k].Reason)
		}
	}
	if slices.ContainsFunc(shares, func(n stats.Number) bool { return !n.OK }) {
		b.out.Detail = "Keep the declared weights: the data do not show which variant is better."
		return
	}
	b.out.Ready = true
	for i := range b.out.Variants {
		b.out.Variants[i].Weight = 0
	}
	for k, i := range playing {
		b.out.Variants[i].Weight = shares[k].Value
	}
	b.out.Detail = fmt.Sprintf("Weights for the day after %s, from %s. Set them in the assigning tool and in the definition, and ask again tomorrow.", *b.out.Through, many(int64(len(b.spans)), "epoch of constant weights", "epochs of constant weights"))
}

// best is the probability of each variant to be the best. If the weights changed, each variant's mean is that of the
// epochs averaged with the epochs' users as weights, because means over all time would mix the change of the weights with
// the change of the rates (Simpson's paradox).
func (b *bandit) best(playing []int) []stats.Number {
	direction := (&comparison{metric: b.metric}).direction()
	if len(b.spans) == 1 && b.metric.Type == registry.Proportion {
		arms := make([]*stats.BetaPosterior, 0, len(playing))
		for _, i := range playing {
			arms = append(arms, b.spans[0][i].posterior())
		}
		return stats.ProbBest(arms, direction)
	}
	var all float64
	size := make([]float64, len(b.spans))
	for e, samples := range b.spans {
		for _, i := range playing {
			size[e] += float64(samples[i].users)
		}
		all += size[e]
	}
	arms := make([]stats.NormalPosterior, 0, len(playing))
	for _, i := range playing {
		var mean, variance float64
		for e, samples := range b.spans {
			share := size[e] / all
			m, se := samples[i].moments.Mean, samples[i].moments.SE()
			if !m.OK || !se.OK {
				mean = math.NaN() // which no posterior is made of
			}
			mean += share * m.Value
			variance += share * share * se.Value * se.Value
		}
		arms = append(arms, stats.NewNormalPosterior(mean, math.Sqrt(variance), nil))
	}
	return stats.ProbBestNormal(arms, direction)
}
