package webhooks

import (
	"hash/maphash"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tracklayer/tracklayer/canonical"
)

// Why an event is ignored although it can be read: its experiment is not declared, or it brings one name more than its
// source may. The next event of the same experiment is taken as soon as that is declared.
const (
	reasonUndeclared = "undeclared_experiment"
	reasonTooMany    = "too_many_experiments"
	reasonVariants   = "too_many_variants"
	reasonNames      = "too_many_conversion_names"
)

// Names bound how many different names one source may bring. Anyone who holds a write key can make them up, and each
// takes memory and a place in lists for good. What is declared is not counted, and is always taken. A zero is the default.
type Names struct {
	Experiments     int // that are not declared; 10,000
	Variants        int // of one experiment, that it does not declare; 1,000
	ConversionNames int // that no metric of a declared experiment reads; 10,000
}

func (n *Names) setDefaults() {
	for _, one := range []struct {
		limit *int
		value int
	}{{&n.Experiments, 10_000}, {&n.Variants, 1_000}, {&n.ConversionNames, 10_000}} {
		if *one.limit == 0 {
			*one.limit = one.value
		}
	}
}

// labels is how many labels all experiments of a source may have together.
func (n *Names) labels() int { return 4*n.Experiments + n.Variants }

// Experiments knows what is declared, and what was counted already. It is asked about names that the source has not
// brought since the start, and about declared ones, by any number of goroutines.
type Experiments interface {
	// Declared reports whether what an event of the source calls its experiment is declared, by its own name or an alias.
	Declared(source, experiment, sourceExperiment string) bool
	// Variant reports whether what an exposure calls its variant is one of the declared experiment's, or was counted.
	Variant(e *canonical.Event) bool
	// Conversion reports whether a metric of a declared experiment reads the conversion event, or it was counted.
	Conversion(event string) bool
	// Named calls yield with each name that events of a source gave experiments until now.
	Named(yield func(source, experiment, sourceExperiment string))
}

// roster is the names that one source has brought and that are not declared, as hashes with a secret seed: 8 bytes in a
// table that is at least three eighths full, and a counter for each experiment. With the default limits it takes at most
// 3 MiB. Names that were brought before are found without a lock.
type roster struct {
	experiments, labels, conversions hashes

	mu     sync.Mutex
	counts map[uint64]int // labels by experiment

	warned atomic.Int64 // Unix seconds of the last line in the log
}

// hashes is a set of hashes with open addressing. One goroutine at a time adds; any number read beside it.
type hashes struct {
	table atomic.Pointer[[]atomic.Uint64]
	n     int
}

func (s *hashes) has(h uint64) bool {
	table := s.table.Load()
	if table == nil {
		return false
	}
	_, found := find(*table, h)
	return found
}

// find is where a hash stands, or where it would.
func find(table []atomic.Uint64, h uint64) (at int, found bool) {
	for i := h; ; i++ {
		switch at = int(i & uint64(len(table)-1)); table[at].Load() {
		case h:
			return at, true
		case 0:
			return at, false
		}
	}
}

func (s *hashes) add(h uint64) {
	table := s.table.Load()
	if table == nil || 4*(s.n+1) > 3*len(*table) {
		larger := make([]atomic.Uint64, 64)
		if table != nil {
			larger = make([]atomic.Uint64, 2*len(*table))
			for i := range *table {
				if one := (*table)[i].Load(); one != 0 {
					at, _ := find(larger, one)
					larger[at].Store(one)
				}
			}
		}
		table = &larger
		s.table.Store(table)
	}
	if at, found := find(*table, h); !found {
		(*table)[at].Store(h)
		s.n++
	}
}

// hash is never 0.
func (d *Ingest) hash(a, b string) uint64 {
	h := maphash.String(d.seed, a)*0x9E3779B97F4A7C15 + maphash.String(d.seed, b)
	return max(h, 1)
}

// fresh is what an event brings that its source has not brought since the start, as hashes; 0: nothing.
type fresh struct{ experiment, heldOutOf, of, label, conversion uint64 }

func (d *Ingest) fresh(r *roster, e *canonical.Event) (f fresh) {
	if e.ExperimentID != "" {
		h := d.hash(e.ExperimentID, e.SourceExperiment)
		if !r.experiments.has(h) {
			f.experiment = h
		}
		if e.Kind == canonical.Exposed {
			f.of = d.hash(e.ExperimentID, "")
			if label := d.hash(e.ExperimentID, e.Variant) ^ 1<<63; !r.labels.has(label) {
				f.label = label
			}
		}
	}
	if e.HeldOutOf != "" {
		if h := d.hash(e.HeldOutOf, ""); !r.experiments.has(h) {
			f.heldOutOf = h
		}
	}
	if e.Kind == canonical.Converted {
		if h := d.hash(e.ConversionEvent, ""); !r.conversions.has(h) {
			f.conversion = h
		}
	}
	return f
}

func (f fresh) any() bool { return f.experiment|f.heldOutOf|f.label|f.conversion != 0 }

// ignores says why an event that can be read is not taken, "" if it is.
func (d *Ingest) ignores(e *canonical.Event) string {
	if d.undeclared(e) {
		return reasonUndeclared
	}
	r := d.rosters[e.Source]
	if r == nil {
		return ""
	}
	f := d.fresh(r, e)
	if !f.any() {
		return ""
	}
	if d.Experiments != nil {
		if f.experiment != 0 && d.Experiments.Declared(e.Source, e.ExperimentID, e.SourceExperiment) {
			f.experiment = 0
		}
		if f.heldOutOf != 0 && d.Experiments.Declared(e.Source, e.HeldOutOf, "") {
			f.heldOutOf = 0
		}
		if f.label != 0 && d.Experiments.Variant(e) {
			f.label = 0
		}
		if f.conversion != 0 && d.Experiments.Conversion(e.ConversionEvent) {
			f.conversion = 0
		}
		if !f.any() {
			return ""
		}
	}
	reason, limit := r.take(f, &d.Names)
	if reason != "" {
		d.warn(r, e.Source, reason, limit)
	}
	return reason
}

// take notes what is fresh, unless that is too much: then it notes nothing, and says of what and what the limit is.
func (r *roster) take(f fresh, limits *Names) (reason string, limit int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	more := 0
	for _, h := range [...]uint64{f.experiment, f.heldOutOf} {
		if h != 0 && !r.experiments.has(h) {
			more++
		}
	}
	switch {
	case more > 0 && r.experiments.n+more > limits.Experiments:
		return reasonTooMany, limits.Experiments
	case f.label != 0 && !r.labels.has(f.label) && (r.counts[f.of] >= limits.Variants || r.labels.n >= limits.labels()):
		return reasonVariants, limits.Variants
	case f.conversion != 0 && !r.conversions.has(f.conversion) && r.conversions.n >= limits.ConversionNames:
		return reasonNames, limits.ConversionNames
	}
	for _, h := range [...]uint64{f.experiment, f.heldOutOf} {
		if h != 0 {
			r.experiments.add(h)
		}
	}
	if f.label != 0 && !r.labels.has(f.label) {
		r.labels.add(f.label)
		if r.counts == nil {
			r.counts = map[uint64]int{}
		}
		r.counts[f.of]++
	}
	if f.conversion != 0 {
		r.conversions.add(f.conversion)
	}
	return "", 0
}

// settingOf is the setting that a reason comes from.
var settingOf = map[string]string{reasonTooMany: "limits.experiments", reasonVariants: "limits.variants", reasonNames: "limits.conversion_names"}

// warn writes at most one line a minute and source.
func (d *Ingest) warn(r *roster, source, reason string, limit int) {
	now, last := d.Now().Unix(), r.warned.Load()
	if last != 0 && now-last < int64(time.Minute/time.Second) || !r.warned.CompareAndSwap(last, now) {
		return
	}
	d.Log.Warn("events are ignored because they bring more new names than their source may: declare what should count, archive the rest, or raise the limit",
		slog.String("source", source), slog.String("reason", reason), slog.String("setting", settingOf[reason]), slog.Int("limit", limit))
}

// Crowded returns the sources that ignored events within the last ten minutes because these brought too many new names,
// in order.
func (d *Ingest) Crowded() (sources []string) {
	since := d.Now().Add(-10 * time.Minute).Unix()
	for _, name := range slices.Sorted(maps.Keys(d.rosters)) {
		if d.rosters[name].warned.Load() > since {
			sources = append(sources, name)
		}
	}
	return sources
}

// newRosters makes a roster for each source, with the experiments that its events have named until now.
func (d *Ingest) newRosters() {
	d.rosters = map[string]*roster{apiSource: {}}
	for name := range d.sources {
		d.rosters[name] = &roster{}
	}
	if d.Experiments == nil {
		return
	}
	d.Experiments.Named(func(source, experiment, sourceExperiment string) {
		if r := d.rosters[source]; r != nil && !d.Experiments.Declared(source, experiment, sourceExperiment) {
			r.experiments.add(d.hash(experiment, sourceExperiment))
		}
	})
}
