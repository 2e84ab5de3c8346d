package core

import (
	"cmp"
	"encoding/binary"
	"errors"
	"slices"
	"strings"

	"github.com/tracklayer/tracklayer/canonical"
)

// TwinWithin is how far apart, in milliseconds, two reports may lie that seem to be of one conversion: ten minutes.
const TwinWithin = 10 * 60_000

// maxTwins bounds the work for a person with very many equal conversions: so many neighbors are compared with each.
const maxTwins = 50

// valued is what makes two conversions look like one: the same person does the same for the same value within minutes,
// and two sources, or the browser and the server, report it without a key that both know.
type valued struct {
	event   string
	value   int64
	at      canonical.Time
	id      string
	source  string
	channel canonical.Channel
	key     string
}

func valuedOf(e *canonical.Event) valued {
	return valued{e.ConversionEvent, e.Value.Micros, e.At, e.ID, e.Source, e.Channel, e.DedupKey}
}

// twin reports whether two conversions look like two reports of one that share no key.
func (a *valued) twin(b *valued) bool {
	return a.event == b.event && a.value == b.value && max(a.at, b.at)-min(a.at, b.at) <= TwinWithin &&
		(a.source != b.source || a.channel != b.channel) && (a.key == "" || a.key != b.key)
}

// twinsOf finds the conversions that look like another report of an earlier one, by id and source. It sorts the
// conversions.
func twinsOf(all []valued) map[[2]string]struct{} {
	if len(all) < 2 {
		return nil
	}
	slices.SortFunc(all, func(a, b valued) int {
		return cmp.Or(strings.Compare(a.event, b.event), cmp.Compare(a.value, b.value), cmp.Compare(a.at, b.at), strings.Compare(a.id, b.id), strings.Compare(a.source, b.source))
	})
	var twins map[[2]string]struct{}
	for i := range all {
		for j := i - 1; j >= 0 && j >= i-maxTwins && all[j].event == all[i].event && all[j].value == all[i].value; j-- {
			if all[i].twin(&all[j]) {
				if twins == nil {
					twins = map[[2]string]struct{}{}
				}
				twins[[2]string{all[i].id, all[i].source}] = struct{}{}
				break
			}
		}
	}
	return twins
}

// twinned reports whether another conversion of the person may be a twin of e. The answer may be a needless yes, which
// costs time and no truth.
func (r *reader) twinned(p *person, e *canonical.Event) (bool, error) {
	if !e.Value.Set || p.conversions == 0 {
		return false, nil
	}
	self, seen := valuedOf(e), 0
	for _, u := range p.units {
		prefix := unitKey(keyFact, u)
		from := binary.BigEndian.AppendUint64(slices.Clone(prefix), uint64(max(e.At-TwinWithin, 0)))
		err := r.db.ScanAfter(prefix, from, func(key, value []byte) error {
			if timeOfEdge(key, len(prefix)) > e.At+TwinWithin {
				return errBreak
			}
			if seen++; seen > maxTwins {
				return errStop
			}
			o, err := canonical.ParseWire(value)
			if err != nil {
				return errors.Join(errRecord, err)
			}
			if o.Kind != canonical.Converted || !o.Value.Set || o.Adjusts != "" || o.ID == e.ID && o.Source == e.Source {
				return nil
			}
			if other := valuedOf(&o); self.twin(&other) {
				return errStop
			}
			return nil
		})
		if errors.Is(err, errStop) {
			return true, nil
		}
		if err != nil && !errors.Is(err, errBreak) {
			return false, err
		}
	}
	return false, nil
}
