package sums

import "github.com/tracklayer/tracklayer/registry"

// Listing is the ids of all experiments, each list in byte order.
type Listing struct {
	Declared   Table[struct{}]
	Undeclared Table[struct{}] // that events name and no definition does
	Archived   Table[struct{}] // of both kinds; they are in none of the other lists
}

// Listing returns the ids of all experiments. It costs nothing: every commit keeps it up to date.
func (v *View) Listing() Listing { return v.listing }

// ListingOf lists the experiments of a registry and those that events name.
func ListingOf(r registry.Registry, named Table[*Snapshot]) (l Listing) {
	for _, x := range r.All() {
		l.of(r, x.ID).Set(x.ID, struct{}{})
	}
	for id := range named.All() {
		l.Add(r, id)
	}
	return l
}

// of is the list that an id belongs in.
func (l *Listing) of(r registry.Registry, id string) *Table[struct{}] {
	if r.Archived(id) != nil {
		return &l.Archived
	}
	if _, declared := r.Get(id); declared {
		return &l.Declared
	}
	return &l.Undeclared
}

// Add takes in an experiment that events name.
func (l *Listing) Add(r registry.Registry, id string) { l.of(r, id).Set(id, struct{}{}) }

// Remove drops an experiment that no event names any more, unless it is declared.
func (l *Listing) Remove(r registry.Registry, id string) {
	if _, declared := r.Get(id); !declared {
		l.of(r, id).Remove(id)
	}
}

func (l *Listing) copied() Listing {
	return Listing{l.Declared.Copied(), l.Undeclared.Copied(), l.Archived.Copied()}
}

// Count is how many experiments there are, declared or named by events.
func (v *View) Count() int {
	return v.listing.Declared.Len() + v.listing.Undeclared.Len() + v.listing.Archived.Len()
}
