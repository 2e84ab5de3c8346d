package readout_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/readout"
)

// checkNamed finds a check by its name.
func checkNamed(t *testing.T, r *readout.Readout, name string) readout.Check {
	t.Helper()
	for _, c := range r.Checks {
		if c.Check == name {
			return c
		}
	}
	t.Fatalf("there is no check %s", name)
	return readout.Check{}
}

func wantCheck(t *testing.T, r *readout.Readout, name string, status readout.CheckStatus, holds ...string) {
	t.Helper()
	c := checkNamed(t, r, name)
	if c.Status != status {
		t.Errorf("%s is %s, want %s: %s", name, c.Status, status, c.Detail)
	}
	for _, text := range holds {
		if !strings.Contains(c.Detail, text) {
			t.Errorf("%s does not say %q: %s", name, text, c.Detail)
		}
	}
}

// priced is a definition with a sum over value; more goes into the metric.
func priced(more string) string {
	return `{"id":"x","variants":[{"key":"control"},{"key":"b"}],"control":"control","metrics":[{"id":"revenue","role":"primary","type":"sum","event":"order","field":"value"` + more + `}],` + runs + `}`
}

func order(value, currency string) func(*canonical.Event) {
	return func(e *canonical.Event) {
		worth(value)(e)
		e.Currency = currency
	}
}

func TestSeveralCurrenciesHaveNoSum(t *testing.T) {
	spend := func(definition string) *readout.Readout {
		w := &world{}
		w.define(definition)
		for i := range 200 {
			user := fmt.Sprint("u", i)
			variant := []string{"control", "b"}[i%2]
			w.expose(user, variant, 0)
			w.convert(user, "order", 1000, order([]string{"175", "26400"}[i%2], []string{"USD", "JPY"}[i%2]))
		}
		w.at(20 * day)
		return w.readout(t)
	}

	r := spend(priced(""))
	wantCheck(t, r, "mixed_currencies", readout.Failed, "100 amounts in USD", "100 amounts in JPY", "revenue")
	m := r.Metrics[0]
	if m.Currency != "" || m.AmountsByCurrency["USD"] != 100 || m.AmountsByCurrency["JPY"] != 100 {
		t.Errorf("currency %q, amounts %v", m.Currency, m.AmountsByCurrency)
	}
	for _, row := range append(m.Variants, m.Matured.Variants...) {
		if row.Sum != nil || row.Mean != nil || row.Variance != nil || row.Reasons["sum"] != "mixed_currencies" || row.Reasons["mean"] != "mixed_currencies" {
			t.Errorf("%s has figures: sum %v, mean %v, reasons %v", row.Variant, row.Sum, row.Mean, row.Reasons)
		}
		if row.ConvertedUsers != 100 {
			t.Errorf("%d users converted in %s, want 100", row.ConvertedUsers, row.Variant)
		}
		if e := row.Effect; e != nil && (e.Lift.Relative != nil || e.ProbabilityToBeatControl != nil || e.SequentialInterval != nil || e.PValue != nil) {
			t.Errorf("%s has an effect: %+v", row.Variant, e)
		}
	}
	if r.Decision.Status != readout.Unhealthy {
		t.Errorf("the decision is %s, want unhealthy", r.Decision.Status)
	}

	r = spend(priced(`,"currency":"usd","rates":{"jpy":[{"from":"2026-01-01","rate":0.0066},{"from":"2027-01-01","rate":1}]}`))
	wantCheck(t, r, "mixed_currencies", readout.OK)
	if m = r.Metrics[0]; m.Currency != "USD" || *m.Variants[0].Sum != 17500 || *m.Variants[1].Sum != 100*174.24 {
		t.Errorf("%s: %v and %v, want 17500 and 17424", m.Currency, *m.Variants[0].Sum, *m.Variants[1].Sum)
	}

	r = spend(priced(`,"currency":"USD","rates":{"JPY":[{"from":"2027-01-01","rate":1}]}`))
	wantCheck(t, r, "mixed_currencies", readout.Failed, "100 amounts in JPY without a rate for their day")
	if r.Metrics[0].Variants[0].Sum != nil {
		t.Error("a sum lacks the amounts without a rate")
	}
}

func TestAmountsWithoutACurrencyAreNamed(t *testing.T) {
	w := &world{}
	w.define(priced(""))
	w.expose("u", "b", 0)
	w.convert("u", "order", 1000, order("5", ""))
	w.expose("v", "b", 0)
	w.convert("v", "order", 1000, order("6", "EUR"))
	r := w.readout(t)
	wantCheck(t, r, "mixed_currencies", readout.Warning, "1 amount of revenue without a currency, taken as EUR")
	if m := r.Metrics[0]; m.Currency != "EUR" || *m.Variants[1].Sum != 11 {
		t.Errorf("%s %v", m.Currency, *m.Variants[1].Sum)
	}
}

// TestConversionsBeforeTheirExposures: 60 users, all convert; in b, where the exposure is recorded late, seconds too early.
func TestConversionsBeforeTheirExposures(t *testing.T) {
	w := &world{}
	w.define(declared(""))
	for i := range 60 {
		user, variant, at := fmt.Sprint("u", i), "control", 28_000+day
		if i%3 == 0 {
			variant, at = "b", day-3000
		}
		w.expose(user, variant, day)
		w.convert(user, "purchase", at)
	}
	r := w.readout(t)
	wantCheck(t, r, "conversions_before_exposure", readout.Failed, "20 of 60 users", "20 in b", "0 in control")
	if r.Decision.Status != readout.Unhealthy {
		t.Errorf("the decision is %s, want unhealthy", r.Decision.Status)
	}

	even := &world{} // the same in both arms, and long before: customers who came back
	even.define(declared(""))
	for i := range 60 {
		user := fmt.Sprint("u", i)
		even.expose(user, []string{"control", "b"}[i%2], 3*day)
		even.convert(user, "purchase", day)
	}
	wantCheck(t, even.readout(t), "conversions_before_exposure", readout.OK)
}

func TestMetricsWhoseEventOrFieldNeverCame(t *testing.T) {
	for _, c := range []struct {
		name, metrics string
		status        readout.CheckStatus
		holds         []string
	}{
		{"another case", `{"id":"buy","type":"proportion","event":"Purchase"}`, readout.Warning, []string{`no event "Purchase"`, `nearest that was is "purchase"`}},
		{"other separators", `{"id":"buy","type":"count","event":"Pur-chase"}`, readout.Warning, []string{`"purchase"`}},
		{"nothing near", `{"id":"buy","type":"count","event":"checkout started"}`, readout.Warning, []string{`no event "checkout started" was ever received.`}},
		{"the other field", `{"id":"buy","type":"sum","event":"purchase"}`, readout.Warning, []string{"no event \"purchase\" has the field value, but some have metric_value"}},
		{"no field", `{"id":"buy","type":"ratio","numerator":{"event":"purchase","field":"metric_value"},"denominator":{"event":"visit","field":"value"}}`, readout.Warning, []string{"no event \"visit\" has the field value. Send it"}},
		{"all there", `{"id":"buy","type":"sum","event":"purchase","field":"metric_value"},{"id":"visits","type":"count","event":"visit"}`, readout.OK, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &world{}
			w.define(`{"id":"x","variants":[{"key":"control"},{"key":"b"}],"control":"control","metrics":[` + c.metrics + `],` + runs + `}`)
			w.expose("u", "b", 0)
			w.convert("u", "purchase", 1000, func(e *canonical.Event) { e.MetricValue = canonical.Micro(99_500_000) })
			w.convert("elsewhere", "visit", 1000)
			wantCheck(t, w.readout(t), "metric_events", c.status, c.holds...)
		})
	}
}

func TestOneOrderReportedTwiceWithoutAKey(t *testing.T) {
	report := func(channel canonical.Channel, key string, after canonical.Time, value string) func(*canonical.Event) {
		return func(e *canonical.Event) {
			order(value, "EUR")(e)
			e.Channel, e.DedupKey, e.At = channel, key, e.At+after
		}
	}
	for _, c := range []struct {
		name   string
		first  func(*canonical.Event)
		second func(*canonical.Event)
		status readout.CheckStatus
	}{
		{"no keys", report("client", "", 0, "20"), report("server", "", 90_000, "20"), readout.Warning},
		{"keys of two systems", report("client", "cart-1", 0, "20"), report("server", "order-1", 90_000, "20"), readout.Warning},
		{"one key", report("client", "o", 0, "20"), report("server", "o", 90_000, "20"), readout.OK},
		{"bought again", report("server", "", 0, "20"), report("server", "", 90_000, "20"), readout.OK},
		{"another value", report("client", "", 0, "20"), report("server", "", 90_000, "21"), readout.OK},
		{"later", report("client", "", 0, "20"), report("server", "", 601_000, "20"), readout.OK},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, swapped := range []bool{false, true} {
				w := &world{}
				w.define(priced(""))
				w.expose("u", "b", 0)
				first, second := c.first, c.second
				if swapped {
					first, second = second, first
				}
				w.convert("u", "order", 1000, first)
				w.convert("u", "order", 1000, second)
				wantCheck(t, w.readout(t), "possible_duplicates", c.status)
			}
		})
	}
}

func TestRefundsThatWait(t *testing.T) {
	w := &world{}
	w.define(priced(""))
	w.expose("u", "b", 0)
	w.convert("u", "order", 1000, order("100", "EUR"), func(e *canonical.Event) { e.DedupKey = "o-1" })
	w.convert("u", "order", 2000, order("-30", "EUR"), func(e *canonical.Event) { e.Adjusts = "o-1" })
	r := w.readout(t)
	wantCheck(t, r, "waiting_adjustments", readout.OK)
	if sum := *r.Metrics[0].Variants[1].Sum; sum != 70 {
		t.Errorf("the sum is %v, want 70", sum)
	}
	w.convert("u", "order", 3000, order("-5", "EUR"), func(e *canonical.Event) { e.Adjusts = "o-2" })
	r = w.readout(t)
	wantCheck(t, r, "waiting_adjustments", readout.Warning, "1 adjustment")
	if n := r.Conversions; n["counted"] != 1 || n["adjustment"] != 1 || n["waiting_adjustment"] != 1 {
		t.Errorf("conversions %v", n)
	}
}

func TestRefundsUnderTheKeyOfTheirOrder(t *testing.T) {
	w := &world{}
	w.define(priced(""))
	w.expose("u", "b", 0)
	w.convert("u", "order", 1000, order("100", "EUR"), func(e *canonical.Event) { e.DedupKey = "o-1" })
	w.convert("u", "order", 2000, order("-100", "EUR"), func(e *canonical.Event) { e.DedupKey = "o-1" })
	wantCheck(t, w.readout(t), "waiting_adjustments", readout.Warning, "1 negative value", "adjusts instead of dedup_key")
}

func TestWhoIsHeldOut(t *testing.T) {
	w := &world{}
	w.define(declared(""))
	hold := func(user string) {
		w.add(canonical.Event{Kind: canonical.Exposed, ExperimentKind: canonical.Holdout, ExperimentID: "holdout-7", HeldOutOf: "x", Variant: "holdout", UserID: user, At: start})
	}
	for i := range 20 {
		w.expose(fmt.Sprint("in", i), "b", 0)
		hold(fmt.Sprint("out", i))
	}
	wantCheck(t, w.readout(t), "holdout", readout.OK, "keeps 20 users out", "20 users were exposed")
	for i := range 10 {
		hold(fmt.Sprint("in", i))
	}
	r := w.readout(t)
	wantCheck(t, r, "holdout", readout.Warning, "10 users were held out but exposed")
	if n := r.Variants[1].ExposedUsers; n != 20 {
		t.Errorf("%d users are exposed, want 20: a holdout is no variant", n)
	}
	if raw, err := json.Marshal(checkNamed(t, r, "holdout")); err != nil || !strings.Contains(string(raw), `"affected":10`) {
		t.Errorf("%s, %v", raw, err)
	}
}
