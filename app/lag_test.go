package app

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tracklayer/tracklayer/app/apptest"
	"github.com/tracklayer/tracklayer/canonical"
)

// eventually waits for a condition, for long: a slow machine is not a failure.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if is() {
			return
		}
	}
	t.Fatalf("waited in vain until %s", what)
}

// TestLateCountingIsSaid: events that are stored and not counted are seen in metrics, in readiness, which stays ready, and,
// past limits.lag, on the pages. After they are counted nothing is said any more.
func TestLateCountingIsSaid(t *testing.T) {
	dir := t.TempDir()
	p := begin(t, dir, "TRACKLAYER_LIMITS_LAG=1ms")
	p.cancel() // counting stops, the listeners go on
	p.folding.Wait()
	for i := range 3 {
		body := fmt.Sprintf(`{"event_name":"experiment_exposed","event_id":"e%d","experiment_id":"x","variant":"v","user_id":"u%d","exposed_at":"2026-11-20T10:00:00Z"}`, i, i)
		resp, err := http.Post("http://"+p.Addr()+"/v1/events", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusAccepted {
			t.Fatal(resp.Status)
		}
	}
	eventually(t, "the metric counts them", func() bool { return apptest.Gauge(t, p, "tracklayer_core_lag_records") == 3 })
	first := apptest.Gauge(t, p, "tracklayer_core_lag_seconds")
	eventually(t, "they grow older", func() bool { return first > 0 && apptest.Gauge(t, p, "tracklayer_core_lag_seconds") > first })
	eventually(t, "readiness says so", func() bool {
		status, text := apptest.Fetch(t, "http://"+p.AdminAddr()+"/readyz")
		return status == http.StatusOK && strings.HasPrefix(text, "ready\n") && strings.Contains(text, "3 records are not counted yet") && strings.Contains(text, "limits.lag is 1ms")
	})
	if _, text := newVisit(t, p).body(http.MethodGet, "/experiments", nil); !strings.Contains(text, "3 records are not counted yet") {
		t.Errorf("the page does not say so: %s", text)
	}
	stop(t, p)

	p = begin(t, dir)
	defer stop(t, p)
	eventually(t, "all are counted", func() bool {
		return apptest.Gauge(t, p, "tracklayer_core_lag_records") == 0 && apptest.Gauge(t, p, "tracklayer_core_lag_seconds") == 0
	})
	if status, text := apptest.Fetch(t, "http://"+p.AdminAddr()+"/readyz"); status != http.StatusOK || text != "ready\n" {
		t.Errorf("%d %s", status, text)
	}
	for _, name := range []string{"tracklayer_core_background_persons", "tracklayer_core_background_ids"} {
		if got := apptest.Gauge(t, p, name); got != 0 {
			t.Errorf("%s is %g", name, got)
		}
	}
}

// TestBackgroundIsCounted: ids that wait for the background are a metric.
func TestBackgroundIsCounted(t *testing.T) {
	p := begin(t, t.TempDir())
	defer stop(t, p)
	p.cancel() // nothing is done in the background, and this test counts
	p.folding.Wait()
	now := canonical.TimeOf(time.Now())
	var records []canonical.Record
	add := func(e canonical.Event) {
		e.ID, e.Source, e.SchemaVersion, e.At, e.ReceivedAt = fmt.Sprint(len(records)), "api", 1, now, now
		records = append(records, canonical.Record{Seq: uint64(len(records) + 1), Event: e})
	}
	for i := range 200 { // a device of many users, of which one is withdrawn
		add(canonical.Event{Kind: canonical.Linked, UserID: fmt.Sprint("u", i), AnonymousID: "shared"})
	}
	add(canonical.Event{Kind: canonical.Unlinked, UserID: "u1", AnonymousID: "shared"})
	add(canonical.Event{Kind: canonical.Exposed, ExperimentID: "x", Variant: "v", UserID: "busy"})
	for range 1000 {
		add(canonical.Event{Kind: canonical.Converted, ConversionEvent: "c", UserID: "busy"})
	}
	if err := p.fold.Apply(records); err != nil {
		t.Fatal(err)
	}
	persons, ids := apptest.Gauge(t, p, "tracklayer_core_background_persons"), apptest.Gauge(t, p, "tracklayer_core_background_ids")
	if v := p.fold.View(); ids == 0 || persons <= ids || persons != float64(v.Due) {
		t.Errorf("%g persons and %g ids wait, of %d", persons, ids, v.Due)
	}
}
