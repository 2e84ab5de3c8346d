package demo_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tracklayer/tracklayer/demo"
)

var now = time.Date(2026, 11, 20, 15, 30, 0, 0, time.UTC)

func TestTheSameSeedTellsTheSameStory(t *testing.T) {
	one, two, other := demo.New(1, now).History(now), demo.New(1, now).History(now), demo.New(2, now).History(now)
	if !reflect.DeepEqual(one, two) {
		t.Error("the same seed and moment gave two stories")
	}
	if reflect.DeepEqual(one, other) {
		t.Error("another seed gave the same story")
	}
}

// Every request can be sent: in order, in the past, in JSON, and by every tool.
func TestHistory(t *testing.T) {
	s := demo.New(1, now)
	paths := map[string]int{}
	last := s.Start().Add(-2 * time.Hour)
	for _, r := range s.History(now) {
		if r.At.Before(last) || r.At.After(now) {
			t.Fatalf("%s at %s comes after %s", r.Path, r.At, last)
		}
		last = r.At
		if !json.Valid(r.Body) || r.Header.Get("Content-Type") == "" {
			t.Fatalf("%s: %s", r.Path, r.Body)
		}
		part, _, _ := strings.Cut(strings.TrimPrefix(r.Path, "/webhooks/"), "/")
		if strings.HasPrefix(r.Path, "/v1/") {
			part = r.Path
		}
		paths[part]++
	}
	for _, part := range []string{"growthbook", "launchdarkly", "optimizely", "posthog", "statsig", "vwo", "/v1/events", "/v1/experiments", "/v1/experiments/free_shipping/end-early", "/v1/experiments/signup_form/decisions"} {
		if paths[part] == 0 {
			t.Errorf("nothing goes to %s", part)
		}
	}
}

func TestLiveGoesOn(t *testing.T) {
	s := demo.New(1, now)
	s.History(now)
	seen := map[string]bool{}
	for i := range 50 {
		at := now.Add(time.Duration(i) * time.Second)
		for _, r := range s.Live(at) {
			if !r.At.Equal(at) || !json.Valid(r.Body) {
				t.Fatalf("%+v", r)
			}
			if seen[string(r.Body)] {
				t.Fatalf("said twice: %s", r.Body)
			}
			seen[string(r.Body)] = true
		}
	}
	if len(seen) < 50 {
		t.Errorf("%d requests in 50 ticks", len(seen))
	}
}
