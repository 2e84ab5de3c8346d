package hostile

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const definition = `{"id":"checkout","variants":[{"key":"control"},{"key":"b"}],"metrics":[{"id":"purchase","role":"primary","type":"proportion","event":"purchase"}]}`

// TestAWriteKeyNeverEdits: a key that browsers publish changes nothing and erases no one, with and without keys.admin.
func TestAWriteKeyNeverEdits(t *testing.T) {
	write, read, admin := drawKey(t), drawKey(t), drawKey(t)
	wide := func(text string) (string, error) {
		file := filepath.Join(t.TempDir(), "tracklayer.yaml")
		if err := os.WriteFile(file, []byte("listen: 0.0.0.0:0\n"+text), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(binary, "check", "--config", file).CombinedOutput()
		return string(out), err
	}
	two := fmt.Sprintf("keys: {write: [%s], read: [%s]}\n", write, read)
	if out, err := wide(two); err == nil || !strings.Contains(out, "set keys.admin or keys.admin_file, or editing: off") {
		t.Errorf("listening wide without keys.admin: %v %s", err, out)
	}
	if out, err := wide("editing: off\n" + two); err != nil {
		t.Errorf("with editing off: %v %s", err, out)
	}
	for _, keys := range []string{"keys: {write: [" + write + "]}", two, "editing: off\n" + two, fmt.Sprintf("keys: {write: [%s], read: [%s], admin: [%s]}", write, read, admin)} {
		s := start(t, keys)
		for _, q := range []question{
			{method: "POST", url: "/v1/experiments", body: definition},
			{method: "PATCH", url: "/v1/experiments/x", body: `{"name":"x"}`},
			{method: "POST", url: "/v1/experiments/x/end-early", body: `{"reason":"x","by":"ceo@example.com"}`},
			{method: "POST", url: "/v1/experiments/x/archive"},
			{method: "DELETE", url: "/v1/units/user/u-1"},
			{method: "PUT", url: "/v1/filters", body: `{}`},
		} {
			q.url, q.header = s.url(q.url), []string{"Authorization", "Bearer " + write}
			if status, _, text := ask(t, nil, q); status != http.StatusForbidden || strings.Contains(keys, admin) == strings.Contains(text, "set keys.admin") && !strings.Contains(text, "editing: on") {
				t.Errorf("%s: %s %s with a write key: %d %s", keys[:12], q.method, q.url, status, text)
			}
		}
		if status, _, text := ask(t, nil, question{method: "POST", url: s.url("/v1/events"), body: exposure, header: []string{"X-Tracklayer-Key", write}}); status != http.StatusAccepted {
			t.Errorf("writing: %d %s", status, text)
		}
		sign := question{method: "POST", url: s.url("/sign-in"), body: "key=" + write, header: []string{"Content-Type", "application/x-www-form-urlencoded"}}
		if status, header, _ := ask(t, nil, sign); status < 400 || strings.Contains(header.Get("Set-Cookie"), "session") {
			t.Errorf("signed in with a write key: %d", status)
		}
	}
}

// TestKeysAreBound: a key that is bound to a source and a web page opens nothing else.
func TestKeysAreBound(t *testing.T) {
	bound, admin := drawKey(t), drawKey(t)
	s := start(t, fmt.Sprintf("keys: {write: [{key: %s, sources: [api, shop], origins: ['https://shop.example']}], admin: [%s]}\nsources: {shop: {vendor: launchdarkly}, other: {vendor: launchdarkly}}", bound, admin))
	from := func(origin string) []string { return []string{"Authorization", "Bearer " + bound, "Origin", origin} }
	check(t, []question{
		{"its page", "POST", s.url("/v1/events"), exposure, from("https://shop.example"), 202},
		{"its page, by a source", "POST", s.url("/v1/events?source=shop"), exposure, from("https://shop.example"), 202},
		{"its source", "POST", s.url("/webhooks/shop/bulk"), "[]", from("https://shop.example"), 202},
		{"another page", "POST", s.url("/v1/events"), exposure, from("https://evil.example"), 403},
		{"no page", "POST", s.url("/v1/events"), exposure, []string{"Authorization", "Bearer " + bound}, 403},
		{"another source by name", "POST", s.url("/v1/events?source=other"), exposure, from("https://shop.example"), 403},
		{"another source", "POST", s.url("/webhooks/other/bulk"), "[]", from("https://shop.example"), 401},
		{"the admin key", "POST", s.url("/v1/events"), exposure, []string{"Authorization", "Bearer " + admin}, 202},
		{"the admin key reads", "GET", s.url("/v1/experiments"), "", []string{"Authorization", "Bearer " + admin}, 200},
	})
}

// TestAForgedWebhookStopsNothing: what a published client key lets in is a note; what the vendor signed is acted on.
func TestAForgedWebhookStopsNothing(t *testing.T) {
	admin := drawKey(t)
	const client, signing = "sdk-publishedclientkey", "ewhk_signing_0123456789"
	s := start(t, fmt.Sprintf("keys: {admin: [%s]}\nsources: {gb: {vendor: growthbook, secrets: [%s, %s]}, open: {vendor: growthbook}}", admin, client, signing))
	key := []string{"Authorization", "Bearer " + admin}
	check(t, []question{{"declare", "POST", s.url("/v1/experiments"), definition, key, 201}})
	event := func(id string) string {
		return fmt.Sprintf(`{"event":"experiment.updated","object":"experiment","api_version":"2025-06-25","created":%d,"data":{"object":{"id":"exp_1","trackingKey":"checkout","name":"Checkout","status":"stopped"},"previous_attributes":{"status":"running"}},"id":%q,"projects":[],"tags":[],"environments":[],"containsSecrets":false,"user":{"type":"dashboard","id":"u","name":"Ana","email":"ana@example.com"}}`, time.Now().UnixMilli(), id)
	}
	type history struct {
		Revisions []struct {
			Runs []struct{ Status string }
			Key  string
		}
		Notes []struct {
			Acted      bool
			Unverified bool
			Why        string `json:"why_not"`
			Kind       string
		}
	}
	after := func(step string, header []string, to string) history {
		body := event(step)
		if to == "signed" {
			mac := hmac.New(sha256.New, []byte(signing))
			mac.Write([]byte(body))
			header, to = []string{"X-GrowthBook-Signature", hex.EncodeToString(mac.Sum(nil))}, "gb"
		}
		status, h, text := ask(t, nil, question{step, "POST", s.url("/webhooks/" + to), body, header, 0})
		if status != http.StatusAccepted {
			t.Fatalf("%s: %d %s", step, status, text)
		}
		ask(t, nil, question{step, "GET", s.url("/v1/experiments/checkout/readout?wait=5s&min_seq=" + h.Get("Tracklayer-Stream-Seq")), "", key, 0})
		_, _, text = ask(t, nil, question{step, "GET", s.url("/v1/experiments/checkout/revisions"), "", key, 0})
		var got history
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Fatal(err, text)
		}
		return got
	}
	status := func(h history) string { return h.Revisions[len(h.Revisions)-1].Runs[0].Status }
	got := after("forged", []string{"Authorization", "Bearer " + client}, "gb")
	if status(got) != "running" || len(got.Notes) != 1 || got.Notes[0].Acted || !got.Notes[0].Unverified || got.Notes[0].Why == "" {
		t.Fatalf("forged with the client key: %+v", got)
	}
	// The client key used as if it signed is no better.
	mac := hmac.New(sha256.New, []byte(client))
	mac.Write([]byte(event("forged")))
	if got = after("forged again", []string{"X-GrowthBook-Signature", hex.EncodeToString(mac.Sum(nil))}, "open"); status(got) != "running" {
		t.Fatalf("from a page, without any key: %+v", got)
	}
	if got = after("signed", nil, "signed"); status(got) != "stopped" || !got.Notes[len(got.Notes)-1].Acted || got.Notes[len(got.Notes)-1].Unverified {
		t.Fatalf("signed: %+v", got)
	}
	sum := sha256.Sum256([]byte(admin))
	if got.Revisions[0].Key != hex.EncodeToString(sum[:4]) {
		t.Errorf("the key of the declaration is %q", got.Revisions[0].Key)
	}
	if _, _, text := ask(t, nil, question{"metrics", "GET", s.adminURL("/metrics"), "", key, 0}); strings.Contains(text, client) || strings.Contains(text, signing) {
		t.Error("a secret is in the metrics")
	}
}

// TestGuessingIsSeen: failures are counted and logged with their client, and never with what was presented.
func TestGuessingIsSeen(t *testing.T) {
	write, read, admin := drawKey(t), drawKey(t), drawKey(t)
	s := start(t, fmt.Sprintf("keys: {write: [%s], read: [%s], admin: [%s]}", write, read, admin))
	const guess = "guessed-0123456789abcdef"
	for range 7 {
		ask(t, nil, question{method: "GET", url: s.url("/v1/experiments"), header: []string{"Authorization", "Bearer " + guess}})
	}
	_, header, form := ask(t, nil, question{method: "GET", url: s.url("/sign-in")})
	cookie, _, _ := strings.Cut(header.Get("Set-Cookie"), ";")
	_, token, _ := strings.Cut(form, `name="token" value="`)
	token, _, _ = strings.Cut(token, `"`)
	sign := question{method: "POST", url: s.url("/sign-in"), body: "key=" + guess + "&token=" + token, header: []string{"Content-Type", "application/x-www-form-urlencoded", "Cookie", cookie}}
	if status, _, text := ask(t, nil, sign); status != http.StatusUnprocessableEntity {
		t.Errorf("sign in: %d %.500s", status, text)
	}
	ask(t, nil, question{method: "GET", url: s.adminURL("/metrics"), header: []string{"Authorization", "Bearer " + guess}})
	_, _, metrics := ask(t, nil, question{method: "GET", url: s.adminURL("/metrics"), header: []string{"Authorization", "Bearer " + admin}})
	for _, want := range []string{`tracklayer_auth_failures_total{kind="key",listener="main"} 7`, `{kind="sign_in",listener="main"} 1`, `{kind="key",listener="admin"} 1`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s in the metrics", want)
		}
	}
	if out := s.out.String(); strings.Count(out, "wrong credentials") != 1 || strings.Contains(out, guess) {
		t.Errorf("the log: %s", out)
	}
}

// TestHangUpReadsKeysAgain: a key is replaced without a restart, and a broken file leaves everything as it was.
func TestHangUpReadsKeysAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys")
	put := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	first, second := drawKey(t), drawKey(t)
	put(first)
	s := start(t, "keys: {read_file: "+file+"}")
	get := func(key string) int {
		status, _, _ := ask(t, nil, question{method: "GET", url: s.url("/v1/experiments"), header: []string{"Authorization", "Bearer " + key}})
		return status
	}
	said := func(text string, n int) {
		t.Helper()
		for deadline := time.Now().Add(10 * time.Second); strings.Count(s.out.String(), text) < n; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("never said %q %d times", text, n)
			}
		}
	}
	if get(first) != 200 || get(second) != 403 {
		t.Fatal("the first key does not open")
	}
	put(second)
	s.hangUp()
	said("SIGHUP: keys and certificate were read again", 1)
	if get(first) != 403 || get(second) != 200 {
		t.Error("the second key does not open")
	}
	put("short")
	s.hangUp()
	said("SIGHUP: keys and certificate stay as they were", 1)
	if get(second) != 200 {
		t.Error("a broken file locked everyone out")
	}
}

// TestTheDataFolderIsPrivate: other users of the machine read nothing, in a folder that was there before either.
func TestTheDataFolderIsPrivate(t *testing.T) {
	s := start(t, "")
	check(t, []question{{"write", "POST", s.url("/v1/events"), exposure, nil, 202}})
	seen := 0
	err := filepath.WalkDir(filepath.Join(s.dir, "data"), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // compacted away meanwhile
		}
		if info, err := d.Info(); err == nil {
			seen++
			if info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s is %v", path, info.Mode())
			}
		}
		return nil
	})
	if err != nil || seen < 10 {
		t.Errorf("%d files, %v", seen, err)
	}
}
