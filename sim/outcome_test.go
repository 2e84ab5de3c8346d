package sim_test

import (
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/readout"
	"github.com/tracklayer/tracklayer/store"
)

// outcome is what the daily looks at one experiment found. Days are counted from 1, and 0 is never.
type outcome struct {
	eligible  int                    // the first day
	leader    string                 // on that day
	inTime    bool                   // eligible on the day on which the planned end was reached, or on one before
	horizon   int                    // that day
	naive     int                    // the first day on which any treatment had a probability of 0.9, of all users
	matured   int                    // the same of the matured users
	naiveOnce bool                   // one had it on the last day, of all users
	win, harm int                    // the first day with such a marker
	unhealthy int                    // the first day
	failed    string                 // the first check that failed on that day
	drifted   int                    // the first day on which nothing but the test of novelty stood in the way
	blockers  []string               // on the last day
	drifts    bool                   // the test of novelty warns on that day
	status    readout.DecisionStatus // on that day
}

// simulate lets one experiment happen. The same scenario and index give the same events.
func (s *scenario) simulate(index int) (out outcome, err error) {
	h := fnv.New64a()
	_, _ = h.Write([]byte(s.name)) // a hash takes everything
	p := s.people(rand.NewPCG(h.Sum64(), uint64(index)))
	options := store.Options{Cache: 1 << 20, MemTable: 8 << 20, Filter: 1 << 16, Lookups: core.Lookups, Disk: store.NewDisk()}
	db, err := store.Open("state", options)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	fold, err := core.Open(db)
	if err != nil {
		return out, err
	}
	text, err := s.definition()
	if err != nil {
		return out, err
	}
	seq := uint64(1)
	if err := fold.Apply([]canonical.Record{{Seq: seq, Definition: text}}); err != nil {
		return out, err
	}
	for d := range looks {
		p.midnight(d)
		for i := range p.by[d] {
			seq++
			p.by[d][i].Seq = seq
		}
		if err := fold.Apply(p.by[d]); err != nil {
			return out, err
		}
		r, err := readout.Make(fold.View(), readout.Question{Experiment: experiment}, "sim")
		if err != nil {
			return out, err
		}
		out.look(d+1, r)
	}
	return out, nil
}

// look notes what the readout of a day says.
func (o *outcome) look(d int, r *readout.Readout) {
	first := func(when *int, is bool) {
		if is && *when == 0 {
			*when = d
		}
	}
	decision := &r.Decision
	is := decision.Status == readout.EligibleForReview
	if is && o.eligible == 0 {
		o.eligible, o.leader = d, *decision.LeadingVariant
	}
	if o.horizon == 0 {
		o.inTime = o.inTime || is
	}
	first(&o.horizon, decision.HorizonReached)
	first(&o.win, decision.EarlyStop == readout.Win)
	first(&o.harm, decision.EarlyStop == readout.Harm)
	o.naiveOnce = slices.ContainsFunc(r.Metrics[0].Variants, likely)
	first(&o.naive, o.naiveOnce)
	first(&o.matured, slices.ContainsFunc(r.Metrics[0].Matured.Variants, likely))
	if decision.Status == readout.Unhealthy && o.unhealthy == 0 {
		o.unhealthy, o.failed = d, decision.Blockers[0].Blocker
	}
	o.status, o.blockers = decision.Status, o.blockers[:0]
	for _, b := range decision.Blockers {
		o.blockers = append(o.blockers, b.Blocker)
	}
	o.drifts = slices.ContainsFunc(r.Checks, func(c readout.Check) bool { return c.Check == "novelty" && c.Status == readout.Warning })
	first(&o.drifted, o.drifts && slices.Equal(o.blockers, []string{"stability"}))
}

func likely(row readout.Row) bool {
	return row.Effect != nil && row.ProbabilityToBeatControl != nil && *row.ProbabilityToBeatControl >= 0.9
}

// run simulates experiments on all cores. The outcomes lie in the order of the indices, whichever core computed them.
func (s *scenario) run(t testing.TB, experiments int) []outcome {
	t.Helper()
	all := make([]outcome, experiments)
	faults := make([]error, experiments)
	var next atomic.Int64
	var group sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for i := next.Add(1) - 1; i < int64(experiments); i = next.Add(1) - 1 {
				if all[i], faults[i] = s.simulate(int(i)); faults[i] != nil {
					faults[i] = fmt.Errorf("experiment %d of %s: %w", i, s.name, faults[i])
					return
				}
			}
		})
	}
	group.Wait()
	if err := errors.Join(faults...); err != nil {
		t.Fatal(err)
	}
	return all
}
