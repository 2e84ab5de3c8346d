package main

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tracklayer/tracklayer/app"
	"github.com/tracklayer/tracklayer/app/apptest"
	"github.com/tracklayer/tracklayer/registry"
)

// tell is the life of an experiment, with a restart in its middle.
func tell(t *testing.T, dir string, environ ...string) (*app.Program, *apptest.Story) {
	p := begin(t, dir, environ...)
	s := apptest.NewStory(t, p)
	const definition = `{"id":"checkout","variants":[{"key":"a"},{"key":"b"}],"control":"a","metrics":[
		{"id":"purchase","role":"primary","type":"proportion","event":"purchase","window":"4h"},{"id":"revenue","role":"secondary","type":"sum","event":"purchase","field":"value"}]}`
	const experiment = "/v1/experiments/checkout"
	s.Happen(0, 12, 1) // it is not declared yet
	s.Send(http.MethodPost, "/v1/experiments", "application/json", definition)
	s.Look()
	s.Happen(12, 30, 2)
	s.Happen(42, 30, 5) // too late for the metric's window
	patch := func(body string) {
		t.Helper()
		s.Send(http.MethodPatch, experiment, "application/merge-patch+json", body)
		s.Look()
	}
	patch(`{"variants":[{"key":"a"},{"key":"b","aliases":{"api":["beta"]}}]}`)
	stop(t, p)
	p = begin(t, dir, environ...)
	s.Program = p
	s.Look()
	s.Happen(72, 30, 3)
	patch(`{"metrics":[{"id":"purchase","role":"primary","type":"proportion","event":"purchase","window":"8h"}]}`)
	s.Happen(102, 30, 4)
	s.Send(http.MethodPost, experiment+"/end-early", "application/json", `{"reason":"incident","by":"t"}`)
	s.Look()
	s.Happen(132, 10, 1)
	s.Send(http.MethodPost, experiment+"/readouts", "application/json", `{"by":"t","note":"for the minutes"}`)
	s.Look()
	s.Send(http.MethodPost, experiment+"/decisions", "application/json", `{"variant":null,"why":"it broke","by":"t"}`)
	s.Look()
	s.Happen(142, 6, 1)
	return p, s
}

// official is the list of stored readouts, each of which it fetches and compares with what was said when it was stored.
func official(s *apptest.Story, when string) string {
	s.Helper()
	base := "http://" + s.Addr() + "/v1/experiments/checkout"
	_, list := apptest.Fetch(s.T, base+"/readouts")
	var kept struct{ Readouts []registry.Official }
	if err := json.Unmarshal([]byte(list), &kept); err != nil || len(kept.Readouts) != 2 {
		s.Fatalf("%s: %v %s", when, err, list)
	}
	for _, o := range kept.Readouts {
		if _, text := apptest.Fetch(s.T, base+"/readouts/"+o.SHA256); text != s.Said[o.AsOf.StreamSeq] {
			s.Errorf("%s: the stored readout as of %d is %s", when, o.AsOf.StreamSeq, text)
		}
	}
	if _, text := apptest.Fetch(s.T, base); !strings.Contains(text, `"readout_sha256":"`+kept.Readouts[0].SHA256) {
		s.Errorf("%s: the decision does not name its readout: %s", when, text)
	}
	return list
}

// copies are the sequences of the copies on disk.
func copies(t *testing.T, dir string) (all []uint64) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, "history"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for _, e := range entries {
		if seq, err := strconv.ParseUint(e.Name(), 10, 64); err == nil {
			all = append(all, seq)
		}
	}
	slices.Sort(all)
	return all
}

// TestThePastStaysAsItWas: what a readout said at a sequence it says again, to the byte, from the log alone and with the
// help of copies, after a restart and after a rebuild.
func TestThePastStaysAsItWas(t *testing.T) {
	for name, environ := range map[string][]string{
		"log":    {"TRACKLAYER_HISTORY_KEEP=0"},
		"copies": {"TRACKLAYER_HISTORY_KEEP=3", "TRACKLAYER_HISTORY_EVERY=20"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			p, s := tell(t, dir, environ...)
			if len(s.Said) < 10 {
				t.Fatalf("only %d readouts to compare", len(s.Said))
			}
			for name == "copies" && len(copies(t, dir)) == 0 {
				time.Sleep(time.Millisecond) // until one was made; a test that never ends fails as one
			}
			s.Remember("while it runs")
			kept := official(s, "while it runs")
			status, text := apptest.Fetch(t, "http://"+s.Addr()+"/v1/experiments/checkout/readout?at_seq=0")
			if status != http.StatusNotFound {
				t.Errorf("before everything: %d %s", status, text)
			}
			var out, errs bytes.Buffer
			first := slices.Min(slices.Collect(maps.Keys(s.Said)))
			command := []string{"readout", "checkout", "--json", "--server", "http://" + s.Addr(), "--at-seq", strconv.FormatUint(first, 10)}
			if code := run(t.Context(), command, streams{nil, &out, &errs}, nil); code != 0 || out.String() != s.Said[first] {
				t.Errorf("the command says %s%s", &out, &errs)
			}
			stop(t, p)
			if n := len(copies(t, dir)); name == "log" && n > 0 || name == "copies" && (n == 0 || n > 3) {
				t.Errorf("%d copies", n)
			}
			p = begin(t, dir, environ...)
			s.Program = p
			s.Remember("after a restart")
			stop(t, p)
			if code := run(t.Context(), []string{"rebuild", "--data-dir", dir}, streams{nil, &out, &errs}, nil); code != 0 {
				t.Fatal(errs.String())
			}
			if n := len(copies(t, dir)); n > 0 {
				t.Errorf("a rebuild leaves %d copies of the old state", n)
			}
			p = begin(t, dir, environ...)
			s.Program = p
			s.Remember("after a rebuild")
			if again := official(s, "after a rebuild"); again != kept {
				t.Errorf("a rebuild makes of %s %s", kept, again)
			}
			stop(t, p)
		})
	}
}
