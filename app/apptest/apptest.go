// Package apptest has what the tests of a whole program share: package app's own, and those of the command. It does not
// import app, so that app's tests can import it.
package apptest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tracklayer/tracklayer/config"
)

// Program is a program that was started.
type Program interface {
	Addr() string
	AdminAddr() string
}

// Config is the configuration of a program on free ports of this machine, with a data folder of its own.
func Config(t *testing.T, dir string, environ ...string) config.Config {
	t.Helper()
	cfg, _, err := config.Load([]string{"--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data-dir", dir}, environ, os.ReadFile)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// Clock is a clock that is off by some time.
type Clock struct{ Off atomic.Int64 }

// Now is the time that the clock shows.
func (c *Clock) Now() time.Time { return time.Now().Add(time.Duration(c.Off.Load())) }

// Fetch is the answer to a GET.
func Fetch(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// Send makes a request with a JSON body. Its answer must be JSON.
func Send(t *testing.T, method, url, body string) (int, map[string]any) {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer map[string]any
	if err := json.Unmarshal(text, &answer); err != nil {
		t.Fatalf("%s %s: %v: %s", method, url, err, text)
	}
	return resp.StatusCode, answer
}

// Gauge is the value of a metric without labels.
func Gauge(t *testing.T, p Program, name string) (value float64) {
	t.Helper()
	_, text := Fetch(t, "http://"+p.AdminAddr()+"/metrics")
	for line := range strings.Lines(text) {
		if _, err := fmt.Sscanf(line, name+" %g", &value); err == nil {
			return value
		}
	}
	t.Fatalf("no %s in the metrics", name)
	return 0
}

// Exposure is an event of one user, whose id is in it.
func Exposure(id string) string {
	return `{"event_name":"experiment_exposed","event_id":"e-` + id + `","experiment_id":"x","variant":"v","user_id":"` + id + `","exposed_at":"2026-11-20T10:00:00Z"}`
}

// Crowd is a person with three ids, of whom events were contested, repeated and rejected, among others.
const Crowd = `{"batch":[
 {"event_name":"experiment_exposed","event_id":"gone-e1","experiment_id":"x","variant":"a","user_id":"gone-user-77","anonymous_id":"gone-anon-77","exposed_at":"2026-11-20T10:00:00Z"},
 {"event_name":"experiment_converted","event_id":"gone-c1","conversion_event":"purchase","anonymous_id":"gone-anon-77","dedup_key":"gone-order","value":5,"currency":"EUR","converted_at":"2026-11-20T10:05:00Z"},
 {"event_name":"identity_linked","event_id":"gone-l1","user_id":"gone-user-77","previous_user_id":"gone-older-77","linked_at":"2026-11-20T10:06:00Z"},
 {"event_name":"experiment_exposed","event_id":"gone-e1","experiment_id":"x","variant":"b","user_id":"gone-user-77","exposed_at":"2026-11-20T10:00:00Z"},
 {"event_name":"experiment_exposed","event_id":"e2","experiment_id":"x","variant":"a","user_id":"stays-user","exposed_at":"2026-11-20T10:00:00Z"},
 {"event_name":"experiment_converted","event_id":"c2","conversion_event":"purchase","user_id":"stays-user","converted_at":"2026-11-20T11:00:00Z"},
 {"event_name":"experiment_exposed","event_id":"gone-bad","experiment_id":"x","user_id":"gone-user-77","exposed_at":"2026-11-20T10:00:00Z"}]}`
