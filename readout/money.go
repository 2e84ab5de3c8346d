package readout

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tracklayer/tracklayer/core"
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
func (f *frame) moneyOf(m *registry.Metric, w core.Who) money {
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
		if strings.HasSuffix(currency, core.Unrated) {
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

// summable are the metrics whose amounts can be added up.
func (f *frame) summable(metrics []*registry.Metric) []*registry.Metric {
	return slices.DeleteFunc(slices.Clone(metrics), func(m *registry.Metric) bool { return f.money[m.ID].mixed() })
}

// mixedCurrencies looks for metrics that would add up amounts of different currencies.
func (f *frame) mixedCurrencies() (Check, bool) {
	c := Check{Check: "mixed_currencies", Status: OK}
	var faults, unstated []string
	for i := range f.def.Metrics {
		m := &f.def.Metrics[i]
		money, ok := f.money[m.ID]
		switch n := money.amounts[""]; {
		case !ok:
		case money.bad:
			faults = append(faults, fmt.Sprintf("%s has %s", m.ID, money.counts()))
		case n > 0 && money.currency != "":
			unstated = append(unstated, fmt.Sprintf("%s of %s without a currency, taken as %s", many(n, "amount", "amounts"), m.ID, money.currency))
		}
	}
	switch {
	case len(f.money) == 0:
		return c, false
	case len(faults) > 0:
		c.Status = Failed
		c.Detail = fmt.Sprintf("Amounts in several currencies cannot be added up, so these metrics have no figures: %s. Declare the metric's currency, and rates for the other currencies and their days.", strings.Join(faults, "; "))
	case len(unstated) > 0:
		c.Status = Warning
		c.Detail = "Some amounts state no currency: " + listed(unstated) + ". Send the currency with every amount."
	default:
		c.Detail = "Every metric over value is in one currency."
	}
	return c, true
}

// counts are the amounts by currency, in words.
func (m money) counts() string {
	var all []string
	for _, currency := range slices.Sorted(maps.Keys(m.amounts)) {
		name, why := currency, ""
		if code, unrated := strings.CutSuffix(currency, core.Unrated); unrated {
			name, why = code, " without a rate for their day"
		}
		if name == "" {
			name = "no currency"
		}
		all = append(all, fmt.Sprintf("%s in %s%s", many(m.amounts[currency], "amount", "amounts"), name, why))
	}
	return listed(all)
}

// waitingAdjustments says whether refunds and other corrections found what they correct, or were sent as duplicates.
func (r *Readout) waitingAdjustments() (Check, bool) {
	waiting, applied := r.Conversions[core.WaitingAdjustment.String()], r.Conversions[core.Adjustment.String()]
	c := Check{Check: "waiting_adjustments", Status: OK, Detail: "Every adjustment found the conversion that it adjusts."}
	if lost := r.refundsLost; lost > 0 {
		c.Status = Warning
		c.Detail = fmt.Sprintf("%s repeat the dedup_key of an order, so they count as another report of it and change no sum. To take their value off the order, send them with adjusts instead of dedup_key.", many(lost, "negative value", "negative values"))
		return c, true
	}
	if waiting > 0 {
		c.Status = Warning
		c.Detail = fmt.Sprintf("The conversions that %s adjust were not received, so these values do not count. Send adjusts with the dedup_key of the original, for the same person and conversion_event.", many(waiting, "adjustment", "adjustments"))
	}
	return c, waiting+applied > 0
}
