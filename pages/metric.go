package pages

import (
	"fmt"
	"html/template"

	"github.com/tracklayer/tracklayer/pages/draw"
	"github.com/tracklayer/tracklayer/readout"
	"github.com/tracklayer/tracklayer/registry"
)

// metricView is one metric in every arm.
type metricView struct {
	ID, Role, Type, Direction string
	Slug                      string // for ids in the page
	Primary                   bool
	Population                string // who it is over, in words
	Rows                      []rowView
	Other                     []rowView // under the other crossover policy, in place of Rows
	Forest, Density           template.HTML
	Power                     []pair // of the primary metric
	Novelty                   *readout.Novelty
	MeanTerm, MeanWord        string
	Adjusted                  []adjustedView
	None                      string // why there is nothing to show
}

// rowView is one metric in one arm.
type rowView struct {
	Variant, Colour                             string
	Control, Invalid                            bool
	Users, Converted                            string
	Mean, Lift, Absolute                        figure
	Credible, Confidence, Sequential            figure
	Beat, Best, Loss, PValue, SequentialP, Holm figure
	Marker                                      string
}

// adjustedView is a treatment after the time before the exposure was accounted for.
type adjustedView struct {
	Variant                                string
	Days                                   int
	Lift, Credible, Confidence, Sequential figure
	Beat, PValue                           figure
	Reduction                              string
}

func metricsOf(r *readout.Readout, s shown) []metricView {
	var all []metricView
	for i := range r.Metrics {
		m := &r.Metrics[i]
		one := metricView{
			Slug: fmt.Sprint("metric-", i), ID: m.Metric, Role: string(m.Role), Type: string(m.Type), Direction: m.Direction, Primary: m.Role == registry.Primary, Novelty: m.Novelty,
			Population: "all exposed users", MeanTerm: "mean", MeanWord: "Mean per user",
		}
		switch m.Type {
		case registry.Proportion:
			one.MeanTerm, one.MeanWord = "rate", "Rate"
		case registry.Mean, registry.Ratio:
			one.MeanWord = "Mean"
		}
		rows := m.Variants
		switch {
		case s.policy == "other":
			one.Population = "crossovers " + otherFate(r)
			rows = nil
			if one.Primary {
				one.Other = otherRows(r, m.Type)
			}
			one.None = "Under the other crossover policy, only the primary metric is available."
		case s.population == "matured" && m.Matured != nil:
			rows = m.Matured.Variants
			one.Population = "matured users; none yet"
			if m.Matured.Through != nil {
				one.Population = "matured users, first exposed up to " + date(*m.Matured.Through)
			}
		}
		one.fill(r, m, rows)
		if len(rows) > 0 {
			one.Power = powerOf(m.Power)
		}
		all = append(all, one)
	}
	return all
}

func otherFate(r *readout.Readout) string {
	if r.OtherPolicy.CrossoverPolicy == string(registry.FirstExposure) {
		return "counted in first variant"
	}
	return "not counted"
}

// otherRows are the primary metric under the policy that the definition did not choose.
func otherRows(r *readout.Readout, kind registry.MetricType) []rowView {
	var all []rowView
	for i, h := range r.OtherPolicy.Variants {
		one := rowView{
			Variant: h.Variant, Colour: draw.Colour(i), Control: h.Variant == r.Control, Users: whole(h.ExposedUsers), Converted: "—",
			Lift: from(h.RelativeLift, signed, nil, ""), Beat: from(h.ProbabilityToBeatControl, probability, nil, ""),
		}
		if h.ConvertedUsers != nil {
			one.Converted = whole(*h.ConvertedUsers)
			if kind == registry.Proportion && h.ExposedUsers > 0 {
				one.Mean = figure{Text: percent(float64(*h.ConvertedUsers) / float64(h.ExposedUsers))}
			}
		}
		all = append(all, one)
	}
	return all
}

// fill adds the rows and their pictures.
func (v *metricView) fill(r *readout.Readout, m *readout.Metric, rows []readout.Row) {
	var treatments []forestRow
	var hills []hill
	for i := range rows {
		row := &rows[i]
		v.Rows = append(v.Rows, rowOf(r, m, row, i))
		if row.Effect != nil {
			treatments = append(treatments, forestRow{row.Variant, i, row.Lift.Relative, intervalsOf(row.Effect)})
			if a := row.CovariateAdjusted; a != nil {
				v.Adjusted = append(v.Adjusted, adjustedOf(row.Variant, a))
			}
		}
		if h, ok := hillOf(row, m.Type, i); ok {
			hills = append(hills, h)
		}
	}
	if len(rows) > 0 {
		v.Forest = forest(treatments, m.Direction)
		v.Density = densities(hills, m.Type)
	}
}

func rowOf(r *readout.Readout, m *readout.Metric, row *readout.Row, i int) rowView {
	write := func(x float64) string { return value(x, m.Type) }
	one := rowView{
		Variant: row.Variant, Colour: draw.Colour(i), Control: row.Variant == r.Control, Users: whole(row.Users), Converted: whole(row.ConvertedUsers),
		Mean: from(row.Mean, write, row.Reasons, "mean"),
		Best: from(row.ProbabilityToBeBest, probability, row.Reasons, "probability_to_be_best"),
	}
	if m.Type == registry.Proportion {
		one.Mean = from(row.ConversionRate, percent, row.Reasons, "conversion_rate")
	}
	for _, v := range r.Variants {
		one.Invalid = one.Invalid || v.Variant == row.Variant && v.Invalid
	}
	e := row.Effect
	if e == nil {
		return one
	}
	one.Lift = from(e.Lift.Relative, signed, e.Lift.Reasons, "relative")
	one.Absolute = from(e.Lift.Absolute, func(x float64) string { return difference(x, m.Type) }, e.Lift.Reasons, "absolute")
	one.Credible = span(e.CredibleInterval, row.Reasons, "credible_interval")
	one.Confidence = span(e.ConfidenceInterval, row.Reasons, "confidence_interval")
	one.Sequential = span(e.SequentialInterval, row.Reasons, "sequential_interval")
	one.Beat = from(e.ProbabilityToBeatControl, probability, row.Reasons, "probability_to_beat_control")
	one.Loss = from(e.ExpectedLoss, func(x float64) string { return loss(x, m.Type) }, row.Reasons, "expected_loss")
	one.PValue = from(e.PValue, pValue, row.Reasons, "p_value")
	one.SequentialP = from(e.SequentialPValue, pValue, row.Reasons, "sequential_p_value")
	if e.AdjustedPValue != nil {
		one.Holm = figure{Text: pValue(*e.AdjustedPValue)}
	}
	one.Marker = e.EarlyStop
	return one
}

// difference writes an absolute lift: of rates in percentage points.
func difference(x float64, kind registry.MetricType) string {
	text := short(x)
	if kind == registry.Proportion {
		text = fixed(100*x, 2) + noBreak + "pp"
	}
	if x > 0 {
		return "+" + text
	}
	return text
}

// loss writes an expected loss, which is never below 0.
func loss(x float64, kind registry.MetricType) string {
	unit := ""
	if kind == registry.Proportion {
		x, unit = 100*x, noBreak+"pp"
	}
	if x < 0.001 {
		return "<" + noBreak + "0.001" + unit
	}
	return short(x) + unit
}

func adjustedOf(variant string, a *readout.Adjusted) adjustedView {
	return adjustedView{
		Variant: variant, Days: a.Days, Reduction: percent(a.Reduction),
		Lift:       from(a.Lift.Relative, signed, a.Lift.Reasons, "relative"),
		Credible:   span(a.CredibleInterval, a.Reasons, "credible_interval"),
		Confidence: span(a.ConfidenceInterval, a.Reasons, "confidence_interval"),
		Sequential: span(a.SequentialInterval, a.Reasons, "sequential_interval"),
		Beat:       from(a.ProbabilityToBeatControl, probability, a.Reasons, "probability_to_beat_control"),
		PValue:     from(a.PValue, pValue, a.Reasons, "p_value"),
	}
}

// powerOf is how far the data reach, in rows of name and value.
func powerOf(w *readout.Power) []pair {
	if w == nil {
		return nil
	}
	all := []pair{
		{"matured", whole(w.MaturedUnitsPerVariant) + " of " + whole(w.PlannedUnitsPerVariant) + " planned, in the smallest variant"},
		{"mde", text(from(w.MinimumDetectableEffect, percent, w.Reasons, "minimum_detectable_effect"))},
	}
	if w.PlannedEffect != nil {
		all = append(all, pair{"power", text(from(w.Reached, percent, w.Reasons, "reached")) + " for the planned lift of " + signed(*w.PlannedEffect)})
	}
	left := figure{Why: because(w.Reasons, "days_left")}
	if w.DaysLeft != nil {
		left = figure{Text: "about " + many(*w.DaysLeft, "day", "days")}
	}
	return append(all, pair{"daysleft", text(left)})
}

// text is a figure, or why there is none.
func text(f figure) string {
	if f.Text == "" {
		return "— " + f.Why
	}
	return f.Text
}
