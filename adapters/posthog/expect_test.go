package posthog_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/adaptertest"
	"github.com/tracklayer/tracklayer/adapters/posthog"
	"github.com/tracklayer/tracklayer/canonical"
)

// expectation is what was written down about a request when it was recorded, without this decoder. Its conversions are given
// once for every stamped experiment; attribution is not the adapter's, so only the conversion and its person are taken.
type expectation struct {
	Exposures   []expected
	Conversions []expected
	Links       [][2]string `json:"identity_links"`
	Ended       *struct {
		Experiment string         `json:"posthog_experiment"`
		At         canonical.Time `json:"ended_at"`
	} `json:"experiment_ended"`
	Note string
}

type expected struct {
	Experiment string       `json:"experiment_id"`
	Variant    string       `json:"variant"`
	Conversion string       `json:"conversion_event"`
	User       string       `json:"user_id"`
	Anonymous  string       `json:"anonymous_id"`
	Value      *json.Number `json:"value"`
}

// alone are requests whose expectation counts only what is new beside another request: their own numbers of exposures
// and conversions.
var alone = map[string][2]int{
	"constructed-http-batch-export":           {1, 1},
	"constructed-webhook-experiment-exposure": {1, 0},
	"constructed-webhook-no-person":           {0, 1},
}

// unattributed are custom events of persons who are in no experiment: conversions all the same, which the expectations
// leave out because they attribute.
var unattributed = map[string][]string{
	"go-identity-01-events":          {"invite_sent"},
	"js-alias-group-reset-02-events": {"after_reset"},
	"node-identity-01-events":        {"cron_ran", "invite_sent"},
}

func TestRecordedExpectations(t *testing.T) {
	adaptertest.Expectations(t, posthog.Adapter, "testdata", 60, func(t *testing.T, name string, want expectation, b adapters.Batch, _ error) {
		exposures, conversions, links := sorted(b, unattributed[name])
		if n, known := alone[name]; known {
			if len(exposures) != n[0] || len(conversions) != n[1] {
				t.Errorf("%d exposures, %d conversions, want %v", len(exposures), len(conversions), n)
			}
			return
		}
		same(t, "exposures", exposures, want.Exposures)
		same(t, "conversions", conversions, persons(want.Conversions))
		for _, l := range want.Links {
			if !slices.Contains(links, l) && !slices.Contains(links, [2]string{l[1], l[0]}) {
				t.Errorf("no link %v among %v", l, links)
			}
		}
		if len(links) != len(want.Links) {
			t.Errorf("links %v, want %v", links, want.Links)
		}
		if w := want.Ended; w != nil && (len(b.Lives) != 1 || b.Lives[0].Kind != canonical.Stopped || b.Lives[0].ExperimentID != w.Experiment || b.Lives[0].At != w.At) {
			t.Errorf("lives %+v, want %+v", b.Lives, w)
		}
		if len(b.Rejected) > 0 {
			t.Errorf("rejected %+v", b.Rejected)
		}
	})
}

// sorted deals a batch's events out by kind, without the conversions that are named.
func sorted(b adapters.Batch, without []string) (exposures, conversions []expected, links [][2]string) {
	for i := range b.Events {
		e := &b.Events[i]
		one := expected{User: e.UserID, Anonymous: e.AnonymousID}
		switch e.Kind {
		case canonical.Exposed:
			if e.ExperimentKind == canonical.Holdout {
				continue // the expectations count exposures to variants
			}
			one.Experiment, one.Variant = e.ExperimentID, e.Variant
			exposures = append(exposures, one)
		case canonical.Converted:
			if slices.Contains(without, e.ConversionEvent) {
				continue
			}
			one.Conversion = e.ConversionEvent
			if e.Value.Set {
				n := json.Number(e.Value.String())
				one.Value = &n
			}
			conversions = append(conversions, one)
		case canonical.Linked:
			if e.AnonymousID != e.UserID { // what a visitor did under its user's own id
				links = append(links, [2]string{e.AnonymousID, e.UserID})
			}
		}
	}
	return exposures, conversions, links
}

// persons takes the experiments off conversions, and what is the same then.
func persons(all []expected) (some []expected) {
	for _, c := range all {
		c.Experiment, c.Variant = "", ""
		if !slices.ContainsFunc(some, func(o expected) bool { return text(o) == text(c) }) {
			some = append(some, c)
		}
	}
	return some
}

func text(e expected) string {
	if e.Value != nil {
		n, _ := canonical.ParseNumber(e.Value.String()) // 5 and 5.0 are one number
		v := json.Number(n.String())
		e.Value = &v
	}
	raw, _ := json.Marshal(e) // strings are always JSON
	return string(raw)
}

func same(t *testing.T, what string, got, want []expected) {
	t.Helper()
	a, b := []string{}, []string{}
	for _, e := range got {
		if s := text(e); !slices.Contains(a, s) { // the same twice in one request is one
			a = append(a, s)
		}
	}
	for _, e := range want {
		if s := text(e); !slices.Contains(b, s) {
			b = append(b, s)
		}
	}
	slices.Sort(a)
	slices.Sort(b)
	if !slices.Equal(a, b) {
		t.Errorf("%s\n%v\nwant\n%v", what, a, b)
	}
}
