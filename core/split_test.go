package core_test

import (
	"encoding/json"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/store"
)

// TestFoldsOfDisjointPersonsAddUp: whoever gives each of several folds all definitions and the events of some of the
// persons, and adds up what they count, has what one fold counts of all. Persons are disjoint where no event names ids of
// two of them: who owns a shared device is a matter of all its links.
func TestFoldsOfDisjointPersonsAddUp(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		records := declaredHistory(rt)
		for i := range records { // two bodies under one id may be of two persons, and belong together all the same
			if records[i].Definition == nil {
				records[i].Event.ID = strconv.Itoa(i)
			}
		}
		folds := rapid.IntRange(2, 4).Draw(rt, "folds")
		of := apart(records, folds)
		sum := map[string]any{}
		for n := range folds {
			var part []canonical.Record
			for i, r := range records {
				if r.Definition != nil || of[i] == n {
					part = append(part, r)
				}
			}
			sum, _ = addUp(rt, sum, leaves(rt, part)).(map[string]any) // nil: nothing was counted
		}
		got, want := indent(rt, sum), indent(rt, addUp(rt, nil, leaves(rt, records)))
		if got != want {
			rt.Fatalf("the parts differ from the whole: %s\nafter\n%s", differ(got, want), tell(records))
		}
	})
}

// apart deals the events out so that no id is named by events of two parts.
func apart(records []canonical.Record, parts int) []int {
	leader := map[string]string{}
	find := func(id string) string {
		for leader[id] != "" && leader[id] != id {
			id = leader[id]
		}
		return id
	}
	ids := func(e *canonical.Event) (all []string) {
		for _, id := range []string{e.UserID, e.AnonymousID, e.PreviousUserID} { // an ambiguous id is of both spaces
			if id != "" {
				all = append(all, id)
			}
		}
		return all
	}
	for i := range records {
		for _, id := range ids(&records[i].Event) {
			if a, b := find(ids(&records[i].Event)[0]), find(id); a != b {
				leader[a] = b
			}
		}
	}
	part, of := map[string]int{}, make([]int, len(records))
	for i := range records {
		if records[i].Definition != nil {
			continue
		}
		first := find(ids(&records[i].Event)[0])
		if _, known := part[first]; !known {
			part[first] = len(part) % parts
		}
		of[i] = part[first]
	}
	return of
}

// numbers finds the numbers in a line of sums.
var numbers = regexp.MustCompile(`-?[0-9]+`)

// leaves is what a fold counts, as maps down to numbers; an array is a map by index, and a line of sums is a map by the
// numbers' places in it.
func leaves(t fataler, records []canonical.Record) any {
	db := openStore(t, store.NewDisk())
	defer db.Close()
	f := openFold(t, db)
	fold(t, f, records, all)
	v := f.View()
	tree := map[string]any{"link_conflicts": big.NewInt(v.LinkConflicts)}
	for _, id := range v.Experiments() {
		s, _ := v.Experiment(id)
		raw, err := json.Marshal(s.Aggregate)
		if err != nil {
			t.Fatal(err)
		}
		var counts any
		d := json.NewDecoder(strings.NewReader(string(raw)))
		d.UseNumber()
		if err := d.Decode(&counts); err != nil {
			t.Fatal(err)
		}
		tree[id] = map[string]any{"counts": counts, "metrics": sumsOf(s.Aggregate)}
	}
	return tree
}

func sumsOf(a *sums.Aggregate) map[string]any {
	tree := map[string]any{}
	for _, line := range a.Lines() {
		at := strings.LastIndex(line, ":")
		tree[line[:at]] = numbers.FindAllString(line[at:], -1)
	}
	return tree
}

// addUp adds two trees. What is zero is left out, as it is in the aggregates.
func addUp(t fataler, a, b any) any {
	switch b := b.(type) {
	case nil:
		return a
	case map[string]any:
		sum, _ := a.(map[string]any)
		if sum == nil {
			sum = map[string]any{}
		}
		for k, v := range b {
			if s := addUp(t, sum[k], v); s != nil {
				sum[k] = s
			} else {
				delete(sum, k)
			}
		}
		if len(sum) == 0 {
			return nil
		}
		return sum
	case []any:
		by := map[string]any{}
		for i, v := range b {
			by[strconv.Itoa(i)] = v
		}
		return addUp(t, a, by)
	case []string:
		by := map[string]any{}
		for i, v := range b {
			by[strconv.Itoa(i)] = json.Number(v)
		}
		return addUp(t, a, by)
	case json.Number:
		n, ok := new(big.Int).SetString(b.String(), 10)
		if !ok {
			t.Fatal(fmt.Sprintf("%s is no whole number", b))
		}
		return addUp(t, a, n)
	case *big.Int:
		n := new(big.Int).Set(b)
		if was, ok := a.(*big.Int); ok {
			n.Add(n, was)
		}
		if n.Sign() == 0 {
			return nil
		}
		return n
	}
	t.Fatal(fmt.Sprintf("a leaf that is no number: %v", b))
	return nil
}
