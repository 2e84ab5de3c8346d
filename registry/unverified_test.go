package registry_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/registry"
)

func declaredRunning(t *testing.T) registry.Registry {
	t.Helper()
	return applied(t, registry.Registry{}, strings.TrimSuffix(good, "}")+`,"revision":1,"runs":[{"run":1,"status":"running","started_at":null,"ended_at":null}]}`, 7)
}

// What anyone may have written is kept and does nothing, and does not hide what the vendor says under the same id.
func TestUnverifiedReportsAreNotes(t *testing.T) {
	const id = "checkout_headline_test"
	at := canonical.MinTime + 100*day
	r := declaredRunning(t)
	for range 2 { // the second is the same again
		r = told(t, r, canonical.Life{ID: "1", Kind: canonical.Stopped, At: at, ExperimentID: id, Unverified: true})
	}
	x, _ := r.Get(id)
	if n := r.Notes(id); x.Runs[0].Status != registry.Running || len(n) != 1 || n[0].Acted || !n[0].Unverified || n[0].Why == "" {
		t.Fatalf("forged: %+v %+v", x.Runs, n)
	}
	r = told(t, r, canonical.Life{ID: "1", Kind: canonical.Stopped, At: at, ExperimentID: id})
	x, _ = r.Get(id)
	if n := r.Notes(id); x.Runs[0].Status != registry.Stopped || len(n) != 2 || !n[1].Acted {
		t.Errorf("genuine, under the id of the forged one: %+v %+v", x.Runs, n)
	}
}

// Forged reports fill nothing: they take no other note's place, and past their bounds they change nothing at all.
func TestUnverifiedReportsAreBounded(t *testing.T) {
	const id = "checkout_headline_test"
	at := canonical.MinTime + 100*day
	r := declaredRunning(t)
	r = told(t, r, canonical.Life{ID: "genuine", Kind: canonical.Remarked, At: at, ExperimentID: id})
	for i := range 300 {
		r = told(t, r, canonical.Life{ID: fmt.Sprint(i), Kind: canonical.Stopped, At: at, ExperimentID: id, Text: fmt.Sprint("forged ", i), Unverified: true})
	}
	if n := r.Notes(id); len(n) != 21 || n[0].Unverified {
		t.Errorf("%d notes, the first %+v", len(n), n[0])
	}
	for i := range 1500 {
		r = told(t, r, canonical.Life{ID: fmt.Sprint(i), Kind: canonical.Stopped, At: at, ExperimentID: fmt.Sprint("junk-", i), Unverified: true})
	}
	if n := len(r.Noted()); n != 1000 {
		t.Errorf("%d experiments have notes", n)
	}
	revision := r.Revision
	if r = told(t, r, canonical.Life{ID: "more", Kind: canonical.Stopped, At: at, ExperimentID: "one more", Unverified: true}); r.Revision != revision {
		t.Error("a dropped report is another revision")
	}
	if r = told(t, r, canonical.Life{ID: "more", Kind: canonical.Stopped, At: at, ExperimentID: "one more"}); len(r.Notes("one more")) != 1 {
		t.Error("a genuine report finds no room")
	}
}

// Archiving hides, showing again undoes it, and a prefix holds for undeclared experiments only.
func TestArchives(t *testing.T) {
	const id = "checkout_headline_test"
	r := declaredRunning(t)
	archive := func(name string, prefix, archived bool, seq uint64) {
		t.Helper()
		a := registry.Archive{ExperimentID: name, Prefix: prefix, Archived: archived, At: canonical.MinTime, By: "ana"}
		if _, err := r.Archiving(a); err != nil {
			t.Fatal(err)
		}
		revision := r.Revision
		r = applied(t, r, string(a.AppendJSON(nil)), seq)
		if r.Revision != revision+1 {
			t.Errorf("revision %d", r.Revision)
		}
	}
	hidden := func(want string, ids ...string) {
		t.Helper()
		got := ""
		for _, one := range ids {
			if r.Archived(one) != nil {
				got += one + " "
			}
		}
		if strings.TrimSpace(got) != want {
			t.Errorf("hidden are %s, not %s", got, want)
		}
	}
	all := []string{id, "checkout_x", "junk-1", "junk-2", "other"}
	hidden("", all...)
	archive("junk-", true, true, 8)
	archive("checkout", true, true, 9)
	hidden("checkout_x junk-1 junk-2", all...)
	archive("junk-2", false, false, 10)
	archive(id, false, true, 11)
	hidden(id+" checkout_x junk-1", all...)
	if after, err := r.Archiving(registry.Archive{ExperimentID: "junk-", Prefix: true}); after != 8 || err != nil {
		t.Errorf("the change before is %d, %v", after, err)
	}
	archive("junk-", true, false, 12)
	archive(id, false, false, 13)
	hidden("checkout_x", all...)
	if p := r.ArchivedPrefixes(); len(p) != 1 || p[0].ExperimentID != "checkout" {
		t.Errorf("prefixes %+v", p)
	}
	if x, _ := r.Get(id); x.Revision != 1 {
		t.Error("archiving changed the definition")
	}
	for _, bad := range []string{`{"archive":{"experiment_id":"","archived":true}}`, `{"archive":{"experiment_id":"x","changed_by":"a\u0000b"}}`} {
		if _, _, err := r.Apply([]byte(bad), 14); err == nil {
			t.Errorf("took %s", bad)
		}
	}
}
