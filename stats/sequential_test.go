package stats

import "testing"

func TestExactTuningCases(t *testing.T) {
	type input struct {
		Alpha float64
		NStar float64 `json:"n_star"`
	}
	runCases(t, "asymp_cs_rho_exact", func(in input) results {
		return results{
			"rho2_exact":  NewTightestSequence(in.Alpha, in.NStar).Rho2(),
			"rho2_approx": NewConfidenceSequence(in.Alpha, in.NStar, TwoSided).Rho2(),
		}
	})
}

func TestMixtureSPRTCases(t *testing.T) {
	type input struct{ Estimate, Variance, Tau2, Alpha float64 }
	runCases(t, "msprt", func(in input) results {
		m := NewMixtureSPRT(in.Alpha, in.Tau2)
		i := m.Interval(in.Estimate, in.Variance)
		return results{
			"ln_lambda": m.LnLikelihoodRatio(in.Estimate, in.Variance), "p_value": m.P(in.Estimate, in.Variance),
			"ci": i, "halfwidth": Known((i.High - i.Low) / 2),
		}
	})
}

func TestGroupSequentialCases(t *testing.T) {
	type input struct {
		Spending    string
		Exponent    float64 `json:"power_exponent"`
		Alpha       float64
		Sides       int
		Information []float64
	}
	runCases(t, "group_sequential", func(in input) results {
		spending := map[string]Spending{
			"obrien_fleming": roundedLikeTheReference(SpendOBrienFleming()), "pocock": SpendPocock(), "power": SpendPower(in.Exponent),
		}[in.Spending]
		sides := TwoSided
		if in.Sides == 1 {
			sides = OneSided
		}
		var spent, z, p []Number
		for _, look := range GroupSequential(spending, in.Alpha, sides, in.Information) {
			spent, z, p = append(spent, look.Spent), append(z, look.Z), append(p, look.NominalP)
		}
		return results{"alpha_spent_per_side": spent, "z_bounds": z, "nominal_p_per_look": p}
	})
}

// roundedLikeTheReference takes a probability from 1 and that from 1 again, as
// the reference does: of the 2e-13 that it spends at the first of fourteen looks
// this leaves three digits, which moves the bound by 4e-5.
func roundedLikeTheReference(s Spending) Spending {
	return Spending{spent: func(alpha, t float64) float64 { return 2 * (1 - (1 - s.spent(alpha, t)/2)) }}
}

func TestTheFirstOfManyBoundsIsExact(t *testing.T) {
	// 40 digits: erfc(z sqrt(14)/sqrt 2) with z = Phi^-1(0.975), and where the
	// normal tail is that.
	look := GroupSequential(SpendOBrienFleming(), 0.05, OneSided, []float64{1.0 / 14, 1})[0]
	compareNumber(t, "spent", tolerance{Rel: 1e-12}, look.Spent, 2.24195517191186565e-13)
	compareNumber(t, "bound", tolerance{Rel: 1e-13}, look.Z, 7.24008880780631138)
}

func TestPeekingCases(t *testing.T) {
	type input struct {
		Threshold float64
		Looks     int
		First     int     `json:"first_look"`
		Prior     float64 `json:"prior_information"`
	}
	runCases(t, "peeking", func(in input) results {
		risk := Peeking{
			Threshold: in.Threshold, Looks: in.Looks, FirstLook: in.First, PriorInformation: in.Prior,
		}.Risk()
		return results{"fpr_win": risk.Win, "fpr_win_or_loss": risk.WinOrLoss}
	})
}

func TestBanditCases(t *testing.T) {
	type input struct {
		Kind     string
		Mean, SD []float64
		Prior    struct{ Alpha, Beta float64 }
		Arms     []armInput
		Floor    float64
	}
	runCases(t, "bandit", func(in input) results {
		out := results{}
		var best []Number
		if in.Kind == "normal" {
			arms := make([]NormalPosterior, len(in.Mean))
			for i := range arms {
				arms[i] = NewNormalPosterior(in.Mean[i], in.SD[i], nil)
			}
			best = ProbBestNormal(arms, HigherIsBetter)
			out["top_two_share"] = TopTwoShareNormal(arms, HigherIsBetter)
		} else {
			arms := make([]*BetaPosterior, len(in.Arms))
			for i, a := range in.Arms {
				arms[i] = NewBetaPosterior(in.Prior.Alpha+float64(a.X), in.Prior.Beta+float64(a.N-a.X))
			}
			best = ProbBest(arms, HigherIsBetter)
		}
		out["prob_best"] = best
		out["thompson_weights"] = ThompsonWeights(best, in.Floor)
		out["ttts_weights"] = TopTwoWeights(best, 0.5, in.Floor)
		return out
	})
}

func TestMergeCases(t *testing.T) {
	type input struct{ Batches []Batch }
	runCases(t, "merge_moments", func(in input) results {
		m := MergeBatches(in.Batches)
		return results{"n": int(m.N), "mean": m.Mean, "m2": m.M2, "var": m.Moments().Variance}
	})
}

func TestWinsorizeCases(t *testing.T) {
	type input struct {
		Values      []float64
		Percentile  float64
		IgnoreZeros bool `json:"ignore_zeros"`
	}
	runCases(t, "winsorize", func(in input) results {
		most := PercentileCap(in.Values, in.Percentile, in.IgnoreZeros)
		w := Winsorize(in.Values, most.Value)
		return results{"cap": most, "n": int(w.N), "sum": w.Sum, "sumsq": w.SumSquares, "capped_count": int(w.Capped)}
	})
}
