package web

import (
	"encoding/json"
	"slices"
	"testing"
)

// A reader who follows the cursors sees every id once, whatever the size of the page.
func TestPagesMeet(t *testing.T) {
	parts := []part{{mark: inDeclared}, {mark: inUndeclared}}
	for i, ids := range []string{`{"a":{},"b":{},"c":{}}`, `{"aa":{},"ab":{},"ba":{},"z":{}}`} {
		if err := json.Unmarshal([]byte(ids), &parts[i].ids); err != nil {
			t.Fatal(err)
		}
	}
	for limit := 1; limit <= 8; limit++ {
		for prefix, want := range map[string][]string{"": {"a", "b", "c", "aa", "ab", "ba", "z"}, "a": {"a", "aa", "ab"}, "b": {"b", "ba"}, "z": {"z"}, "x": nil} {
			var got []string
			page := paging{limit: limit}
			for n := 0; ; n++ {
				ids, next, ok := page.of(parts, prefix)
				if !ok || len(ids) > limit || n > 20 || next != "" && len(ids) == 0 {
					t.Fatalf("limit %d, prefix %q, after %q: %v, next %q, %v", limit, prefix, page.after, ids, next, ok)
				}
				got = append(got, ids...)
				if page.after = next; next == "" {
					break
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("limit %d, prefix %q: %v", limit, prefix, got)
			}
		}
	}
	for _, cursor := range []string{"x", "a/b", "d"} {
		if _, _, ok := (paging{limit: 1, after: cursor}).of(parts, ""); ok {
			t.Errorf("took the cursor %q", cursor)
		}
	}
}
