package person

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tracklayer/tracklayer/canonical"
)

// TwinWithin is how far apart, in milliseconds, two reports may lie that seem to be of one conversion: ten minutes.
const TwinWithin = 10 * 60_000

// MaxTwins bounds the work for a person with very many equal conversions: so many neighbors are compared with each.
const MaxTwins = 50

// Valued is what makes two conversions look like one: the same person does the same for the same value within minutes,
// and two sources, or the browser and the server, report it without a key that both know.
type Valued struct {
	event   string
	value   int64
	at      canonical.Time
	id      string
	source  string
	channel canonical.Channel
	key     string
}

// ValuedOf is what a conversion is compared by.
func ValuedOf(e *canonical.Event) Valued {
	return Valued{e.ConversionEvent, e.Value.Micros, e.At, e.ID, e.Source, e.Channel, e.DedupKey}
}

// Twin reports whether two conversions look like two reports of one that share no key.
func (a *Valued) Twin(b *Valued) bool {
	return a.event == b.event && a.value == b.value && max(a.at, b.at)-min(a.at, b.at) <= TwinWithin &&
		(a.source != b.source || a.channel != b.channel) && (a.key == "" || a.key != b.key)
}

// twinsOf finds the conversions that look like another report of an earlier one, by id and source. It sorts the
// conversions.
func twinsOf(all []Valued) map[[2]string]struct{} {
	if len(all) < 2 {
		return nil
	}
	slices.SortFunc(all, func(a, b Valued) int {
		return cmp.Or(strings.Compare(a.event, b.event), cmp.Compare(a.value, b.value), cmp.Compare(a.at, b.at), strings.Compare(a.id, b.id), strings.Compare(a.source, b.source))
	})
	var twins map[[2]string]struct{}
	for i := range all {
		for j := i - 1; j >= 0 && j >= i-MaxTwins && all[j].event == all[i].event && all[j].value == all[i].value; j-- {
			if all[i].Twin(&all[j]) {
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
