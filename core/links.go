package core

import (
	"slices"

	"github.com/tracklayer/tracklayer/canonical"
)

// UnitRef is one id as it is given out.
type UnitRef struct {
	Kind string `json:"unit_kind"`
	ID   string `json:"id"`
}

func refOf(u canonical.Unit) UnitRef { return UnitRef{u.Kind.String(), u.ID} }

// Report is the earliest event that says something of two ids.
type Report struct {
	EventID string         `json:"event_id"`
	Source  string         `json:"source"`
	At      canonical.Time `json:"at"`
}

// TracedUnit is one id of a person and what it depends on.
type TracedUnit struct {
	UnitRef
	Link *Tie `json:"link"` // nil: the key itself
	// Refused are users to whom the anonymous id was linked later, which merged no one: the earliest report of each.
	Refused []Tie `json:"refused_links,omitempty"`
}

// Tie says that an id is the same person as another one.
type Tie struct {
	// How is "link": an anonymous id of a user; "merge": two user ids of one person; "same_id": events that do not say
	// whose the id is, and others that name it as a user's.
	How  string  `json:"how"`
	With UnitRef `json:"with"`
	Report
}

const (
	howLink  = "link"
	howMerge = "merge"
	howSame  = "same_id"
)

// links are the users that an anonymous id is linked to, in byte order, each with the earliest report that holds.
func (r *reader) links(owner ownerRecord, id string) (ties []Tie, err error) {
	if !owner.unlinked {
		return r.edges(keyOwnerEdge, howLink, id)
	}
	prefix := edgeKey(keyOwnerEdge, id, "")
	var until canonical.Time
	last := ""
	err = eachRecord(r.db.Scan(prefix), func(key, _ []byte) error {
		other := edgeOther(key, len(prefix))
		m := momentFrom(key[len(prefix)+len(other)+1:])
		if other != last {
			last = other
			if until, err = r.unlinkedUntil(id, other); err != nil {
				return err
			}
		}
		if n := len(ties); m.At <= until || n > 0 && ties[n-1].With.ID == other {
			return nil
		}
		ties = append(ties, Tie{howLink, refOf(canonical.Unit{Kind: canonical.User, ID: other}), Report{m.ID, m.Source, m.At}})
		return nil
	})
	return ties, err
}

// edges are the other ends of a unit's reports in byte order, each with its earliest report.
func (r *reader) edges(kind byte, how, id string) ([]Tie, error) {
	prefix := edgeKey(kind, id, "")
	var ties []Tie
	err := eachRecord(r.db.Scan(prefix), func(key, _ []byte) error {
		other := edgeOther(key, len(prefix))
		if n := len(ties); n > 0 && ties[n-1].With.ID == other {
			return nil // the key orders a pair's reports by time
		}
		m := momentFrom(key[len(prefix)+len(other)+1:])
		ties = append(ties, Tie{how, refOf(canonical.Unit{Kind: canonical.User, ID: other}), Report{m.ID, m.Source, m.At}})
		return nil
	})
	return ties, err
}

// tracedUnits finds for every id of a person what it depends on: an anonymous id on its owner, a user id on the next one
// on the shortest way to the person's key.
func (r *reader) tracedUnits(units []canonical.Unit) ([]TracedUnit, error) {
	merges, err := r.mergeTree(units)
	if err != nil {
		return nil, err
	}
	traced := make([]TracedUnit, 0, len(units))
	for _, u := range units {
		one := TracedUnit{UnitRef: refOf(u)}
		if tie, ok := merges[u.ID]; ok && u.Kind == canonical.User {
			one.Link = &tie
		}
		if u.Kind == canonical.Anonymous {
			owner, err := r.owner(u.ID)
			if err != nil {
				return nil, err
			}
			ties, err := r.links(owner, u.ID)
			if err != nil {
				return nil, err
			}
			if owner.ambiguous && owner.identified {
				one.Link = &Tie{How: howSame, With: refOf(canonical.Unit{Kind: canonical.User, ID: u.ID})}
			}
			for _, tie := range ties {
				switch {
				case tie.With.ID == u.ID:
				case tie.With.ID == owner.owner(u.ID) && one.Link == nil:
					one.Link = &tie
				default:
					one.Refused = append(one.Refused, tie)
				}
			}
		}
		traced = append(traced, one)
	}
	return traced, nil
}

// mergeTree walks over the merges from the person's key and keeps for every other user id the report that led to it.
func (r *reader) mergeTree(units []canonical.Unit) (map[string]Tie, error) {
	tree := map[string]Tie{}
	users := slices.IndexFunc(units, func(u canonical.Unit) bool { return u.Kind != canonical.User })
	if users == 0 || users == 1 || len(units) == 1 {
		return tree, nil // none, or one that nothing else is needed for
	}
	key := units[0].ID
	for queue := []string{key}; len(queue) > 0; queue = queue[1:] {
		ties, err := r.edges(keyMerge, howMerge, queue[0])
		if err != nil {
			return nil, err
		}
		for _, tie := range ties {
			id := tie.With.ID
			if _, known := tree[id]; known || id == key {
				continue
			}
			tie.With = refOf(canonical.Unit{Kind: canonical.User, ID: queue[0]})
			tree[id] = tie
			queue = append(queue, id)
		}
	}
	return tree, nil
}

// userOf finds the user id that a unit stands for: itself, or an anonymous id's owner, "" where it has none.
func (r *reader) userOf(u canonical.Unit) (string, error) {
	if u.Kind == canonical.User {
		return u.ID, nil
	}
	owner, err := r.owner(u.ID)
	return owner.owner(u.ID), err
}
