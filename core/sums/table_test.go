package sums_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/tracklayer/tracklayer/core/sums"
)

// TestTable: a table holds what a map holds, in order, and what was handed out stays as it is.
func TestTable(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var table sums.Table[int]
		var handed []sums.Table[int]
		var then []map[string]int
		now := map[string]int{}
		for range rapid.IntRange(0, 300).Draw(rt, "steps") {
			key := strconv.Itoa(rapid.IntRange(0, 200).Draw(rt, "key"))
			switch rapid.IntRange(0, 5).Draw(rt, "what") {
			case 0:
				handed, then = append(handed, table.Copied()), append(then, maps.Clone(now))
			case 1, 2:
				table.Remove(key)
				delete(now, key)
			default:
				table.Set(key, len(now))
				now[key] = len(now)
			}
		}
		for i, one := range append(handed, table) {
			want := append(then, now)[i]
			if got := maps.Collect(one.All()); !maps.Equal(got, want) || one.Len() != len(want) {
				rt.Fatalf("%d: %v, want %v", i, got, want)
			}
			if keys := slices.Sorted(maps.Keys(want)); !slices.Equal(one.Keys(), keys) {
				rt.Fatalf("%d: keys %v, want %v", i, one.Keys(), keys)
			}
			raw, err := json.Marshal(one)
			var again sums.Table[int]
			if err != nil || json.Unmarshal(raw, &again) != nil || !maps.Equal(maps.Collect(again.All()), want) {
				rt.Fatalf("%d: %v %s", i, err, raw)
			}
		}
	})
}
