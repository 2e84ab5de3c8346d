package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestCanonicalEvents walks through the contract with hand-made requests.
func TestCanonicalEvents(t *testing.T) {
	s := serve(t)
	status, header, text := s.post("/v1/events", `[
	 {"event_name":"experiment_exposed","event_id":"e-1","experiment_id":"a/b é.c","variant":"variant_b","anonymous_id":"a-77","exposed_at":"2026-11-20T10:00:00Z"},
	 {"event_name":"experiment_exposed","event_id":"e-2","experiment_id":"a/b é.c","variant":"control","user_id":"u-13","exposed_at":"2026-11-20T10:00:00Z"},
	 {"event_name":"experiment_converted","event_id":"c-1","conversion_event":"purchase","user_id":"u-12","value":49.90,"currency":"EUR","dedup_key":"order-981","channel":"server","converted_at":"2026-11-20T11:00:00Z"},
	 {"event_name":"experiment_converted","event_id":"c-2","conversion_event":"purchase","anonymous_id":"a-77","value":49.90,"currency":"EUR","dedup_key":"order-981","channel":"client","converted_at":"2026-11-20T10:59:59Z"},
	 {"event_name":"experiment_converted","event_id":"c-3","conversion_event":"purchase","user_id":"undefined","converted_at":"2026-11-20T10:59:59Z"},
	 {"event_name":"identity_linked","user_id":"u-12","anonymous_id":"a-77","linked_at":"2026-11-20T10:30:00Z"}]`)
	var answer struct {
		Accepted, Rejected int
		Seq                uint64 `json:"stream_seq"`
		Results            []struct {
			Index   int
			EventID string `json:"event_id"`
			Status  string
			Error   *struct{ Field, Detail string }
		}
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil || status != http.StatusAccepted {
		t.Fatalf("%d %s", status, text)
	}
	if answer.Accepted != 5 || answer.Rejected != 1 || answer.Seq != 6 || len(answer.Results) != 6 || header.Get("X-Request-Id") == "" {
		t.Errorf("answer %s", text)
	}
	if bad := answer.Results[4]; bad.Status != "rejected" || bad.Error == nil || bad.Error.Field != "user_id" {
		t.Errorf("the bad one: %+v", bad)
	}
	if link := answer.Results[5]; link.Status != "accepted" || len(link.EventID) != 36 {
		t.Errorf("an id was not drawn for the link: %+v", link)
	}
	r := s.readout("a%2Fb%20%C3%A9.c", answer.Seq)
	if users, _ := r.converted("purchase", "variant_b"); r.exposed("variant_b") != 1 || users != 1 || r.exposed("control") != 1 {
		t.Errorf("readout %+v", r)
	}
	if status, trace := s.get("/v1/units/anonymous/a-77"); status != http.StatusOK || !strings.Contains(trace, `"u-12"`) || !strings.Contains(trace, "duplicate") {
		t.Errorf("the trace of the visitor: %d %s", status, trace)
	}
	if status, rows := s.get("/v1/experiments/a%2Fb%20%C3%A9.c/associations?format=csv"); status != http.StatusOK || strings.Count(strings.TrimSpace(rows), "\n") != 3 {
		t.Errorf("association rows: %d %s", status, rows)
	}
	again, _, _ := s.post("/v1/events", `{"event_name":"experiment_exposed","event_id":"e-2","experiment_id":"a/b é.c","variant":"control","user_id":"u-13","exposed_at":"2026-11-20T10:00:00Z"}`)
	if r = s.readout("a%2Fb%20%C3%A9.c", answer.Seq+1); again != http.StatusAccepted || r.Variants[0].Repeat != 0 || r.exposed("control") != 1 {
		t.Errorf("a redelivery changed the readout: %+v", r)
	}
}

func TestBadRequests(t *testing.T) {
	s := serve(t)
	big := `{"event_name":"x","pad":"` + strings.Repeat("x", 6<<20) + `"}`
	cases := []struct {
		name, path, body string
		header           []string
		want             int
	}{
		{"not JSON", "/v1/events", `{"event_name":`, nil, 400},
		{"cut in the middle of a batch", "/v1/events", `[{"event_name":"identity_linked","user_id":"u","anonymous_id":"a","linked_at":"2026-11-20T10:30:00Z"},{"event`, nil, 400},
		{"every event is bad", "/v1/events", `[{"event_name":"experiment_exposed"}]`, nil, 422},
		{"too large", "/v1/events", big, nil, 413},
		{"too large for a vendor", "/webhooks/launchdarkly/bulk", big, nil, 413},
		{"an unknown source", "/webhooks/nobody/bulk", `[]`, nil, 404},
		{"an unknown coding", "/v1/events", `[]`, []string{"Content-Encoding", "lzma"}, 415},
		{"gzip that breaks off", "/v1/events", "\x1f\x8b\x08\x00", []string{"Content-Encoding", "gzip"}, 400},
		{"an unreadable vendor body", "/webhooks/launchdarkly/bulk", `[{"kind":"feature"`, nil, 400},
		{"a definition with faults", "/v1/experiments", `{"id":"x","variants":[]}`, nil, 422},
	}
	for _, c := range cases {
		status, header, text := s.post(c.path, c.body, c.header...)
		if status != c.want {
			t.Errorf("%s: %d, want %d: %.200s", c.name, status, c.want, text)
		}
		if strings.HasPrefix(c.path, "/v1") && header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %s: %.200s", c.name, header.Get("Content-Type"), text)
		}
	}
	if status, _ := s.get("/v1/experiments/nothing/readout"); status != http.StatusNotFound {
		t.Errorf("an unknown experiment: %d", status)
	}
	s.get(fmt.Sprintf("/v1/experiments/nothing/readout?min_seq=%d&wait=10s", s.lastSeq())) // until all is counted
	_, text := s.get("/v1/ledger")
	var ledger struct {
		Lines []struct{ Accepted, Rejected int64 }
	}
	if err := json.Unmarshal([]byte(text), &ledger); err != nil || len(ledger.Lines) != 1 || ledger.Lines[0].Accepted != 0 || ledger.Lines[0].Rejected != 1 {
		t.Errorf("bad requests in the ledger: %s", text)
	}
}

// TestKeys: beyond loopback nothing runs without keys, and with keys nothing is open.
func TestKeys(t *testing.T) {
	open := newServer(t)
	open.addr = strings.Replace(open.addr, "127.0.0.1", "0.0.0.0", 1)
	out, err := exec.Command(binary, "serve", "--listen", open.addr, "--data-dir", open.dir).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "keys.write") {
		t.Errorf("listening wide without keys: %v\n%s", err, out)
	}

	drawn, err := exec.Command(binary, "key").Output()
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(drawn))
	var key, hash string
	for _, f := range fields {
		if strings.HasPrefix(f, "tlk_") {
			key = f
		}
		if strings.HasPrefix(f, "sha256:") {
			hash = f
		}
	}
	file := filepath.Join(t.TempDir(), "tracklayer.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, "keys:\n  write: [%q]\n  read: [%q]\nsources:\n  ld: {vendor: launchdarkly, secrets: [sdk-00000000-0000-4000-8000-000000000001]}\n", hash, hash), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(binary, "check", "--config", file).CombinedOutput(); err != nil {
		t.Fatalf("check: %v\n%s", err, out)
	}
	s := serve(t, "--config", file)
	event := `{"event_name":"experiment_exposed","event_id":"e","experiment_id":"x","variant":"a","user_id":"u","exposed_at":"2026-11-20T10:00:00Z"}`
	for _, c := range []struct {
		path, body string
		header     []string
		want       int
	}{
		{"/v1/events", event, nil, 401},
		{"/v1/events", event, []string{"Authorization", "Bearer wrong-wrong-wrong-wrong"}, 403},
		{"/v1/events", event, []string{"Authorization", "Bearer " + key}, 202},
		{"/v1/events?key=" + key, event, nil, 202},
		{"/webhooks/ld/bulk", `[]`, nil, 401},
		{"/webhooks/ld/bulk", `[]`, []string{"Authorization", "sdk-00000000-0000-4000-8000-000000000001"}, 202},
		{"/webhooks/launchdarkly/bulk", `[]`, []string{"Authorization", "Bearer " + key}, 404},
		{"/v1/experiments", `{}`, nil, 403}, // without keys.admin nothing edits
		{"/v1/experiments", `{}`, []string{"Authorization", "Bearer " + key}, 403},
	} {
		if status, _, text := s.post(c.path, c.body, c.header...); status != c.want {
			t.Errorf("%s %v: %d, want %d: %s", c.path, c.header, status, c.want, text)
		}
	}
	if status, _ := s.get("/v1/experiments/x/readout"); status != 401 {
		t.Errorf("reading without a key: %d", status)
	}
	if status, text := s.get("/v1/experiments/x/readout?min_seq=1&wait=5s", "Authorization", "Bearer "+key); status != 200 {
		t.Errorf("reading with the key: %d %s", status, text)
	}
	s.stop()
	if strings.Contains(s.out.String(), key) {
		t.Error("the log shows the key")
	}
}

// TestGracefulStop: SIGTERM ends well, what was acknowledged is counted, and the state agrees with its facts.
func TestGracefulStop(t *testing.T) {
	s := serve(t)
	for i := range 40 {
		body := fmt.Sprintf(`[{"event_name":"experiment_exposed","event_id":"e-%d","experiment_id":"x","variant":"%s","user_id":"u-%d","exposed_at":"2026-11-20T10:00:00Z"},
		 {"event_name":"experiment_converted","event_id":"c-%d","conversion_event":"purchase","user_id":"u-%d","value":-1.25,"currency":"EUR","converted_at":"2026-11-20T11:00:00Z"}]`,
			i, []string{"a", "b"}[i%2], i, i, i)
		if status, _, text := s.post("/v1/events", body); status != http.StatusAccepted {
			t.Fatal(text)
		}
	}
	s.stop()
	audit := func() string {
		out, err := exec.Command(binary, "audit", "--data-dir", s.dir).CombinedOutput()
		if err != nil {
			t.Fatalf("audit: %v\n%s", err, out)
		}
		return string(out)
	}
	if out := audit(); !strings.Contains(out, "Equal: 1 experiments at stream sequence 80") {
		t.Errorf("audit: %s", out)
	}
	if out, err := exec.Command(binary, "rebuild", "--data-dir", s.dir).CombinedOutput(); err != nil || !strings.Contains(string(out), "80 records") {
		t.Errorf("rebuild: %v\n%s", err, out)
	}
	if out := audit(); !strings.Contains(out, "stream sequence 80") {
		t.Errorf("audit after rebuild: %s", out)
	}
	s.start()
	if r := s.readout("x", 80); r.exposed("a") != 20 || r.exposed("b") != 20 {
		t.Errorf("after all that: %+v", r)
	}
	second := exec.Command(binary, "serve", "--listen", freePort(t), "--admin-listen", freePort(t), "--data-dir", s.dir)
	done := make(chan error, 1)
	go func() { _, err := second.CombinedOutput(); done <- err }()
	select {
	case err := <-done:
		if err == nil {
			t.Error("a second process took the same data folder")
		}
	case <-time.After(20 * time.Second):
		_ = second.Process.Kill()
		t.Error("a second process runs on the same data folder")
	}
}

func TestDecode(t *testing.T) {
	request := "POST /webhooks/launchdarkly/bulk HTTP/1.1\r\nContent-Type: application/json\r\nX-LaunchDarkly-Payload-ID: p\r\n\r\n" +
		`[{"kind":"feature","creationDate":1795339273031,"key":"f","version":1,"context":{"kind":"user","key":"u"},"variation":1,"value":"b","reason":{"kind":"FALLTHROUGH","inExperiment":true}},{"kind":"custom","creationDate":1795339273031,"key":"","context":{"kind":"user","key":"u"}},{"kind":"summary"}]`
	cmd := exec.Command(binary, "decode", "launchdarkly")
	cmd.Stdin = strings.NewReader(request)
	out, err := cmd.Output()
	var got struct {
		Events []struct {
			Name    string `json:"event_name"`
			ID      string `json:"event_id"`
			Variant string `json:"variant"`
			UserID  string `json:"user_id"`
		}
		Rejected []struct {
			Index  int
			Reason string
		}
		Ignored map[string]int
	}
	if err != nil || json.Unmarshal(out, &got) != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if len(got.Events) != 1 || got.Events[0].ID != "p:0" || got.Events[0].Variant != "b" || len(got.Rejected) != 1 || got.Rejected[0].Index != 1 || got.Ignored["summary"] != 1 {
		t.Errorf("%s", out)
	}
	cmd = exec.Command(binary, "decode", "launchdarkly")
	cmd.Stdin = strings.NewReader("POST / HTTP/1.1\r\n\r\n[{")
	if out, err := cmd.CombinedOutput(); err == nil {
		t.Errorf("a truncated request: %s", out)
	}
}
