package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// demoServer starts the demo and waits until its history is told.
func demoServer(t testing.TB) *server {
	t.Helper()
	s := newServer(t)
	s.out = &syncBuffer{}
	s.cmd = exec.Command(binary, "demo", "--listen", s.addr, "--admin-listen", s.admin, "--log-level", "warn")
	s.cmd.Stdout, s.cmd.Stderr = s.out, s.out
	s.cmd.Env = append(os.Environ(), "TMPDIR="+s.dir)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for range 1800 {
		if strings.Contains(s.out.String(), "Look around") {
			return s
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("the demo does not come to an end:\n%s", s.out)
	return nil
}

// TestDemo: six tools' traffic through the ingest endpoints shows every state, nothing is rejected, it goes on, and leaves nothing
// behind.
func TestDemo(t *testing.T) {
	s := demoServer(t)
	type shown struct {
		Status   string
		Decision struct{ Status, Headline string }
		Checks   []struct{ Check, Status string }
		Variants []struct {
			Exposed int64 `json:"exposed_users"`
		}
	}
	read := func(id string) (r shown) {
		status, text := s.get("/v1/experiments/" + id + "/readout")
		if err := json.Unmarshal([]byte(text), &r); err != nil || status != http.StatusOK {
			t.Fatalf("%s: %d %v %s", id, status, err, text)
		}
		return r
	}
	for id, want := range map[string][2]string{
		"checkout_headline": {"running", "eligible_for_review"}, "pricing_page": {"running", "collecting"}, "onboarding_flow": {"running", "unhealthy"},
		"search_ranking": {"running", "collecting"}, "free_shipping": {"ended_early", "ended_early"}, "signup_form": {"decided", "decided"},
		"winback_mail": {"draft", "draft"}, "11": {"undeclared", "collecting"},
	} {
		if r := read(id); r.Status != want[0] || r.Decision.Status != want[1] || r.Decision.Headline == "" {
			t.Errorf("%s is %s, %s: %s", id, r.Status, r.Decision.Status, r.Decision.Headline)
		}
	}
	for id, check := range map[string]string{"onboarding_flow": "sample_ratio_mismatch failed", "search_ranking": "novelty warning"} {
		if all := fmt.Sprint(read(id).Checks); !strings.Contains(all, check) {
			t.Errorf("%s: %s", id, all)
		}
	}
	var sources []string
	for after := ""; ; {
		_, text := s.get("/v1/ledger?limit=1000&after=" + url.QueryEscape(after))
		var ledger struct {
			Entries []struct {
				Source   string
				Rejected int64
			} `json:"lines"`
			Next string
		}
		if err := json.Unmarshal([]byte(text), &ledger); err != nil {
			t.Fatal(err)
		}
		for _, e := range ledger.Entries {
			if e.Rejected > 0 {
				t.Errorf("%+v was rejected", e)
			}
			sources = append(sources, e.Source)
		}
		if after = ledger.Next; after == "" {
			break
		}
	}
	slices.Sort(sources)
	if sources = slices.Compact(sources); !slices.Equal(sources, []string{"api", "growthbook", "launchdarkly", "optimizely", "posthog", "statsig", "vwo"}) {
		t.Errorf("sources %v", sources)
	}
	before := read("checkout_headline").Variants[0].Exposed
	for range 300 {
		if read("checkout_headline").Variants[0].Exposed > before {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if read("checkout_headline").Variants[0].Exposed == before {
		t.Error("nothing comes in any more")
	}
	s.stop()
	if left, err := os.ReadDir(s.dir); err != nil || len(left) > 0 {
		t.Errorf("%v is left behind (%v)", left, err)
	}
}
