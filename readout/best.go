package readout

import (
	"github.com/tracklayer/tracklayer/registry"
	"github.com/tracklayer/tracklayer/stats"
)

// reasonPrior: a prior on the lift says nothing of the arms themselves.
const reasonPrior stats.Reason = "prior_on_lift"

// contest fills in how likely each variant is the best of all. Variants that hardly anybody met take no part.
func contest(m *registry.Metric, samples []sample, rows []Row) {
	var in []int
	var users, converted int64
	why := stats.Reason("")
	for i := range samples {
		switch s := &samples[i]; {
		case s.users == 0:
			rows[i].Reasons.note("probability_to_be_best", stats.ReasonNoUsers)
		case s.users < beliefMinimum:
			rows[i].Reasons.note("probability_to_be_best", reasonBeliefStarts)
		default:
			in = append(in, i)
			users, converted = users+s.users, converted+s.converted
			if v := s.moments.Variance; m.Type != registry.Proportion && v.OK && v.Value == 0 {
				why = reasonArmNoVariance
			}
		}
	}
	switch {
	case m.Prior != nil:
		why = reasonPrior
	case len(in) == 1:
		why = stats.ReasonTooFewArms
	case m.Type == registry.Proportion && converted == 0:
		why = reasonNoConversions
	case m.Type == registry.Proportion && converted == users:
		why = reasonAllConverted
	}
	if why != "" {
		for _, i := range in {
			rows[i].Reasons.note("probability_to_be_best", why)
		}
		return
	}
	for k, p := range best(m, samples, rows, in) {
		row := &rows[in[k]]
		row.ProbabilityToBeBest = row.Reasons.number("probability_to_be_best", p)
	}
}

// best are the probabilities of those who take part.
func best(m *registry.Metric, samples []sample, rows []Row, in []int) []stats.Number {
	if len(in) == 2 && (rows[in[0]].Effect == nil) != (rows[in[1]].Effect == nil) { // of two, to be the best is to beat the other
		t := 0
		if rows[in[0]].Effect == nil {
			t = 1
		}
		if p := rows[in[t]].ProbabilityToBeatControl; p != nil {
			both := []stats.Number{stats.Known(1 - *p), stats.Known(1 - *p)}
			both[t] = stats.Known(*p)
			return both
		}
	}
	direction := (&comparison{metric: m}).direction()
	if m.Type == registry.Proportion {
		arms := make([]*stats.BetaPosterior, 0, len(in))
		for _, i := range in {
			arms = append(arms, samples[i].posterior())
		}
		return stats.ProbBest(arms, direction)
	}
	arms := make([]stats.NormalPosterior, 0, len(in))
	for _, i := range in {
		arms = append(arms, stats.NewNormalPosterior(samples[i].mean.Value, samples[i].moments.SE().Value, nil))
	}
	return stats.ProbBestNormal(arms, direction)
}
