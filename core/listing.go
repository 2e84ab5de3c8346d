package core

import (
	"slices"
	"strings"
	"sync"
)

// Listing is the ids of all experiments, each list in byte order.
type Listing struct {
	Declared   []string
	Undeclared []string // that events name and no definition does
	Archived   []string // of both kinds; they are in none of the other lists
}

// Lister keeps the Listing of the newest View. It is made again only if the experiments are other ones, so that a list of
// very many costs what it shows. The zero Lister is empty. It is safe for concurrent use.
type Lister struct {
	mu       sync.Mutex
	view     *View
	listing  *Listing
	named    int // experiments that events name
	revision int // of the registry
}

// Of is the Listing of a View, which is not to be written to.
func (l *Lister) Of(v *View) *Listing {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.view == v {
		return l.listing
	}
	if l.listing == nil || l.named != len(v.snapshots) || l.revision != v.Registry.Revision || !l.holds(v) {
		l.listing = listingOf(v)
	}
	l.view, l.named, l.revision = v, len(v.snapshots), v.Registry.Revision
	return l.listing
}

// holds reports whether the View, which has as many experiments as the listing, has those of it.
func (l *Lister) holds(v *View) bool {
	known := 0
	for _, list := range [][]string{l.listing.Declared, l.listing.Undeclared, l.listing.Archived} {
		for _, id := range list {
			if _, ok := v.snapshots[id]; ok {
				known++
			}
		}
	}
	return known == len(v.snapshots)
}

func listingOf(v *View) *Listing {
	l := &Listing{}
	for _, x := range v.Registry.All() {
		list := &l.Declared
		if v.Registry.Archived(x.ID) != nil {
			list = &l.Archived
		}
		*list = append(*list, x.ID)
	}
	for id := range v.snapshots {
		if _, declared := v.Registry.Get(id); declared {
			continue
		}
		list := &l.Undeclared
		if v.Registry.Archived(id) != nil {
			list = &l.Archived
		}
		*list = append(*list, id)
	}
	slices.Sort(l.Undeclared)
	slices.Sort(l.Archived)
	return l
}

// Count is how many experiments there are, declared or named by events.
func (v *View) Count() int {
	n := len(v.snapshots)
	for _, x := range v.Registry.All() {
		if _, named := v.snapshots[x.ID]; !named {
			n++
		}
	}
	return n
}

// After is the part of a sorted list of ids that begins with the prefix, behind an id: at most limit of them, and whether
// there are more. "" stands for the beginning.
func After(ids []string, prefix, after string, limit int) (some []string, more bool) {
	from, _ := slices.BinarySearch(ids, prefix)
	if at, found := slices.BinarySearch(ids, after); after != "" {
		if found {
			at++
		}
		from = max(from, at)
	}
	some = ids[from:]
	for i, id := range some[:min(limit, len(some))] {
		if !strings.HasPrefix(id, prefix) {
			return some[:i], false
		}
	}
	if len(some) <= limit {
		return some, false
	}
	return some[:limit], strings.HasPrefix(some[limit], prefix)
}
