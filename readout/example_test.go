package readout_test

import (
	"fmt"
	"log"
	"time"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/readout"
	"github.com/tracklayer/tracklayer/store"
)

// A log of an experiment and of 2,000 users, one in ten of the control's and one in eight of the variant's buying something,
// is folded into a store in memory and read.
func ExampleMake() {
	db, err := store.Open("state", store.Options{Cache: 1 << 20, MemTable: 1 << 20, Disk: store.NewDisk()})
	if err != nil {
		log.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			log.Print(err)
		}
	}()
	fold, err := core.Open(db)
	if err != nil {
		log.Fatal(err)
	}
	if err := fold.Apply(headlineTest()); err != nil {
		log.Fatal(err)
	}

	r, err := readout.Make(fold.View(), readout.Question{Experiment: "checkout_headline_test"}, "example")
	if err != nil {
		log.Fatal(err)
	}
	purchase := r.Primary()
	for i, v := range r.Variants {
		row := &purchase.Variants[i]
		fmt.Printf("%s: %d exposed users, rate %.3f\n", v.Variant, v.ExposedUsers, *row.ConversionRate)
		if row.Effect != nil {
			fmt.Printf("  lift %+.1f%%, probability to beat control %.3f\n", 100**row.Lift.Relative, *row.ProbabilityToBeatControl)
		}
	}
	fmt.Println(r.Decision.Status)
	// Output:
	// control: 1000 exposed users, rate 0.100
	// variant_b: 1000 exposed users, rate 0.125
	//   lift +25.0%, probability to beat control 0.961
	// collecting
}

// headlineTest is the log: the definition, then every user's exposure and some users' purchases.
func headlineTest() []canonical.Record {
	records := []canonical.Record{{Seq: 1, Definition: []byte(`{"id":"checkout_headline_test",
		"variants":[{"key":"control"},{"key":"variant_b"}],"control":"control",
		"metrics":[{"id":"purchase","role":"primary","type":"proportion","event":"purchase"}],
		"revision":1,"change":"created","runs":[{"run":1,"status":"running","started_at":null,"ended_at":null}]}`)}}
	at := canonical.TimeOf(time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC))
	add := func(e canonical.Event) {
		e.Source, e.SchemaVersion, e.ReceivedAt = "api", 1, e.At
		records = append(records, canonical.Record{Seq: uint64(len(records) + 1), Event: e})
	}
	for i := range 2000 {
		user, variant, each := fmt.Sprintf("u-%d", i), "control", 10
		if i%2 == 1 {
			variant, each = "variant_b", 8
		}
		at = at.Add(time.Minute)
		add(canonical.Event{Kind: canonical.Exposed, ID: "e-" + user, ExperimentID: "checkout_headline_test", Variant: variant, UserID: user, At: at})
		if i/2%each == 0 {
			add(canonical.Event{Kind: canonical.Converted, ID: "c-" + user, ConversionEvent: "purchase", UserID: user, At: at.Add(time.Second)})
		}
	}
	return records
}
