package app

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/config"
)

// TestTheSegmentSourceReadsItsSDKs decodes requests recorded from @segment/analytics-node 3.1.0, @segment/analytics-next 1.84.3
// (single calls and batching) and @rudderstack/rudder-sdk-node 3.0.13 by the configuration of the page. The two of RudderStack
// have the label of a form, which its older SDKs give to JSON.
func TestTheSegmentSourceReadsItsSDKs(t *testing.T) {
	page, err := os.ReadFile("../docs/vendors/custom.md")
	if err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile("(?s)```yaml\n(sources:\n  segment:.*?)```").FindSubmatch(page)[1]
	cfg, _, err := config.Load([]string{"--config", "t.yaml"}, nil, func(string) ([]byte, error) { return text, nil })
	if err != nil {
		t.Fatal(err)
	}
	sources, err := sourcesOf(cfg)
	if err != nil {
		t.Fatal(err)
	}
	received, err := canonical.ParseTime("2026-11-29T16:05:30Z")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"analytics-node": "experiment_exposed a-77 headline/b, identity_linked u-12 a-77, experiment_converted u-12 Order Completed 49.9 USD 981, " +
			"experiment_converted u-12 Order Completed -49.9 USD adjusts 981; ignored 2",
		"rudder-1":                "experiment_exposed a-78 headline/b; ignored 0",
		"rudder-2":                "experiment_converted u-13 Order Completed 49.9 USD 982; ignored 0",
		"analytics-next-exposure": "experiment_exposed u-14 VISITOR headline/b; ignored 0",
		"analytics-next-order":    "experiment_converted u-14 VISITOR Order Completed 49.9 USD 983; ignored 0",
		"analytics-next-identify": "identity_linked u-14 VISITOR; ignored 0",
		"analytics-next-batch": "experiment_exposed u-14 VISITOR headline/b, experiment_converted u-14 VISITOR Order Completed 49.9 USD 983, " +
			"identity_linked u-14 VISITOR; ignored 0",
	} {
		file, err := os.Open("testdata/segment/" + name + ".http")
		if err != nil {
			t.Fatal(err)
		}
		e, err := adapters.ReadRequest(file, received)
		if err != nil {
			t.Fatal(err)
		}
		_ = file.Close()
		batch, err := sources["segment"].Decode(sources["segment"].Source, e)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := summary(batch); got != want {
			t.Errorf("%s becomes %s\nwant %s", name, got, want)
		}
	}
}

// TestVerifyNeedsASecret: a source that names a scheme and has no secret would accept everything.
func TestVerifyNeedsASecret(t *testing.T) {
	const source = "sources: {shop: {vendor: custom, options: {verify: stripe, events: [{kind: converted, fields: {conversion_event: item.type, user_id: item.user}}]}"
	for text, want := range map[string]string{
		source + "}}": "sources.shop.secrets: is required beside options.verify",
		source + ", secrets: [whsec_0123456789abcdef]}}": "",
	} {
		cfg, _, err := config.Load([]string{"--config", "t.yaml"}, nil, func(string) ([]byte, error) { return []byte(text), nil })
		if err != nil {
			t.Fatal(err)
		}
		if _, err := sourcesOf(cfg); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// summary is a batch without the ids that an SDK draws.
func summary(b adapters.Batch) string {
	var parts []string
	for _, e := range b.Events {
		words := []string{e.Kind.String(), e.UserID, e.AnonymousID, e.ConversionEvent}
		if len(e.AnonymousID) == 36 {
			words[2] = "VISITOR"
		}
		if e.ExperimentID != "" {
			words = append(words, e.ExperimentID+"/"+e.Variant)
		}
		if e.Value.Set {
			words = append(words, e.Value.String())
		}
		words = append(words, e.Currency, e.DedupKey)
		if e.Adjusts != "" {
			words = append(words, "adjusts", e.Adjusts)
		}
		parts = append(parts, strings.Join(strings.Fields(strings.Join(words, " ")), " "))
	}
	for _, r := range b.Rejected {
		parts = append(parts, "rejected: "+r.Field+" "+r.Reason)
	}
	ignored := 0
	for _, n := range b.Ignored {
		ignored += n
	}
	return fmt.Sprintf("%s; ignored %d", strings.Join(parts, ", "), ignored)
}
