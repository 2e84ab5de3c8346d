package pages

import (
	"maps"
	"net/url"
	"slices"
	"strconv"

	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/pages/draw"
	"github.com/tracklayer/tracklayer/readout"
)

// accounts are the users, conversions and events of an experiment by outcome. In every row the parts add up to the total.
type accounts struct {
	Ledger      []ledgerLine
	Persons     []personLine
	Conversions []statusLine
	Concerned   int64 // conversions, the sum of Conversions
	Pairs       []pairLine
	Reasons     []reasonLine
	Unknown     []readout.UnknownVariant
	Outside     int64
	Mismatch    int64
	RowsPath    string
	CSVPath     string
}

// personLine is a variant: each person who was exposed to it is in exactly one column.
type personLine struct {
	Variant, Colour                                string
	Met, Counted, Crossover, Ended, Filtered, More int64
}

// statusLine is what became of some conversions.
type statusLine struct {
	Status, Path string
	N            int64
}

type pairLine struct {
	A, B string
	N    int64
}

type reasonLine struct {
	Reason string
	N      int64
	Share  float64 // of the most frequent one, in hundredths
}

func (p *ledgers) accountsOf(s *sums.Snapshot, r *readout.Readout) (accounts, error) {
	a := accounts{Unknown: r.UnknownVariants, Outside: r.OutsideRun, Mismatch: r.VariantMismatch}
	ask := url.Values{}
	if r.Run != nil {
		ask.Set("run", strconv.Itoa(*r.Run))
	}
	a.RowsPath = below(s.ID, "rows") + "?" + ask.Encode()
	for i, v := range r.Variants {
		a.Persons = append(a.Persons, personLine{
			Variant: v.Variant, Colour: draw.Colour(i), Counted: v.ExposedUsers, Crossover: v.CrossoverUsers, Ended: v.EndedEarlyUsers, Filtered: v.FilteredUsers, More: v.RepeatExposures,
			Met: v.ExposedUsers + v.CrossoverUsers + v.EndedEarlyUsers + v.FilteredUsers,
		})
	}
	for _, status := range slices.Sorted(maps.Keys(r.Conversions)) {
		ask.Set("status", status)
		a.Conversions = append(a.Conversions, statusLine{status, below(s.ID, "rows") + "?" + ask.Encode(), r.Conversions[status]})
		a.Concerned += r.Conversions[status]
	}
	ask.Del("status")
	ask.Set("format", "csv")
	a.CSVPath = below(s.ID, "rows") + "?" + ask.Encode()
	for _, one := range r.Crossovers {
		a.Pairs = append(a.Pairs, pairLine{one.Variants[0], one.Variants[1], one.Users})
	}
	most := int64(1)
	for _, n := range r.EarlyStop.ByReason {
		most = max(most, n)
	}
	for _, reason := range slices.Sorted(maps.Keys(r.EarlyStop.ByReason)) {
		n := r.EarlyStop.ByReason[reason]
		a.Reasons = append(a.Reasons, reasonLine{reason, n, float64(100*n) / float64(most)})
	}
	var err error
	a.Ledger, err = p.ledgerOf(s)
	return a, err
}
