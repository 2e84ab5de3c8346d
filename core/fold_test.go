package core_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/core/ledger"
	"github.com/tracklayer/tracklayer/core/person"
	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/store"
)

const t0 = canonical.Time(1795339273000)

func openStore(t fataler, disk *store.Disk) *store.DB {
	db, err := store.Open("state", store.Options{Cache: 1 << 20, MemTable: 1 << 20, Filter: 1 << 10, Lookups: core.Lookups, Disk: disk})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

type fataler interface{ Fatal(args ...any) }

func openFold(t fataler, db core.Store) *core.Fold {
	f, err := core.Open(db)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// state is everything that the law speaks of, as bytes.
func state(t fataler, f *core.Fold) string {
	v := f.View()
	all := map[string]any{"link_conflicts": v.LinkConflicts}
	for _, id := range v.Experiments() {
		s, _ := v.Experiment(id)
		all[id] = map[string]any{"counts": s.Aggregate, "metrics": s.Aggregate.Lines()}
	}
	totals := map[string][2]int64{}
	err := f.Ledger(func(k ledger.Key, l ledger.Entry) error {
		n := totals[k.Source]
		n[0] += l.Accepted
		n[1] += l.Conflicts
		totals[k.Source] = n
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	all["accepted, conflicts"] = totals
	raw, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

type builder struct {
	n      int
	events []canonical.Record
}

func (b *builder) add(e canonical.Event) {
	b.n++
	if e.ID == "" {
		e.ID = "id-" + strconv.Itoa(b.n)
	}
	if e.Source == "" {
		e.Source = "api"
	}
	e.SchemaVersion = 1
	if e.ReceivedAt == 0 {
		e.ReceivedAt = max(e.At, t0)
	}
	b.events = append(b.events, canonical.Record{Event: e})
}

func (b *builder) expose(user, anon, variant string, at canonical.Time) {
	b.add(canonical.Event{Kind: canonical.Exposed, ExperimentID: "x", Variant: variant, UserID: user, AnonymousID: anon, At: t0 + at})
}

func (b *builder) convert(user, anon string, at canonical.Time, more ...func(*canonical.Event)) {
	e := canonical.Event{Kind: canonical.Converted, ConversionEvent: "purchase", UserID: user, AnonymousID: anon, At: t0 + at}
	for _, m := range more {
		m(&e)
	}
	b.add(e)
}

func (b *builder) link(user, anon, previous string, at canonical.Time) {
	b.add(canonical.Event{Kind: canonical.Linked, UserID: user, AnonymousID: anon, PreviousUserID: previous, At: t0 + at})
}

func (b *builder) end(user, variant, reason string, at canonical.Time) {
	b.add(canonical.Event{Kind: canonical.EndedEarly, ExperimentID: "x", Variant: variant, UserID: user, EndedReason: reason, At: t0 + at})
}

func (b *builder) define(text string) {
	b.events = append(b.events, canonical.Record{Definition: []byte(text)})
}

// fold applies the records in the given order and batches, numbering them as the log would.
func fold(t fataler, f *core.Fold, records []canonical.Record, batch func() int) {
	seq := f.Seq()
	for len(records) > 0 {
		n := min(batch(), len(records))
		part := slices.Clone(records[:n])
		for i := range part {
			seq++
			part[i].Seq = seq
		}
		if err := f.Apply(part); err != nil {
			t.Fatal(err)
		}
		records = records[n:]
	}
	if err := f.Settle(); err != nil {
		t.Fatal(err)
	}
}

func all() int { return 1 << 30 }

// run folds a history into a fresh store.
func run(t testing.TB, b *builder) *core.Fold {
	t.Helper()
	db := openStore(t, store.NewDisk())
	t.Cleanup(func() { db.Close() })
	f := openFold(t, db)
	fold(t, f, b.events, all)
	return f
}

// stateOf is the state after a history.
func stateOf(t fataler, b *builder) string {
	db := openStore(t, store.NewDisk())
	defer db.Close()
	f := openFold(t, db)
	fold(t, f, b.events, all)
	return state(t, f)
}

func variantOf(t *testing.T, f *core.Fold, variant string) *sums.VariantAggregate {
	t.Helper()
	s, ok := f.View().Experiment("x")
	if !ok {
		t.Fatal("experiment x is not known")
	}
	if v, known := s.Aggregate.Runs[1].Variants.Get(variant); known {
		return v
	}
	return &sums.VariantAggregate{}
}

func TestSemantics(t *testing.T) {
	const day = 86400000
	order := func(key string, channel canonical.Channel) func(*canonical.Event) {
		return func(e *canonical.Event) { e.DedupKey, e.Channel = key, channel }
	}
	named := func(variant string) func(*canonical.Event) {
		return func(e *canonical.Event) { e.ExperimentID, e.Variant = "x", variant }
	}
	type want struct {
		persons  [4]int64         // of variant a: clean, crossed, ended, both
		users    int64            // converted persons of a, clean
		statuses map[string]int64 // of a, over all populations
	}
	cases := []struct {
		name    string
		history func(*builder)
		want    want
	}{
		{"a conversion in the window", func(b *builder) { b.expose("u", "", "a", 0); b.convert("u", "", 5) }, want{[4]int64{1}, 1, map[string]int64{"counted": 1}}},
		{"at the very exposure", func(b *builder) { b.expose("u", "", "a", 5); b.convert("u", "", 5) }, want{[4]int64{1}, 1, map[string]int64{"counted": 1}}},
		{"a moment too late", func(b *builder) { b.expose("u", "", "a", 0); b.convert("u", "", 7*day) }, want{[4]int64{1}, 0, map[string]int64{"outside_window": 1}}},
		{"before the exposure", func(b *builder) { b.expose("u", "", "a", 5); b.convert("u", "", 4) }, want{[4]int64{1}, 0, map[string]int64{"before_exposure": 1}}},
		{"the conversion arrives first", func(b *builder) { b.convert("u", "", 5); b.expose("u", "", "a", 0) }, want{[4]int64{1}, 1, map[string]int64{"counted": 1}}},
		{"an earlier exposure arrives late", func(b *builder) { b.expose("u", "", "a", 9); b.convert("u", "", 5); b.expose("u", "", "a", 4) }, want{[4]int64{1}, 1, map[string]int64{"counted": 1}}},
		{"one order, two channels", func(b *builder) {
			b.expose("u", "", "a", 0)
			b.convert("u", "", 1, order("o-1", canonical.Client))
			b.convert("u", "", 2, order("o-1", canonical.Server))
			b.convert("u", "", 3, order("o-2", canonical.Client))
		}, want{[4]int64{1}, 1, map[string]int64{"counted": 2, "duplicate": 1}}},
		{"one order, seen anonymously and by the backend", func(b *builder) {
			b.expose("", "n", "a", 0)
			b.convert("", "n", 1, order("o-1", canonical.Client))
			b.convert("u", "", 2, order("o-1", canonical.Server))
			b.link("u", "n", "", 3)
		}, want{[4]int64{1}, 1, map[string]int64{"counted": 1, "duplicate": 1}}},
		{"a visitor who logs in later", func(b *builder) { b.expose("", "n", "a", 0); b.convert("u", "", 5); b.link("u", "n", "", 9) }, want{[4]int64{1}, 1, map[string]int64{"counted": 1}}},
		{"both ids on one event link as well", func(b *builder) { b.expose("u", "n", "a", 0); b.convert("", "n", 5) }, want{[4]int64{1}, 1, map[string]int64{"counted": 1}}},
		{"a shared device belongs to the earliest", func(b *builder) {
			b.link("u", "n", "", 5)
			b.link("w", "n", "", 6)
			b.expose("", "n", "a", 0)
			b.convert("w", "", 7)
		}, want{[4]int64{1}, 0, nil}},
		{"an earlier link turns up late", func(b *builder) {
			b.expose("", "n", "a", 0)
			b.link("u", "n", "", 5)
			b.convert("w", "", 7)
			b.link("w", "n", "", 4)
		}, want{[4]int64{1}, 1, map[string]int64{"counted": 1}}},
		{"a renamed account", func(b *builder) { b.expose("old", "", "a", 0); b.convert("new", "", 5); b.link("new", "", "old", 9) }, want{[4]int64{1}, 1, map[string]int64{"counted": 1}}},
		{"an id that may be either, and a visitor's", func(b *builder) {
			b.add(canonical.Event{Kind: canonical.Exposed, ExperimentID: "x", Variant: "a", UserID: "k", AmbiguousID: true, At: t0})
			b.convert("", "k", 5)
		}, want{[4]int64{1}, 1, map[string]int64{"counted": 1}}},
		{"an id that may be either, and a user's", func(b *builder) {
			b.convert("k", "", 5)
			b.add(canonical.Event{Kind: canonical.Exposed, ExperimentID: "x", Variant: "a", UserID: "k", AmbiguousID: true, At: t0})
		}, want{[4]int64{1}, 1, map[string]int64{"counted": 1}}},
		{"a login absorbs an id that may be either", func(b *builder) {
			b.add(canonical.Event{Kind: canonical.Exposed, ExperimentID: "x", Variant: "a", UserID: "k", AmbiguousID: true, At: t0})
			b.link("u", "k", "", 3)
			b.convert("u", "", 5)
		}, want{[4]int64{1}, 1, map[string]int64{"counted": 1}}},
		{"an alias of a user who is identified merges no one", func(b *builder) {
			b.add(canonical.Event{Kind: canonical.Exposed, ExperimentID: "x", Variant: "a", UserID: "k", AmbiguousID: true, At: t0})
			b.link("u", "k", "", 3)
			b.convert("u", "", 5)
			b.link("k", "m", "", 6) // a user logged in as k, so k is identified, if late
		}, want{[4]int64{1}, 0, nil}},
		{"a merge on purpose does", func(b *builder) {
			b.add(canonical.Event{Kind: canonical.Exposed, ExperimentID: "x", Variant: "a", UserID: "k", AmbiguousID: true, At: t0})
			b.link("u", "k", "k", 3)
			b.convert("u", "", 5)
			b.link("k", "m", "", 6)
		}, want{[4]int64{1}, 1, map[string]int64{"counted": 1}}},
		{"a link is withdrawn", func(b *builder) {
			b.expose("", "n", "a", 0)
			b.link("u", "n", "", 5)
			b.convert("u", "", 7)
			b.add(canonical.Event{Kind: canonical.Unlinked, UserID: "u", AnonymousID: "n", At: t0 + 5})
		}, want{[4]int64{1}, 0, nil}},
		{"a link after the withdrawal holds", func(b *builder) {
			b.add(canonical.Event{Kind: canonical.Unlinked, UserID: "u", AnonymousID: "n", At: t0 + 5})
			b.expose("", "n", "a", 0)
			b.link("u", "n", "", 6)
			b.convert("u", "", 7)
		}, want{[4]int64{1}, 1, map[string]int64{"counted": 1}}},
		{"the withdrawal gives a shared device to the next", func(b *builder) {
			b.expose("", "n", "a", 0)
			b.link("u", "n", "", 5)
			b.link("w", "n", "", 6)
			b.convert("w", "", 7)
			b.add(canonical.Event{Kind: canonical.Unlinked, UserID: "u", AnonymousID: "n", At: t0 + 5})
		}, want{[4]int64{1}, 1, map[string]int64{"counted": 1}}},
		{"a refund and what it adjusts, in any order", func(b *builder) {
			b.convert("u", "", 9*day, func(e *canonical.Event) { e.Adjusts, e.Value = "o", canonical.Micro(-5) })
			b.expose("u", "", "a", 0)
			b.convert("u", "", 5, order("o", "server"))
		}, want{[4]int64{1}, 1, map[string]int64{"counted": 1, "adjustment": 1}}},
		{"a refund of an order before the exposure", func(b *builder) {
			b.convert("u", "", 9, func(e *canonical.Event) { e.Adjusts, e.Value = "o", canonical.Micro(-5) })
			b.expose("u", "", "a", 7)
			b.convert("u", "", 5, order("o", "server"))
		}, want{[4]int64{1}, 0, map[string]int64{"before_exposure": 2}}},
		{"a refund of nothing", func(b *builder) {
			b.convert("u", "", 9, func(e *canonical.Event) { e.Adjusts, e.Value = "o", canonical.Micro(-5) })
			b.expose("u", "", "a", 7)
		}, want{[4]int64{1}, 0, map[string]int64{"waiting_adjustment": 1}}},
		{"another person's refund", func(b *builder) {
			b.convert("w", "", 9, func(e *canonical.Event) { e.Adjusts, e.Value = "o", canonical.Micro(-5) })
			b.expose("u", "", "a", 0)
			b.convert("u", "", 5, order("o", "server"))
		}, want{[4]int64{1}, 1, map[string]int64{"counted": 1}}},
		{"at the time of the exposure, before it in the same request", func(b *builder) {
			b.add(canonical.Event{Kind: canonical.Exposed, ExperimentID: "x", Variant: "a", UserID: "u", At: t0, Batch: 7, BatchIndex: 1})
			b.convert("u", "", 0, func(e *canonical.Event) { e.Batch = 7 })
		}, want{[4]int64{1}, 0, map[string]int64{"before_exposure": 1}}},
		{"at the time of the exposure, in another request", func(b *builder) {
			b.add(canonical.Event{Kind: canonical.Exposed, ExperimentID: "x", Variant: "a", UserID: "u", At: t0, Batch: 7, BatchIndex: 1})
			b.convert("u", "", 0, func(e *canonical.Event) { e.Batch = 8 })
		}, want{[4]int64{1}, 1, map[string]int64{"counted": 1}}},
		{"at the time of the exposure, after it in the same request", func(b *builder) {
			b.add(canonical.Event{Kind: canonical.Exposed, ExperimentID: "x", Variant: "a", UserID: "u", At: t0, Batch: 7})
			b.convert("u", "", 0, func(e *canonical.Event) { e.Batch, e.BatchIndex = 7, 1 })
		}, want{[4]int64{1}, 1, map[string]int64{"counted": 1}}},
		{"a crossover leaves", func(b *builder) { b.expose("u", "", "a", 0); b.expose("u", "", "b", 1); b.convert("u", "", 5) }, want{[4]int64{0, 1}, 0, map[string]int64{"counted": 1}}},
		{"a crossover by joining ids", func(b *builder) { b.expose("u", "", "a", 0); b.expose("", "n", "b", 1); b.link("u", "n", "", 9) }, want{[4]int64{0, 1}, 0, nil}},
		{"ended early", func(b *builder) { b.expose("u", "", "a", 0); b.convert("u", "", 1); b.end("u", "a", "incident", 2) }, want{[4]int64{0, 0, 1}, 0, map[string]int64{"counted": 1}}},
		{"ended early and crossover", func(b *builder) {
			b.end("u", "a", "incident", 2)
			b.expose("u", "", "a", 0)
			b.expose("u", "", "b", 1)
		}, want{[4]int64{0, 0, 0, 1}, 0, nil}},
		{"an end without an exposure", func(b *builder) { b.end("w", "a", "incident", 2); b.expose("u", "", "a", 0) }, want{[4]int64{1}, 0, nil}},
		{"named, by somebody without exposure", func(b *builder) { b.convert("w", "", 1, named("a")); b.expose("u", "", "a", 0) }, want{[4]int64{1}, 0, nil}},
		{"named, with another variant", func(b *builder) { b.expose("u", "", "a", 0); b.convert("u", "", 1, named("b")) }, want{[4]int64{1}, 1, map[string]int64{"counted": 1}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := &builder{}
			c.history(b)
			f := run(t, b)
			v := variantOf(t, f, "a")
			if [4]int64(v.Persons[:4]) != c.want.persons {
				t.Errorf("persons %v, want %v", v.Persons, c.want.persons)
			}
			if users := v.Metrics["purchase"].Merged(sums.Include{}).Users; users != c.want.users {
				t.Errorf("%d converted persons, want %d", users, c.want.users)
			}
			got := map[string]int64{}
			for _, pop := range v.Statuses {
				for s, n := range pop {
					if n != 0 {
						got[person.Status(s).String()] += n
					}
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(c.want.statuses) && len(got)+len(c.want.statuses) > 0 {
				t.Errorf("statuses %v, want %v", got, c.want.statuses)
			}
		})
	}
}

const definition = `{"id":"x","variants":[{"key":"a"},{"key":"b","aliases":{"api":["bee"]}}],"control":"a","revision":%d,"change":"created",
 "aliases":{"api":["ex"]},
 "metrics":[{"id":"bought","role":"primary","type":"proportion","event":"purchase","window":"10ms"},
  {"id":"revenue","type":"sum","event":"purchase","field":"value","currency":"EUR","rates":{"JPY":[{"rate":0.25},{"from":"2026-11-23","rate":2}]}},{"id":"orders","type":"count","event":"purchase","window":"0"},
  {"id":"capped revenue","type":"sum","event":"purchase","field":"value","cap":2.5},{"id":"capped orders","type":"count","event":"purchase","window":"0","cap":1},
  {"id":"basket","type":"mean","event":"purchase","field":"value"},{"id":"per refund","type":"ratio","numerator":{"event":"purchase","field":"value"},"denominator":"refund"}],
 "runs":[{"run":1,"status":"running","started_at":null,"ended_at":"%s"},{"run":2,"status":"running","started_at":"%s","ended_at":null}]}`

func define(revision int) string { return fmt.Sprintf(definition, revision, t0+20, t0+20) }

// times are mostly where runs, windows and covariates begin and end, and a moment beside that.
var times = []canonical.Time{
	20, 10, 0, 19, 21, 9, 11, 30, 15, 5, 8, 22, 33, 14, 25, 32, 40,
	aDay, aDay + 5, 2 * aDay, 3*aDay + 20, 8 * aDay, -aDay, -2*aDay + 20, 10 - 14*aDay, 9 - 14*aDay, 20 - 14*aDay,
}

const aDay = 86_400_000

// rateDay is the day in the definition's rates, days since 1970.
const rateDay = 20780

// agents and the like are attributes that filters look at, or nearly.
var attributes = []string{
	`{"user_agent":"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"}`, `{"email":"ann@example.com"}`,
	`{"user_agent":"MyMonitor 3","plan":"free"}`, `{"plan":"internal"}`, `{"email":"user_agent"}`,
}

const filters = `{"filters":{"bots":%t,"user_agents":["mymonitor"],"internal":[{"attribute":"email","ends_with":"@Example.com"},{"field":"user_id","equals":%q}]},"revision":%d}`

func filter(revision int) string {
	return fmt.Sprintf(filters, revision%2 == 1, []string{"w", "nobody"}[revision%2], revision)
}

// history draws a history over few ids, so that everything collides.
func history(t *rapid.T) *builder {
	b := &builder{}
	pick := func(label string, from ...string) string { return rapid.SampledFrom(from).Draw(t, label) }
	n := rapid.IntRange(1, 60).Draw(t, "events")
	for range n {
		e := canonical.Event{
			Source: pick("source", "api", "ld"), ID: "e" + strconv.Itoa(rapid.IntRange(0, 50).Draw(t, "id")),
			At: t0 + rapid.SampledFrom(times).Draw(t, "at"), UserID: pick("user", "u", "v", "w"),
			ReceivedAt: t0 + canonical.Time(rapid.IntRange(40, 44).Draw(t, "received")),
		}
		if rapid.Bool().Draw(t, "anonymous") {
			e.AnonymousID = pick("anonymous id", "m", "n", "u")
			if rapid.Bool().Draw(t, "only") {
				e.UserID = ""
			}
		}
		if rapid.IntRange(0, 7).Draw(t, "clock") == 0 { // the same body may lie at another time
			e.ClockOffset = int64(rapid.IntRange(-3, 3).Draw(t, "offset"))
			e.At += canonical.Time(e.ClockOffset)
		}
		if rapid.IntRange(0, 9).Draw(t, "attributed") == 0 {
			e.Attributes = json.RawMessage(pick("attributes", attributes...))
		}
		if rapid.IntRange(0, 3).Draw(t, "ambiguous") == 0 { // one id, which may be a user's or a visitor's
			e.UserID, e.AnonymousID, e.AmbiguousID = pick("ambiguous id", "u", "v", "m"), "", true
		}
		switch rapid.IntRange(0, 10).Draw(t, "kind") {
		case 0, 1, 2, 3:
			e.Kind, e.ExperimentID, e.Variant = canonical.Exposed, pick("experiment", "x", "ex", "y"), pick("variant", "a", "b", "bee", "other")
		case 4, 5, 6, 7:
			e.Kind, e.ConversionEvent = canonical.Converted, pick("event", "purchase", "refund")
			e.DedupKey = pick("dedup", "", "", "o1", "o2")
			e.Channel = canonical.Channel(pick("channel", "", "server", "client"))
			if rapid.Bool().Draw(t, "named") {
				e.ExperimentID, e.Variant = pick("experiment", "x", "ex", "y"), pick("variant", "a", "b")
			}
			if e.DedupKey == "" && rapid.Bool().Draw(t, "adjusting") {
				e.Adjusts = pick("adjusts", "o1", "o2")
			}
			e.Currency = pick("currency", "", "EUR", "JPY", "USD")
			if rapid.IntRange(0, 2).Draw(t, "same") == 0 {
				e.Value = canonical.Micro(7)
			} else if rapid.Bool().Draw(t, "worth") || e.Adjusts != "" {
				e.Value = canonical.Micro(rapid.Int64Range(-1e18, 1e18).Draw(t, "value"))
			} else if rapid.Bool().Draw(t, "measured") {
				e.MetricValue = canonical.Micro(rapid.Int64Range(-3, 3).Draw(t, "metric value"))
			}
		case 8:
			e.Kind, e.ExperimentID, e.Variant, e.EndedReason = canonical.EndedEarly, pick("experiment", "x", "y"), "a", pick("reason", "r", "s")
		case 9:
			e.Kind, e.AmbiguousID = canonical.Linked, false
			if e.UserID == "" {
				e.UserID = "u"
			}
			if e.AnonymousID == "" || rapid.Bool().Draw(t, "merge") {
				if e.PreviousUserID = pick("previous", "u", "v", "w"); e.PreviousUserID == e.UserID {
					e.PreviousUserID, e.AnonymousID = "", "m"
				}
			}
		case 10:
			e.Kind, e.AmbiguousID, e.UserID, e.AnonymousID = canonical.Unlinked, false, pick("unlinked user", "u", "v"), pick("unlinked id", "m", "n")
		}
		e.Batch, e.BatchIndex = uint16(rapid.IntRange(0, 2).Draw(t, "batch")), rapid.IntRange(0, 2).Draw(t, "index")
		if e.Kind == canonical.Exposed && rapid.IntRange(0, 5).Draw(t, "holdout") == 0 {
			e.ExperimentKind, e.HeldOutOf = canonical.Holdout, pick("held out of", "", "x", "ex", "y")
		}
		if e.ExperimentID != "" && rapid.IntRange(0, 3).Draw(t, "vendor") == 0 { // names that only an alias knows
			e.SourceExperiment, e.SourceVariant = pick("vendor's experiment", "ex", "y", "raw"), pick("vendor's variant", "bee", "other")
		}
		b.add(e)
	}
	return b
}

// TestOrderRepetitionAndBatchesLeaveNoTrace is the first law.
func TestOrderRepetitionAndBatchesLeaveNoTrace(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := history(rt)
		declared := rapid.Bool().Draw(rt, "declared")
		if declared {
			b.define(define(1))
		}
		if rapid.Bool().Draw(rt, "filters") {
			b.define(filter(1))
		}
		want := stateOf(rt, b)

		seed := rapid.Uint64().Draw(rt, "seed")
		random := rand.New(rand.NewPCG(seed, seed))
		shuffled := slices.Clone(b.events)
		for range rapid.IntRange(0, 30).Draw(rt, "repetitions") {
			if r := shuffled[random.IntN(len(shuffled))]; r.Definition == nil {
				shuffled = append(shuffled, r)
			}
		}
		random.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })

		disk := store.NewDisk()
		db := openStore(rt, disk)
		f := openFold(rt, db)
		half := random.IntN(len(shuffled) + 1)
		fold(rt, f, shuffled[:half], func() int { return 1 + random.IntN(7) })
		if err := db.Close(); err != nil {
			rt.Fatal(err)
		}
		db = openStore(rt, disk) // a restart in the middle
		defer func() { db.Close() }()
		f = openFold(rt, db)
		if f.Seq() != uint64(half) {
			rt.Fatalf("after the restart at %d, want %d", f.Seq(), half)
		}
		fold(rt, f, shuffled[half:], func() int { return 1 + random.IntN(7) })
		if got := state(rt, f); got != want {
			rt.Fatalf("in another order: %s", differ(got, want))
		}
		if diff, err := f.Audit(); err != nil || len(diff) > 0 {
			rt.Fatalf("audit: %v %v", diff, err)
		}
	})
}

// TestDefinitionsApplyToThePast: declaring before, between or after the events gives the same.
func TestDefinitionsApplyToThePast(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := history(rt)
		at := func(i int) string {
			c := &builder{events: slices.Insert(slices.Clone(b.events), i, canonical.Record{Definition: []byte(define(1))})}
			return stateOf(rt, c)
		}
		first := at(0)
		if last := at(len(b.events)); first != last {
			rt.Fatalf("declared first or last: %s", differ(first, last))
		}
	})
}

func TestAReplayCountsNothingTwice(t *testing.T) {
	b := &builder{}
	for i := range 50 {
		b.expose("u"+strconv.Itoa(i), "", "a", 0)
		b.convert("u"+strconv.Itoa(i), "", 5)
	}
	for i := range b.events {
		b.events[i].Seq = uint64(i + 1)
	}
	f := run(t, &builder{})
	for _, to := range []int{30, 60, 100, 100} { // every batch starts from the beginning
		if err := f.Apply(b.events[:to]); err != nil {
			t.Fatal(err)
		}
	}
	if v := variantOf(t, f, "a"); v.Persons[person.Clean] != 50 || v.Metrics["purchase"].Merged(sums.Include{}).Users != 50 {
		t.Fatalf("%d persons, %d converted", v.Persons[person.Clean], v.Metrics["purchase"].Merged(sums.Include{}).Users)
	}
}

func TestWhatTheLogHoldsButNobodyReadsIsCounted(t *testing.T) {
	b := &builder{}
	b.expose("u", "", "a", 0)
	b.events = append(b.events, canonical.Record{Err: fmt.Errorf("no event")}, canonical.Record{Definition: []byte(`{"id":""}`)})
	b.expose("v", "", "a", 0)
	f := run(t, b)
	if v := f.View(); v.Unreadable != 2 || v.Seq != 4 {
		t.Fatalf("%d unreadable at %d", v.Unreadable, v.Seq)
	}
}

// BenchmarkApply is events a second into Pebble: one exposure and one conversion a person.
func BenchmarkApply(b *testing.B) {
	db, err := store.Open(b.TempDir(), store.Options{Lookups: core.Lookups})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	apply(b, openFold(b, db), "checkout-redesign", [2]string{"control", "treatment"})
}

// apply measures two events a person, an exposure and a conversion.
func apply(b *testing.B, f *core.Fold, experiment string, variants [2]string) {
	b.Helper()
	batch := make([]canonical.Record, 0, 2000)
	seq := f.Seq()
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		user := "user-" + strconv.Itoa(i/2)
		seq++
		e := canonical.Event{
			Kind: canonical.Exposed, ID: strconv.FormatUint(seq*0x9E3779B97F4A7C15, 36), Source: "api", SchemaVersion: 1, ExperimentID: experiment,
			Variant: variants[i/2%2], UserID: user, At: t0, ReceivedAt: t0,
		}
		if i%2 == 1 {
			e.Kind, e.ExperimentID, e.Variant, e.ConversionEvent, e.Value = canonical.Converted, "", "", "purchase", canonical.Micro(int64(i)*1000)
			e.At += 1000
		}
		if batch = append(batch, canonical.Record{Seq: seq, Event: e}); len(batch) == cap(batch) || i == b.N-1 {
			if err := f.Apply(batch); err != nil {
				b.Fatal(err)
			}
			batch = batch[:0]
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// differ shows the first line in which two states differ.
func differ(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return fmt.Sprintf("line %d: %s, want %s, after\n%s", i, g[i], w[i], strings.Join(g[max(0, i-12):i], "\n"))
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(g), len(w))
}
