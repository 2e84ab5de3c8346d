package sums

import (
	"encoding/json"
	"iter"
	"strings"

	"github.com/tidwall/btree"
)

// Table is a map in byte order of its keys that can be copied at the cost of a pointer: copies share their nodes, and a
// write copies only the nodes on the way to its entry. The zero Table is empty. A Table that was handed out is never
// written to, so it is safe for concurrent use.
type Table[V any] struct{ entries *btree.Map[string, V] }

// Len is the number of entries.
func (t Table[V]) Len() int {
	if t.entries == nil {
		return 0
	}
	return t.entries.Len()
}

// IsZero reports whether the table is empty, for encoding/json.
func (t Table[V]) IsZero() bool { return t.Len() == 0 }

// Get returns the value under the key, and whether there is one.
func (t Table[V]) Get(key string) (value V, found bool) {
	if t.entries == nil {
		return value, false
	}
	return t.entries.Get(key)
}

// All iterates over the entries in byte order of the keys.
func (t Table[V]) All() iter.Seq2[string, V] { return t.From("") }

// From iterates over the entries from the first key on that is not before the given one.
func (t Table[V]) From(key string) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		if t.entries != nil {
			t.entries.Ascend(key, yield)
		}
	}
}

// Keys returns all keys in byte order.
func (t Table[V]) Keys() []string {
	if t.entries == nil {
		return nil
	}
	return t.entries.Keys()
}

// After returns the keys that begin with the prefix and come after a key, at most limit of them, and whether there are
// more. after "" stands for the beginning.
func (t Table[V]) After(prefix, after string, limit int) (keys []string, more bool) {
	for key := range t.From(max(prefix, after)) {
		switch {
		case !strings.HasPrefix(key, prefix):
			return keys, false
		case key == after && after != "":
			continue
		case len(keys) == limit:
			return keys, true
		}
		keys = append(keys, key)
	}
	return keys, false
}

// MarshalJSON writes an object.
func (t Table[V]) MarshalJSON() ([]byte, error) {
	all := make(map[string]V, t.Len())
	for key, value := range t.All() {
		all[key] = value
	}
	return json.Marshal(all)
}

// UnmarshalJSON reads an object.
func (t *Table[V]) UnmarshalJSON(data []byte) error {
	var all map[string]V
	if err := json.Unmarshal(data, &all); err != nil {
		return err
	}
	*t = Table[V]{}
	for key, value := range all {
		t.Set(key, value)
	}
	return nil
}

// Copied returns a table with the same entries that is written to apart from t.
func (t Table[V]) Copied() Table[V] {
	if t.entries == nil {
		return t
	}
	return Table[V]{t.entries.Copy()}
}

// Set puts a value under the key. The table must not have been handed out.
func (t *Table[V]) Set(key string, value V) {
	if t.entries == nil {
		t.entries = &btree.Map[string, V]{}
	}
	t.entries.Set(key, value)
}

// Remove drops the entry of a key. The table must not have been handed out.
func (t *Table[V]) Remove(key string) {
	if t.entries != nil {
		t.entries.Delete(key)
	}
}

// addTo adds to a counter of a table and leaves no zero behind, so that equal sums are equal tables.
func addTo(t *Table[int64], key string, n int64) {
	was, _ := t.Get(key)
	if was+n == 0 {
		t.Remove(key)
		return
	}
	t.Set(key, was+n)
}
