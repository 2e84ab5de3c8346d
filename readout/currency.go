package readout

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tracklayer/tracklayer/core/person"
	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/registry"
)

// money is what the counted amounts of a metric over value came in.
type money struct {
	currency string // "": none was stated, or several and none is declared
	amounts  map[string]int64
	bad      bool
}

func (m money) mixed() bool { return m.bad }

// moneyOf finds a metric's currency: the declared one, else the one that the amounts have in common. Amounts without a
// currency are taken to be in the metric's.
func (f *population) moneyOf(m *registry.Metric, w sums.Include) money {
	if !m.OverValue() {
		return money{}
	}
	out := money{currency: m.Currency, amounts: map[string]int64{}}
	for _, a := range f.arms {
		for currency, n := range a.AmountsByCurrency(m.ID, w) {
			out.amounts[currency] += n
		}
	}
	var stated []string
	for _, currency := range slices.Sorted(maps.Keys(out.amounts)) {
		if strings.HasSuffix(currency, person.Unrated) {
			out.bad = true
		}
		if currency != "" {
			stated = append(stated, currency)
		}
	}
	if m.Currency == "" {
		switch len(stated) {
		case 0:
		case 1:
			out.currency = stated[0]
		default:
			out.bad = true
		}
	}
	return out
}

// counts are the amounts by currency, in words.
func (m money) counts() string {
	var all []string
	for _, currency := range slices.Sorted(maps.Keys(m.amounts)) {
		name, why := currency, ""
		if code, unrated := strings.CutSuffix(currency, person.Unrated); unrated {
			name, why = code, " without a rate for their day"
		}
		if name == "" {
			name = "no currency"
		}
		all = append(all, fmt.Sprintf("%s in %s%s", many(m.amounts[currency], "amount", "amounts"), name, why))
	}
	return listed(all)
}
