package registry

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tracklayer/tracklayer/canonical"
)

// Archive is what the log keeps of one change of what lists show: an archived experiment is hidden from them. Nothing of
// it is deleted, and its events go on being counted.
type Archive struct {
	ExperimentID string         `json:"experiment_id"`
	Prefix       bool           `json:"prefix,omitempty"` // all undeclared experiments whose ids begin with ExperimentID
	Archived     bool           `json:"archived"`         // false: shown again
	At           canonical.Time `json:"changed_at"`
	By           string         `json:"changed_by,omitempty"`
	Key          string         `json:"key,omitempty"` // fingerprint of the key that it was made with
}

// maxArchives is how many experiments and prefixes can have been archived.
const maxArchives = 10_000

// archived is a change with its place on the log.
type archived struct {
	Archive
	seq uint64
}

// archives are the newest changes, exact ones apart from prefixes.
type archives struct {
	exact  map[string]archived
	prefix map[string]archived
}

func (a *archives) of(prefix bool) *map[string]archived {
	if prefix {
		return &a.prefix
	}
	return &a.exact
}

// Check says what is wrong with a change.
func (a *Archive) Check() error {
	var c checker
	c.by(a.By)
	c.that(a.ExperimentID != "" && len(a.ExperimentID) <= 200, "/experiment_id", "must be 1 to 200 bytes")
	return c.done()
}

// AppendJSON writes the change as it is stored on the log, below a member that tells it from a definition.
func (a *Archive) AppendJSON(dst []byte) []byte {
	text, err := json.Marshal(struct {
		Archive *Archive `json:"archive"`
	}{a})
	if err != nil { // texts, times and flags are always JSON
		panic(fmt.Sprintf("archive: %v", err))
	}
	return append(dst, text...)
}

// Archiving is the change that hides an experiment, or a prefix, or shows it again, and the sequence of the one before it,
// 0 for none. It fails with Refused if too many were archived.
func (r Registry) Archiving(a Archive) (after uint64, err error) {
	if err := a.Check(); err != nil {
		return 0, err
	}
	before, known := (*r.archives.of(a.Prefix))[a.ExperimentID]
	if !known && len(r.archives.exact)+len(r.archives.prefix) >= maxArchives {
		return 0, Refused(fmt.Sprintf("%d experiments and prefixes were archived already, which is the most. Archive undeclared experiments together, by a prefix of their ids.", maxArchives))
	}
	return before.seq, nil
}

// archive applies a change.
func (r Registry) archive(a Archive, seq uint64) (Registry, error) {
	if err := a.Check(); err != nil {
		return r, err
	}
	next := r
	list := next.archives.of(a.Prefix)
	if *list = maps.Clone(*list); *list == nil {
		*list = map[string]archived{}
	}
	(*list)[a.ExperimentID] = archived{a, seq}
	next.Revision++
	return next, nil
}

// Archived is the change by which an experiment is hidden, nil if it is not. What was said of the experiment itself goes
// before a prefix, and a prefix holds for undeclared experiments only.
func (r Registry) Archived(id string) *Archive {
	if one, known := r.archives.exact[id]; known {
		if one.Archived {
			return &one.Archive
		}
		return nil
	}
	if _, declared := r.Get(id); declared || len(r.archives.prefix) == 0 {
		return nil
	}
	for at := len(id); at > 0; at-- {
		if one, known := r.archives.prefix[id[:at]]; known && one.Archived {
			return &one.Archive
		}
	}
	return nil
}

// ArchivedPrefixes are the prefixes by which undeclared experiments are hidden, in byte order.
func (r Registry) ArchivedPrefixes() []Archive {
	var all []Archive
	for _, one := range r.archives.prefix {
		if one.Archived {
			all = append(all, one.Archive)
		}
	}
	slices.SortFunc(all, func(a, b Archive) int { return strings.Compare(a.ExperimentID, b.ExperimentID) })
	return all
}
