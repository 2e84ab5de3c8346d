package readout

import (
	"github.com/tracklayer/tracklayer/registry"
	"github.com/tracklayer/tracklayer/stats"
)

// adjust corrects the p values of the secondary metrics for their number, over all of them and all treatments (Holm),
// separately for all users and for the matured ones.
func adjust(all []Metric) {
	for _, rows := range [...]func(*Metric) []Row{
		func(m *Metric) []Row { return m.Variants },
		func(m *Metric) []Row { return m.Matured.Variants },
	} {
		var effects []*Effect
		var ps []stats.Number
		for i := range all {
			if all[i].Role != registry.Secondary {
				continue
			}
			for _, row := range rows(&all[i]) {
				if row.Effect != nil && row.PValue != nil {
					effects, ps = append(effects, row.Effect), append(ps, stats.Known(*row.PValue))
				}
			}
		}
		for i, p := range stats.Holm(ps) {
			if p.OK {
				effects[i].AdjustedPValue = &p.Value
			}
		}
	}
}
