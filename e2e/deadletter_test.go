package e2e_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestDeadLetters: what was rejected is kept with its request, can be looked at and decoded, and counts after another
// try once its fault is fixed; what was accepted with it does not count again.
func TestDeadLetters(t *testing.T) {
	file := filepath.Join(t.TempDir(), "strict.yaml")
	if err := os.WriteFile(file, []byte("identity:\n  non_ids: [kiosk]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := serve(t, "--config", file)
	exposed := func(id, user string) string {
		return `{"event_name":"experiment_exposed","event_id":"` + id + `","experiment_id":"x","variant":"a","user_id":"` + user + `","exposed_at":"2026-11-20T10:00:00Z"}`
	}
	bought := `{"event_name":"experiment_converted","conversion_event":"purchase","user_id":"kiosk","converted_at":"2026-11-20T11:00:00Z"}`
	if status, _, text := s.post("/v1/events", "["+exposed("e-1", "u-1")+","+exposed("e-2", "kiosk")+","+bought+"]"); status != http.StatusAccepted {
		t.Fatalf("%d %s", status, text)
	}
	if status, _, _ := s.post("/webhooks/launchdarkly/bulk", `[{"kind":`, "Authorization", "sdk-secret-secret-secret"); status != http.StatusBadRequest {
		t.Fatalf("an unreadable body: %d", status)
	}
	cli := func(args ...string) (string, error) {
		out, err := exec.Command(binary, append([]string{"deadletter", "--admin-listen", s.admin}, args...)...).CombinedOutput()
		return string(out), err
	}
	list, err := cli("list")
	if err != nil || !strings.Contains(list, "user_id") || !strings.Contains(list, "launchdarkly") || len(strings.Split(strings.TrimSpace(list), "\n")) != 3 {
		t.Fatalf("list: %v\n%s", err, list)
	}
	if only, err := cli("list", "--source", "api"); err != nil || strings.Contains(only, "launchdarkly") {
		t.Errorf("list of one source: %v\n%s", err, only)
	}
	shown, err := cli("show", "1")
	if err != nil || !strings.HasPrefix(shown, "POST /v1/events HTTP/1.1") || !strings.Contains(shown, `"kiosk"`) {
		t.Errorf("show: %v\n%s", err, shown)
	}
	if letter, err := cli("show", "2"); err != nil || strings.Contains(letter, "sdk-secret") {
		t.Errorf("a vendor's letter: %v\n%s", err, letter)
	}
	if out, err := cli("replay", "1"); err != nil || !strings.Contains(out, `"accepted":0,"rejected":2`) {
		t.Errorf("replay before the fault is fixed: %v\n%s", err, out)
	}
	if out, err := cli("replay", "2"); err == nil {
		t.Errorf("replay of what cannot be read: %s", out)
	}
	if out, err := cli("show", "99"); err == nil || !strings.Contains(out, "99") {
		t.Errorf("a letter that is not there: %v %s", err, out)
	}
	s.stop()
	s.args = nil // without the rule
	s.start()
	if out, err := cli("replay", "1"); err != nil || !strings.Contains(out, `"accepted":2,"rejected":0`) {
		t.Fatalf("replay: %v\n%s", err, out)
	}
	r := s.readout("x", s.lastSeq())
	if users, _ := r.converted("purchase", "a"); r.exposed("a") != 2 || r.Variants[0].Repeat != 0 || users != 1 {
		t.Errorf("after the replay: %+v, %d converted", r.Variants, users)
	}
	if list, err := cli("list"); err != nil || strings.Contains(list, "user_id") {
		t.Errorf("a letter that was replayed is still there: %v\n%s", err, list)
	}
}
