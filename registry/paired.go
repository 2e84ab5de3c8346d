package registry

// PairedMetrics is how many metrics of a definition are measured in pairs, at most: 66 pairs are what one person may
// cost.
const PairedMetrics = 12

// Paired are the metrics of which every pair is measured: in the order of the definition the first PairedMetrics of
// type proportion, count or sum, whose number is one of the person alone. A single one has none to be paired with, and
// is left out.
func (d *Definition) Paired() []*Metric {
	var all []*Metric
	for i := range d.Metrics {
		if m := &d.Metrics[i]; m.Type != Mean && m.Type != Ratio && len(all) < PairedMetrics {
			all = append(all, m)
		}
	}
	if len(all) < 2 {
		return nil
	}
	return all
}
