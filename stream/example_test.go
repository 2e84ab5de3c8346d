package stream_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/stream"
)

// A log in a folder: what Publish has acknowledged is on disk, and Replay reads it again.
func ExampleOpen() {
	if err := publishAndRead(context.Background()); err != nil {
		log.Fatal(err)
	}
	// Output:
	// 1 experiment_exposed u-1
}

func publishAndRead(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "tracklayer-example-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // a temporary folder that stays does no harm
	l, err := stream.Open(ctx, stream.Options{Dir: dir, Prefix: "tracklayer"})
	if err != nil {
		return err
	}
	defer l.Close()
	seq, err := l.Publish(ctx, []canonical.Event{{
		Kind: canonical.Exposed, ID: "e-1", Source: "api", SchemaVersion: canonical.SchemaVersion,
		ExperimentID: "headline", Variant: "control", UserID: "u-1", At: 1795339273000, ReceivedAt: 1795339273000,
	}})
	if err != nil {
		return err
	}
	return l.Replay(ctx, 1, seq, 100, func(records []canonical.Record) error {
		for i := range records {
			fmt.Println(records[i].Seq, records[i].Event.Kind, records[i].Event.UserID)
		}
		return nil
	})
}
