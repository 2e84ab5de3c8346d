package stats

import "testing"

func TestMultiplicityCases(t *testing.T) {
	type input struct {
		P []*float64 `json:"p_values"`
	}
	runCases(t, "multiplicity", func(in input) results {
		p := make([]Number, len(in.P))
		for i, v := range in.P {
			p[i] = Undefined(ReasonNoUsers)
			if v != nil {
				p[i] = Known(*v)
			}
		}
		return results{"holm": Holm(p), "benjamini_hochberg": BenjaminiHochberg(p), "bonferroni": Bonferroni(p)}
	})
}

func TestCUPEDCases(t *testing.T) {
	type arm struct {
		N  int64
		Y  float64 `json:"sum_y"`
		X  float64 `json:"sum_x"`
		YY float64 `json:"sum_yy"`
		XX float64 `json:"sum_xx"`
		XY float64 `json:"sum_xy"`
	}
	type input struct {
		Alpha float64
		Arms  []arm
	}
	runCases(t, "cuped", func(in input) results {
		arms := make([]CovariateMoments, len(in.Arms))
		for i, a := range in.Arms {
			arms[i] = CovariateSums(a).Moments()
		}
		adjusted := CUPED(arms)
		var each, against []results
		for i, m := range adjusted.Arms {
			each = append(each, results{"mean_adj": m.Mean, "var_adj": m.Variance, "variance_reduction": adjusted.ArmReductions[i]})
			if i == 0 {
				continue
			}
			c, z := CompareMoments(adjusted.Arms[0], m), ZCritical(1-in.Alpha)
			against = append(against, results{
				"diff": c.Diff(), "diff_se": c.DiffSE(), "z": c.Z(), "p_z": c.P(), "diff_ci_z": c.DiffInterval(z),
				"lift": c.Lift(), "lift_se": c.LiftSE(), "lift_ci_z": c.LiftDeltaInterval(z),
			})
		}
		return results{"theta_within": adjusted.Theta, "within": results{"arms": each, "vs_control": against}}
	})
}

func TestPowerCases(t *testing.T) {
	runCases(t, "power", func(in planInput) results {
		s := in.design().SampleSize(in.baseline(), in.MDE)
		out := results{
			"n_control_exact": s.ControlExact, "n_control": int(s.Control), "n_treatment": int(s.Treatment),
			"achieved_power": s.Power,
		}
		if in.Daily > 0 {
			out["days"], out["days_whole_weeks"] = s.Days(in.Daily)
		}
		return out
	})
}

type planInput struct {
	Kind                                    string
	Baseline, Mean, SD, Alpha, Power, Ratio float64
	MDE                                     float64 `json:"mde_rel"`
	Daily                                   float64 `json:"daily_users"`
	Control                                 float64 `json:"n_control"`
	Treatment                               float64 `json:"n_treatment"`
}

func (in planInput) design() Design {
	return Design{Alpha: in.Alpha, Power: in.Power, Ratio: in.Ratio}
}

func (in planInput) baseline() Baseline {
	if in.Kind == "mean" {
		return MeanBaseline(in.Mean, in.SD)
	}
	return RateBaseline(in.Baseline)
}

func TestMDECases(t *testing.T) {
	runCases(t, "mde", func(in planInput) results {
		m := in.design().MDE(in.baseline(), in.Control, in.Treatment)
		return results{"mde_abs": m.Absolute, "mde_rel": m.Relative}
	})
}

func TestNoveltyCases(t *testing.T) {
	type input struct {
		Early int `json:"early_days"`
		Days  []DailyEffect
	}
	runCases(t, "novelty", func(in input) results {
		r := Novelty(in.Days, in.Early)
		return results{
			"pooled_effect": r.Pooled, "pooled_se": r.PooledSE,
			"slope": r.Slope, "slope_se": r.SlopeSE, "slope_z": r.SlopeZ, "slope_p": r.SlopeP,
			"q_stat": r.Q, "q_df": r.QDF, "q_p": r.QP, "early_mean": r.Early, "late_mean": r.Late,
			"late_minus_early_z": r.LateMinusEarlyZ, "late_minus_early_p": r.LateMinusEarlyP,
		}
	})
}

func TestSequentialSRMCases(t *testing.T) {
	type input struct {
		Observed      []int64
		Weights       []float64
		Concentration float64
	}
	runCases(t, "srm_sequential", func(in input) results {
		r := SRMSequential(in.Observed, in.Weights, in.Concentration)
		return results{"ln_bayes_factor": r.LnBayesFactor, "p_value": r.P}
	})
}

func TestExactSplit(t *testing.T) {
	for _, c := range []struct {
		observed []int64
		weights  []float64
		want     float64
	}{
		{[]int64{5, 0}, []float64{1, 1}, 2.0 / 32},
		{[]int64{3, 1}, []float64{50, 50}, 10.0 / 16},
		// Of the ten outcomes of three users only the three corners, 1/27
		// each, are as improbable as a corner.
		{[]int64{3, 0, 0}, []float64{2, 2, 2}, 3.0 / 27},
		{[]int64{1, 1, 1}, []float64{1, 1, 1}, 1},
		{[]int64{0, 2}, []float64{0.9, 0.1}, 0.01},
		// An arm of weight 0 is no arm.
		{[]int64{5, 7, 0}, []float64{1, 0, 1}, 2.0 / 32},
	} {
		compareNumber(t, "exact split", tolerance{Rel: 1e-12}, SRMExact(c.observed, c.weights), c.want)
	}
	if p := SRMExact([]int64{1_000_000, 3}, []float64{1, 1e-6}); p.Reason != ReasonTooManyOutcomes {
		t.Errorf("a million users: %+v", p)
	}
}
