package core

import (
	"encoding/binary"
	"fmt"

	"github.com/tracklayer/tracklayer/canonical"
)

// Seen says how many conversions of one event were received, of whomever, and how many of them have a value and a
// metric_value: a metric whose event or field never came can be told from one that nobody does.
type Seen struct {
	Events, Values, MetricValues int64
}

func (s Seen) plus(e *canonical.Event, sign int64) Seen {
	s.Events += sign
	if e.Value.Set {
		s.Values += sign
	}
	if e.MetricValue.Set {
		s.MetricValues += sign
	}
	return s
}

// only is which of the numbers are not 0, as 1: what readers look at.
func (s Seen) only() Seen { return Seen{min(s.Events, 1), min(s.Values, 1), min(s.MetricValues, 1)} }

func seenKey(event string) []byte { return append([]byte{keySeen}, event...) }

// noteSeen counts a conversion, or takes it off again.
func (f *Fold) noteSeen(e *canonical.Event, sign int64) {
	if e.Kind != canonical.Converted || e.Adjusts != "" {
		return
	}
	was := f.seen[e.ConversionEvent]
	is := was.plus(e, sign)
	f.seen[e.ConversionEvent] = is
	f.showSeen(e.ConversionEvent, was, is)
	f.reseen[e.ConversionEvent] = struct{}{}
}

func (f *Fold) loadSeen(db Reader) error {
	return db.Scan([]byte{keySeen}, func(key, value []byte) error {
		d := decoder{b: value}
		s := Seen{d.int(), d.int(), d.int()}
		if d.bad || len(d.b) > 0 {
			return fmt.Errorf("conversion event: %w", errRecord)
		}
		f.seen[string(key[1:])] = s
		f.showSeen(string(key[1:]), Seen{}, s)
		return nil
	})
}

// flushSeen writes the counts that changed.
func (f *Fold) flushSeen() error {
	for event := range f.reseen {
		s := f.seen[event]
		err := error(nil)
		if s == (Seen{}) {
			delete(f.seen, event)
			err = f.tx.Delete(seenKey(event))
		} else {
			err = f.tx.Set(seenKey(event), binary.AppendVarint(binary.AppendVarint(binary.AppendVarint(nil, s.Events), s.Values), s.MetricValues))
		}
		if err != nil {
			return err
		}
	}
	f.reseen = emptied(f.reseen)
	return nil
}

// showSeen lets readers see which conversion events were received at all, and with which fields.
func (f *Fold) showSeen(event string, was, is Seen) {
	switch {
	case was.only() == is.only():
	case is == Seen{}:
		f.next.seen.remove(event)
	default:
		f.next.seen.set(event, is.only())
	}
}
