package core

import (
	"encoding/binary"
	"maps"
	"slices"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/registry"
)

// define applies a change of the registry and recomputes every person that it may concern: who takes part in the
// experiment, and whose events name one that they did not name before. A change that cannot be applied is counted: the
// log holds it for ever, and stopping would not help.
func (f *Fold) define(r *canonical.Record) error {
	next, x, err := f.rules.Apply(r.Definition, r.Seq)
	if err != nil {
		f.meta.Unreadable++
		return nil //nolint:nilerr // counted, see above
	}
	if x == nil && next.Revision == f.rules.Revision && registry.IsUnverified(r.Definition) {
		return nil // anyone may have written it, and there are enough of them
	}
	concerned := map[string]struct{}{}
	if x != nil {
		concerned[x.ID] = struct{}{}
	}
	var moved []name
	for n, count := range f.names {
		if x == nil {
			break // no name means another experiment than before
		}
		if old := f.rules.Resolve(n.source, n.experiment, n.vendor); old != next.Resolve(n.source, n.experiment, n.vendor) {
			concerned[old] = struct{}{}
			if count > 0 {
				moved = append(moved, n)
			}
		}
	}
	filtered := next.Filters() != f.rules.Filters()
	if filtered || x != nil && (x.Seq != r.Seq || renames(f.rules.Registry, x)) {
		f.meta.Retracted = r.Seq // rows may change although no definition of their experiment has this sequence
	}
	if err := f.tx.Set(binary.BigEndian.AppendUint64([]byte{keyDefinition}, r.Seq), r.Definition); err != nil {
		return err
	}
	if filtered {
		return f.refilter(next)
	}
	return f.reread(next, slices.Sorted(maps.Keys(concerned)), moved, false)
}
