package core

import (
	"encoding/binary"
	"fmt"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/core/wire"
)

func seenKey(event string) []byte { return append([]byte{keySeen}, event...) }

// noteSeen counts a conversion, or takes it off again.
func (f *Fold) noteSeen(e *canonical.Event, sign int64) {
	if e.Kind != canonical.Converted || e.Adjusts != "" {
		return
	}
	was := f.seen[e.ConversionEvent]
	is := was.Plus(e, sign)
	f.seen[e.ConversionEvent] = is
	f.showSeen(e.ConversionEvent, was, is)
	f.reseen[e.ConversionEvent] = struct{}{}
}

func (f *Fold) loadSeen(db Reader) error {
	return eachRecord(db.Scan([]byte{keySeen}), func(key, value []byte) error {
		d := wire.Decoder{Rest: value}
		s := sums.Seen{Events: d.Int(), Values: d.Int(), MetricValues: d.Int()}
		if d.Bad || len(d.Rest) > 0 {
			return fmt.Errorf("conversion event: %w", wire.ErrRecord)
		}
		f.seen[string(key[1:])] = s
		f.showSeen(string(key[1:]), sums.Seen{}, s)
		return nil
	})
}

// flushSeen writes the counts that changed.
func (f *Fold) flushSeen() error {
	for event := range f.reseen {
		s := f.seen[event]
		err := error(nil)
		if s == (sums.Seen{}) {
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
func (f *Fold) showSeen(event string, was, is sums.Seen) {
	switch {
	case was.Only() == is.Only():
	case is == sums.Seen{}:
		f.next.Seen.Remove(event)
	default:
		f.next.Seen.Set(event, is.Only())
	}
}
