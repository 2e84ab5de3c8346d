package core_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/tracklayer/tracklayer/core/sums"
)

func TestAfter(t *testing.T) {
	ids := []string{"a", "b-1", "b-2", "b-3", "c"}
	var table sums.Table[struct{}]
	for _, i := range []int{3, 0, 4, 2, 1} {
		table.Set(ids[i], struct{}{})
	}
	for _, c := range []struct {
		prefix, after string
		limit         int
		want          []string
		more          bool
	}{
		{"", "", 9, ids, false},
		{"", "", 5, ids, false},
		{"", "", 2, ids[:2], true},
		{"", "b-1", 2, ids[2:4], true},
		{"", "b-15", 9, ids[2:], false},
		{"", "c", 9, nil, false},
		{"", "z", 1, nil, false},
		{"b", "", 9, ids[1:4], false},
		{"b", "", 2, ids[1:3], true},
		{"b", "b-2", 2, ids[3:4], false},
		{"b", "a", 3, ids[1:4], false},
		{"b", "c", 3, nil, false},
		{"x", "", 3, nil, false},
		{"b-", "", 0, nil, true},
	} {
		got, more := table.After(c.prefix, c.after, c.limit)
		if !slices.Equal(got, c.want) || more != c.more {
			t.Errorf("After(%q, %q, %d) = %v, %v", c.prefix, c.after, c.limit, got, more)
		}
	}
	if got, more := (sums.Table[struct{}]{}).After("", "", 3); len(got) != 0 || more {
		t.Error(fmt.Sprint(got, more))
	}
}
