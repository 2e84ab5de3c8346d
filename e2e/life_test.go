package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestLifeOfAnExperiment walks an experiment through its life over HTTP, with a restart of the process in the middle.
func TestLifeOfAnExperiment(t *testing.T) {
	s := serve(t)
	must := func(want int, method, path, body string, header ...string) string {
		t.Helper()
		req, err := http.NewRequest(method, s.url(path), strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		for i := 0; i+1 < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		status, _, text := s.do(req)
		if status != want {
			t.Fatalf("%s %s: %d, want %d: %s", method, path, status, want, text)
		}
		return text
	}
	see := func(user, variant, at string) {
		t.Helper()
		must(http.StatusAccepted, http.MethodPost, "/v1/events", fmt.Sprintf(
			`{"event_name":"experiment_exposed","event_id":"%s-%s","experiment_id":"x","variant":"%s","user_id":"%s","exposed_at":"%s"}`, user, at, variant, user, at))
	}
	const path = "/v1/experiments/x"
	must(http.StatusCreated, http.MethodPost, "/v1/experiments", `{"id":"x","status":"draft","variants":[{"key":"a"},{"key":"b"}],"metrics":[{"type":"proportion","event":"purchase"}]}`)
	must(http.StatusConflict, http.MethodPost, path+"/stop", `{}`)
	must(http.StatusOK, http.MethodPost, path+"/start", `{"started_at":"2026-11-01T00:00:00Z","by":"growth"}`)
	see("u-1", "a", "2026-11-02T00:00:00Z")
	see("u-2", "b", "2026-11-12T00:00:00Z")
	must(http.StatusOK, http.MethodPost, path+"/stop", `{"ended_at":"2026-11-10T00:00:00Z"}`)
	must(http.StatusOK, http.MethodPost, path+"/start", `{"started_at":"2026-11-11T00:00:00Z"}`)
	must(http.StatusPreconditionRequired, http.MethodPatch, path, `{"name":"X"}`)
	must(http.StatusPreconditionFailed, http.MethodPatch, path, `{"name":"X"}`, "If-Match", `"1"`)
	must(http.StatusOK, http.MethodPatch, path, `{"name":"X"}`, "If-Match", `"4"`)
	s.stop()
	s.start()
	see("u-3", "b", "2026-11-13T00:00:00Z")
	seq := s.lastSeq()
	if first := must(http.StatusOK, http.MethodGet, fmt.Sprintf("%s/readout?run=1&min_seq=%d&wait=10s", path, seq), ""); !strings.Contains(first, `{"variant":"a","exposed_users":1,`) || !strings.Contains(first, `{"variant":"b","exposed_users":0,`) {
		t.Errorf("run 1: %s", first)
	}
	if r := s.readout("x", seq); r.exposed("a") != 0 || r.exposed("b") != 2 || r.Status != "running" {
		t.Errorf("run 2: %+v", r)
	}
	must(http.StatusOK, http.MethodPost, path+"/end-early", `{"reason":"pricing incident","by":"oncall"}`)
	if r := s.readout("x", s.lastSeq()); r.Decision.Status != "ended_early" || r.exposed("b") != 2 {
		t.Errorf("ended early: %+v", r)
	}
	must(http.StatusOK, http.MethodDelete, path+"/end-early", ``)
	if r := s.readout("x", s.lastSeq()); r.Decision.Status != "collecting" {
		t.Errorf("taken back: %+v", r)
	}
	if revisions := must(http.StatusOK, http.MethodGet, path+"/revisions", ""); !strings.Contains(revisions, `"revision":7,`) || !strings.Contains(revisions, "growth") {
		t.Errorf("revisions: %s", revisions)
	}
}
