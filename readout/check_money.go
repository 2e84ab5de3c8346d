package readout

import (
	"fmt"
	"strings"

	"github.com/tracklayer/tracklayer/core/person"
)

// mixedCurrencies looks for metrics that would add up amounts of different currencies.
func (f checker) mixedCurrencies() (Check, bool) {
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
		c.Detail = fmt.Sprintf("Amounts in several currencies cannot be added up, so these metrics have no figures: %s. Set the metric's currency, and rates for the other currencies and their days.", strings.Join(faults, "; "))
	case len(unstated) > 0:
		c.Status = Warning
		c.Detail = "Some amounts state no currency: " + listed(unstated) + ". Send the currency with every amount."
	default:
		c.Detail = "Every metric over value is in one currency."
	}
	return c, true
}

// waitingAdjustments says whether refunds and other corrections found what they correct, or were sent as duplicates.
func (r *Readout) waitingAdjustments() (Check, bool) {
	waiting, applied := r.Conversions[person.WaitingAdjustment.String()], r.Conversions[person.Adjustment.String()]
	c := Check{Check: "waiting_adjustments", Status: OK, Detail: "Every adjustment found the conversion that it adjusts."}
	if lost := r.refundsLost; lost > 0 {
		c.Status = Warning
		c.Detail = fmt.Sprintf("%s repeat the dedup_key of an order, so they count as another report of it and change no sum. To subtract their value from the order, send them with adjusts instead of dedup_key.", many(lost, "negative value", "negative values"))
		return c, true
	}
	if waiting > 0 {
		c.Status = Warning
		c.Detail = fmt.Sprintf("The conversions that %s adjust were not received, so these values do not count. Send adjusts with the dedup_key of the original, for the same person and conversion_event.", many(waiting, "adjustment", "adjustments"))
	}
	return c, waiting+applied > 0
}
