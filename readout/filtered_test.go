package readout_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/readout"
)

const staff = `{"filters":{"internal":[{"field":"user_id","starts_with":"staff-"}]},"revision":1}`

// people are customers, some of whom are crossovers or were ended early.
func (w *world) people() {
	w.arm("control", 60, 6)
	w.arm("b", 60, 9)
	w.expose("b-0", "control", 10)
	w.end("b-1", "b", "incident", 10)
}

// strangers are bots and internal users, some of whom are crossovers or were ended early.
func (w *world) strangers() {
	for i := range 40 {
		user := fmt.Sprintf("crawler-%d", i)
		w.expose(user, "b", 0)
		w.convert(user, "purchase", 1000, worth("5"), func(e *canonical.Event) {
			e.Attributes = json.RawMessage(`{"user_agent":"Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)"}`)
		})
	}
	w.expose("crawler-0", "control", 10)
	w.end("crawler-1", "b", "incident", 10)
	w.arm("staff-control", 0, 0)
	w.expose("staff-1", "control", 0)
	w.convert("staff-1", "purchase", 1000)
}

// TestTheSwitch: left out, the filtered persons might as well never have come; counted, they might as well not be known.
func TestTheSwitch(t *testing.T) {
	for _, more := range []string{"", `"crossover":"first_exposure",`} {
		read := func(filters string, strangers, counted bool) *readout.Readout {
			w := &world{}
			w.define(declared(more))
			w.define(filters)
			w.people()
			if strangers {
				w.strangers()
			}
			w.at(10 * day)
			r, err := readout.Make(w.fold(t), readout.Question{Experiment: "x", Filtered: counted}, "test")
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		same := func(what string, a, b *readout.Readout) {
			t.Helper()
			for _, pair := range [][2]any{
				{a.Variants, b.Variants},
				{a.Metrics, b.Metrics},
				{a.OtherPolicy, b.OtherPolicy},
				{a.Crossovers, b.Crossovers},
				{a.EarlyStop, b.EarlyStop},
				{a.Decision, b.Decision},
				{a.Checks[:2], b.Checks[:2]},
			} {
				if !reflect.DeepEqual(pair[0], pair[1]) {
					x, _ := json.Marshal(pair[0])
					y, _ := json.Marshal(pair[1])
					t.Errorf("%s%s: %s\nwant %s", more, what, x, y)
				}
			}
		}
		const nobody = `{"filters":{"bots":false},"revision":1}`
		counted, unknown := read(staff, true, true), read(nobody, true, false)
		same("counted", counted, unknown)
		if !reflect.DeepEqual(counted.Conversions, unknown.Conversions) {
			t.Error(counted.Conversions, unknown.Conversions)
		}
		without, never := read(staff, true, false), read(staff, false, false)
		if without.Variants[0].FilteredUsers != 1 || without.Variants[1].FilteredUsers != 40 || without.Conversions["filtered"] != 41 {
			t.Error(without.Variants, without.Conversions)
		}
		for i := range without.Variants {
			without.Variants[i].FilteredUsers = 0
			without.Variants[i].RepeatExposures = never.Variants[i].RepeatExposures
		}
		same("left out", without, never)
	}
}
