package core

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"
	"time"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core/sums"
)

// Search finds the messages of a person on the log, of which the state keeps only the facts. Every message of the units'
// buckets must be shown to it, and, where Missing says so, every message of the log.
type Search struct {
	Units    []canonical.Unit
	events   map[string][]found // by event key
	received canonical.Time     // the newest receipt
}

// found is a message of the person, or another body under one of its event ids.
type found struct {
	seq  uint64
	line ErasedLine // without what is counted
	hash [16]byte
	own  bool // the body is about the person
}

// Search begins a search for the person of a unit as of the last commit. A unit that is not known is searched for by
// itself: only a body that lost a conflict may have named it.
func (f *Fold) Search(u canonical.Unit) (*Search, error) {
	var e *entry
	err := f.reading(func(_ *sums.View, r *reader) (err error) {
		e, err = r.named(u)
		return err
	})
	if err != nil {
		return nil, err
	}
	s := &Search{Units: []canonical.Unit{u}, events: map[string][]found{}}
	if e.person != nil {
		s.Units = e.person.Units
	}
	return s, nil
}

// Buckets are those of the units.
func (s *Search) Buckets() []byte {
	var all []byte
	for _, u := range s.Units {
		all = append(all, u.Bucket())
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Message shows a message to the search.
func (s *Search) Message(r *canonical.Record) {
	if r.Definition != nil || r.Erasure != nil || r.Rejected != nil || r.Err != nil {
		return
	}
	e := &r.Event
	own := slices.Contains(s.Units, e.Unit())
	key := string(eventKey(e))
	met, known := s.events[key]
	if !own && !known || slices.ContainsFunc(met, func(m found) bool { return m.seq == r.Seq }) {
		return
	}
	sum := sha256.Sum256(e.AppendBody(nil))
	line := ErasedLine{Day: time.UnixMilli(int64(e.ReceivedAt)).UTC().Format(time.DateOnly), Source: e.Source, Kind: e.Kind.String(), Experiment: e.ExperimentID}
	s.events[key] = append(met, found{r.Seq, line, [16]byte(sum[:16]), own})
	s.received = max(s.received, e.ReceivedAt)
}

// Same reports whether two searches are for the same ids.
func (s *Search) Same(o *Search) bool { return slices.Equal(s.Units, o.Units) }

// Found reports whether any message was found.
func (s *Search) Found() bool { return len(s.events) > 0 }

// Missing reports whether bodies came under one of the event ids that the search has not met: they are about another
// else and lie in another bucket.
func (f *Fold) Missing(s *Search) (bool, error) {
	_, state := f.committed()
	defer state.db.Discard()
	for key, met := range s.events {
		r, _, err := state.eventRecord([]byte(key))
		if err != nil {
			return false, err
		}
		for _, h := range r.hashes {
			if !slices.ContainsFunc(met, func(m found) bool { return m.hash == h }) {
				return true, nil
			}
		}
		if r.first != 0 && !slices.ContainsFunc(met, func(m found) bool { return m.seq == r.first }) {
			return true, nil
		}
	}
	return false, nil
}

// Receipt makes the receipt of what was found, as of the last commit. It is published where the log still ends with
// what the search has seen.
func (f *Fold) Receipt(s *Search, id string, now canonical.Time) (Receipt, error) {
	at := max(now, min(s.received, f.View().Watermark)) // the watermark is earlier if a clock was corrected
	r := Receipt{ID: id, At: at, IDs: len(s.Units), Events: int64(len(s.events)), Erased: []ErasedLine{}}
	lines := map[string][]found{}
	var names []string
	for _, met := range s.events {
		slices.SortFunc(met, func(a, b found) int { return int(int64(a.seq) - int64(b.seq)) })
		bodies := map[[16]byte]struct{}{}
		contested := false
		for i, m := range met {
			m.line.Outcome = outcomeConflict
			if _, again := bodies[m.hash]; again {
				m.line.Outcome = outcomeRedelivered
			} else if i == 0 {
				m.line.Outcome = outcomeAccepted
			}
			bodies[m.hash] = struct{}{}
			contested = contested || !m.own
			name := strings.Join([]string{m.line.Day, m.line.Source, m.line.Kind, m.line.Experiment, m.line.Outcome}, "\x00")
			if lines[name] == nil {
				names = append(names, name)
			}
			lines[name] = append(lines[name], m)
		}
		if r.Messages += int64(len(met)); contested {
			r.Contested++
		}
	}
	slices.Sort(names)
	for _, name := range names {
		r.Erased = append(r.Erased, lineOf(lines[name]))
	}
	var err error
	r.MentionsKept, err = f.mentions(s)
	return r, err
}

func lineOf(all []found) ErasedLine {
	slices.SortFunc(all, func(a, b found) int { return int(int64(a.seq) - int64(b.seq)) })
	line := all[0].line
	line.Messages = int64(len(all))
	last := uint64(0)
	for _, m := range all {
		line.Seqs = binary.AppendUvarint(line.Seqs, m.seq-last)
		last = m.seq
	}
	return line
}

// mentions counts the events of others that name one of the person's anonymous ids.
func (f *Fold) mentions(s *Search) (n int64, err error) {
	_, state := f.committed()
	defer state.db.Discard()
	for _, u := range s.Units {
		if u.Kind != canonical.Anonymous {
			continue
		}
		reports, err := state.reportsOf(u.ID)
		if err != nil {
			return 0, err
		}
		for i := range reports {
			if _, erased := s.events[string(eventKey(&reports[i]))]; !erased {
				n++
			}
		}
	}
	return n, nil
}
