package main

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
