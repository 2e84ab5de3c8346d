package pages

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/core/ledger"
	"github.com/tracklayer/tracklayer/core/sums"
)

// sourceSums are a source's lines of the ledger together.
type sourceSums struct {
	ledgerLine
	rejected, ignored, erased int64
	reasons                   []ledger.Reason // in the order of canonical.Uncounted.Compare
	last                      string          // the newest day
}

// reason adds what a line says of one reason to the sums.
func (s *sourceSums) reason(r ledger.Reason) {
	at, found := slices.BinarySearchFunc(s.reasons, r, func(a, b ledger.Reason) int { return a.Compare(&b.Uncounted) })
	if !found {
		s.reasons = slices.Insert(s.reasons, at, r)
		return
	}
	known := &s.reasons[at]
	r.Items += known.Items
	if known.LastReceivedAt > r.LastReceivedAt {
		r.LastReceivedAt, r.Example = known.LastReceivedAt, known.Example
	}
	*known = r
}

// shownReasons is how many reasons of a source the page shows.
const shownReasons = 20

// frequent are the reasons with the most items, and how many items have another one.
func (s *sourceSums) frequent() (shown []ledger.Reason, other int64) {
	shown = slices.Clone(s.reasons)
	slices.SortStableFunc(shown, func(a, b ledger.Reason) int { return cmp.Compare(b.Items, a.Items) })
	shown = shown[:min(len(shown), shownReasons)]
	other = s.rejected + s.ignored
	for i := range shown {
		other -= shown[i].Items
	}
	return shown, other
}

func (p *ledgers) ledgerBySource() (map[string]*sourceSums, error) {
	by := map[string]*sourceSums{}
	return by, p.state.LedgerByDay(func(of ledger.Day, e ledger.Entry) error {
		s := by[of.Source]
		if s == nil {
			s = &sourceSums{}
			by[of.Source] = s
		}
		s.add(e)
		s.rejected, s.ignored, s.erased = s.rejected+e.Rejected, s.ignored+e.Ignored, s.erased+e.Erased
		for _, r := range e.Reasons {
			s.reason(r)
		}
		s.last = max(s.last, time.Unix(of.Day*86400, 0).UTC().Format(time.DateOnly))
		return nil
	})
}

// ledgerOf adds up the ledger's lines of everything that events call the experiment, by kind, with the sum at the end.
func (p *ledgers) ledgerOf(s *sums.Snapshot) ([]ledgerLine, error) {
	names := map[[2]string]bool{}
	ask := core.LedgerQuery{Experiments: []string{s.ID}}
	for _, n := range s.Called() {
		if one := [2]string{n.Source, n.Experiment}; !names[one] {
			names[one] = true
			ask.Experiments = append(ask.Experiments, n.Experiment)
		}
	}
	by, total := map[canonical.Kind]*ledgerLine{}, ledgerLine{Kind: "all"}
	_, err := p.state.LedgerLines(ask, func(k ledger.Key, e ledger.Entry) error {
		if k.Experiment != s.ID && !names[[2]string{k.Source, k.Experiment}] {
			return nil
		}
		l := by[k.Kind]
		if l == nil {
			l = &ledgerLine{Kind: k.Kind.String()}
			by[k.Kind] = l
		}
		l.add(e)
		total.add(e)
		return nil
	})
	if err != nil {
		return nil, err
	}
	var all []ledgerLine
	for _, kind := range slices.Sorted(maps.Keys(by)) {
		all = append(all, *by[kind])
	}
	return append(all, total), nil
}

// ledgers adds up the lines of the ledger.
type ledgers struct{ state State }

// ledgerLine is a kind of event: received is the sum of the others.
type ledgerLine struct {
	Kind                                             string
	Received, Accepted, Redelivered, Conflicts, Gone int64
}

// Word is the kind in plain words.
func (l ledgerLine) Word() string {
	switch l.Kind {
	case canonical.Exposed.String():
		return "Exposures"
	case canonical.Converted.String():
		return "Conversions"
	case canonical.EndedEarly.String():
		return "Early ends"
	}
	return sentence(l.Kind)
}

func (l *ledgerLine) add(e ledger.Entry) {
	l.Received += e.Received()
	l.Accepted += e.Accepted
	l.Redelivered += e.Redelivered
	l.Conflicts += e.Conflicts
	l.Gone += e.Erased + e.Rejected + e.Ignored
}
