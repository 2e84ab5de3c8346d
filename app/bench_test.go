package app

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/store"
	"github.com/tracklayer/tracklayer/stream"
)

// BenchmarkFoldFromLog is events a second from a log on disk into a fresh state: reading, decoding, folding, committing.
func BenchmarkFoldFromLog(b *testing.B) {
	const total = 300_000
	log, err := stream.Open(b.Context(), stream.Options{Dir: b.TempDir(), Prefix: "tracklayer"})
	if err != nil {
		b.Fatal(err)
	}
	defer log.Close()
	events := make([]canonical.Event, 0, 1000)
	for i := range total {
		e := canonical.Event{
			Kind: canonical.Exposed, ID: strconv.FormatUint(uint64(i)*0x9E3779B97F4A7C15, 36), Source: "api", SchemaVersion: canonical.SchemaVersion,
			ExperimentID: "checkout-redesign", Variant: []string{"control", "treatment"}[i/2%2], UserID: "user-" + strconv.Itoa(i/2),
			At: 1795339273000, ReceivedAt: 1795339273001,
		}
		if i%2 == 1 {
			e.Kind, e.ExperimentID, e.Variant, e.ConversionEvent, e.Value = canonical.Converted, "", "", "purchase", canonical.Micro(9_990_000)
		}
		if events = append(events, e); len(events) == cap(events) {
			if _, err := log.Publish(b.Context(), events); err != nil {
				b.Fatal(err)
			}
			events = events[:0]
		}
	}
	for b.Loop() {
		db, err := store.Open(b.TempDir(), store.Options{Lookups: core.Lookups})
		if err != nil {
			b.Fatal(err)
		}
		fold, err := core.Open(db)
		if err != nil {
			b.Fatal(err)
		}
		ctx, done := context.WithCancel(b.Context())
		began := time.Now()
		err = log.Consume(ctx, 1, foldBatch, func(records []canonical.Record) error {
			if err := fold.Apply(records); err != nil {
				return err
			}
			if fold.Seq() == total {
				done()
			}
			return nil
		})
		took := time.Since(began)
		if done(); err != nil || fold.Seq() != total {
			b.Fatalf("at %d: %v", fold.Seq(), err)
		}
		if err := db.Close(); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(total/took.Seconds(), "events/s")
	}
}

// BenchmarkRecompute is a change of the definition of an experiment with a million exposed persons, worked off in the
// background while up to 10,000 events a second go on being counted: how long it takes, how many were counted meanwhile,
// and the longest time that counting waited for it.
func BenchmarkRecompute(b *testing.B) {
	const total = 1_000_000
	db, err := store.Open(b.TempDir(), store.Options{Lookups: core.Lookups})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	fold, err := core.Open(db)
	if err != nil {
		b.Fatal(err)
	}
	seq := uint64(0)
	person := func(i int, kind canonical.Kind) canonical.Record {
		seq++
		e := canonical.Event{
			Kind: kind, ID: strconv.FormatUint(seq*0x9E3779B97F4A7C15, 36), Source: "api", SchemaVersion: canonical.SchemaVersion,
			UserID: "user-" + strconv.Itoa(i), At: 1795339273000, ReceivedAt: 1795339273001,
		}
		if kind == canonical.Exposed {
			e.ExperimentID, e.Variant = "checkout-redesign", []string{"control", "treatment"}[i%2]
		} else {
			e.ConversionEvent, e.Value = "purchase", canonical.Micro(9_990_000)
		}
		return canonical.Record{Seq: seq, Event: e}
	}
	apply := func(n int, next func(i int) canonical.Record) {
		records := make([]canonical.Record, 0, foldBatch)
		for i := range n {
			if records = append(records, next(i)); len(records) == cap(records) || i == n-1 {
				if err := fold.Apply(records); err != nil {
					b.Fatal(err)
				}
				records = records[:0]
			}
		}
	}
	apply(total, func(i int) canonical.Record { return person(i, canonical.Exposed) })
	apply(total/2, func(i int) canonical.Record { return person(i*2, canonical.Converted) })
	revision := 0
	for b.Loop() {
		revision++
		seq++
		definition := `{"id":"checkout-redesign","variants":[{"key":"control"},{"key":"treatment"}],"control":"control","revision":` + strconv.Itoa(revision) + `,
 "metrics":[{"id":"purchase","role":"primary","type":"proportion","event":"purchase"},{"id":"revenue","type":"sum","event":"purchase","field":"value"}],
 "runs":[{"run":1,"status":"running","started_at":null,"ended_at":null}]}`
		began, events, longest := time.Now(), 0, time.Duration(0)
		if err := fold.Apply([]canonical.Record{{Seq: seq, Definition: []byte(definition)}}); err != nil {
			b.Fatal(err)
		}
		failed := make(chan error, 1)
		go func() {
			for more := true; more; {
				started := time.Now()
				var err error
				if more, err = fold.Recompute(recomputeStep); err != nil {
					failed <- err
					return
				}
				time.Sleep(time.Since(started) / 8)
			}
			failed <- nil
		}()
		for done := false; !done; {
			select {
			case err := <-failed:
				if done = true; err != nil {
					b.Fatal(err)
				}
			default:
				started := time.Now()
				apply(200, func(i int) canonical.Record { return person(total+events+i, canonical.Exposed) })
				longest = max(longest, time.Since(started))
				events += 200
				time.Sleep(20*time.Millisecond - time.Since(started))
			}
		}
		took := time.Since(began)
		b.ReportMetric(took.Seconds(), "s/recompute")
		b.ReportMetric(float64(events)/took.Seconds(), "events/s")
		b.ReportMetric(float64(longest.Milliseconds()), "ms/longest-wait")
	}
}
