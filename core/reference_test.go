package core_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/core/person"
	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/registry"
	"github.com/tracklayer/tracklayer/store"
)

// The reference is docs/semantics.md written down a second time, slowly and plainly: it takes all records at once, keeps
// nothing, changes nothing in place and shares no code with the fold. Where the two differ, the text decides.

// reference is everything that the records come to.
type reference struct {
	registry  registry.Registry
	facts     []canonical.Event            // one an id, in no order that matters
	people    map[string][]canonical.Event // by the person's key
	crowds    map[string]bool              // persons whose id is merged with too many others
	refused   map[string]int               // users that were linked to a person's anonymous ids besides the owner
	conflicts int64
	sums      map[string]*oracle
}

// refer computes the reference of a history.
func refer(records []canonical.Record) *reference {
	r := &reference{people: map[string][]canonical.Event{}, refused: map[string]int{}, sums: map[string]*oracle{}}
	for i, record := range records {
		if record.Definition != nil {
			if next, _, err := r.registry.Apply(record.Definition, uint64(i+1)); err == nil {
				r.registry = next
			}
		}
	}
	r.facts = factsOf(records)
	r.group()
	for _, x := range r.registry.All() {
		r.of(x.ID)
	}
	for person, facts := range r.people {
		r.count(facts, r.refused[person] > 0, r.crowds[person])
	}
	return r
}

// factsOf keeps one event an id and source: the body that sorts first, of equal bodies the earlier received one.
func factsOf(records []canonical.Record) []canonical.Event {
	var events []canonical.Event
	for _, record := range records {
		if record.Definition == nil && record.Err == nil {
			events = append(events, record.Event)
		}
	}
	slices.SortStableFunc(events, func(a, b canonical.Event) int {
		return cmp.Or(
			strings.Compare(a.Source, b.Source), strings.Compare(a.ID, b.ID), strings.Compare(string(a.AppendBody(nil)), string(b.AppendBody(nil))),
			cmp.Compare(a.ReceivedAt, b.ReceivedAt), cmp.Compare(a.ClockOffset, b.ClockOffset))
	})
	return slices.CompactFunc(events, func(a, b canonical.Event) bool { return a.Source == b.Source && a.ID == b.ID })
}

// group finds who owns each anonymous id and which users are one, and deals the facts out to the persons.
func (r *reference) group() {
	key := map[string]string{}              // user -> the smallest user known to be the same
	links := map[string][]canonical.Event{} // by anonymous id
	for _, e := range r.facts {
		for _, user := range []string{e.UserID, e.PreviousUserID} {
			key[user] = user
		}
	}
	ambiguous, identified, until := map[string]bool{}, map[string]bool{}, map[[2]string]canonical.Time{}
	for _, e := range r.facts {
		switch {
		case e.AmbiguousID:
			ambiguous[e.UserID+e.AnonymousID] = true
			continue
		case e.Kind == canonical.Unlinked:
			pair := [2]string{e.AnonymousID, e.UserID}
			until[pair] = max(until[pair], e.At)
		case e.UserID != "" && e.UserID == e.AnonymousID:
			ambiguous[e.UserID] = true
		}
		identified[e.UserID], identified[e.PreviousUserID] = true, true
	}
	for _, e := range r.facts {
		if e.UserID != "" && e.AnonymousID != "" && e.UserID != e.AnonymousID && e.Kind != canonical.Unlinked &&
			e.At > until[[2]string{e.AnonymousID, e.UserID}] {
			links[e.AnonymousID] = append(links[e.AnonymousID], e)
		}
	}
	for again := true; again; {
		again = false
		for _, e := range r.facts {
			if e.PreviousUserID == "" || key[e.UserID] == key[e.PreviousUserID] {
				continue
			}
			smaller := min(key[e.UserID], key[e.PreviousUserID])
			key[e.UserID], key[e.PreviousUserID], again = smaller, smaller, true
		}
	}
	size := map[string]int{}
	for _, k := range key {
		size[k]++
	}
	r.crowds = map[string]bool{}
	for user, k := range key {
		if size[k] > core.MaxUsers() && user != "" { // no person: none of the merges holds
			key[user] = user
			r.crowds["user "+user] = true
		}
	}
	owner := map[string]string{}
	for anonymous, all := range links {
		slices.SortFunc(all, func(a, b canonical.Event) int {
			return cmp.Or(cmp.Compare(a.At, b.At), strings.Compare(a.UserID, b.UserID))
		})
		owner[anonymous] = all[0].UserID
		users := map[string]bool{}
		for _, e := range all {
			users[e.UserID] = true
		}
		refused := len(users) - 1
		if ambiguous[anonymous] && identified[anonymous] {
			owner[anonymous] = anonymous
			refused++
		}
		r.conflicts += int64(refused)
		r.refused["user "+key[owner[anonymous]]] += refused
	}
	for id := range ambiguous {
		if identified[id] {
			owner[id] = id
		}
	}
	for _, e := range r.facts {
		user, visitor := e.UserID, e.AnonymousID
		if e.AmbiguousID {
			user, visitor = "", e.UserID+e.AnonymousID
		}
		if user == "" {
			user = owner[visitor]
		}
		person := "user " + key[user]
		if user == "" {
			person = "anonymous " + visitor
		}
		r.people[person] = append(r.people[person], e)
	}
}

// oracle collects an experiment: the aggregate's own shape, and big integers for what is exact in it.
type oracle struct {
	*sums.Aggregate
	products map[productKey]*big.Int
	metrics  map[cutKey]*[8]*big.Int // users, y, d, yy, dd, yd, xy, xd by age; under the age -1 persons with x, x, xx
}

type metricKey struct {
	run             int
	variant, metric string
	group           int // 0: clean, 1: crossed, 2: filtered, 3: both
}

// cutKey is a metric by day of exposure and days since.
type cutKey struct {
	metricKey
	day, age int64
}

func (r *reference) of(experiment string) *oracle {
	if r.sums[experiment] == nil {
		r.sums[experiment] = &oracle{&sums.Aggregate{}, map[productKey]*big.Int{}, map[cutKey]*[8]*big.Int{}}
	}
	return r.sums[experiment]
}

func (s *oracle) run(number int) *sums.RunAggregate {
	if s.Runs == nil {
		s.Runs = map[int]*sums.RunAggregate{}
	}
	if s.Runs[number] == nil {
		s.Runs[number] = &sums.RunAggregate{}
	}
	return s.Runs[number]
}

func (s *oracle) variant(run int, key string) *sums.VariantAggregate {
	all := &s.run(run).Variants
	v, known := all.Get(key)
	if !known {
		v = &sums.VariantAggregate{}
		all.Set(key, v)
	}
	return v
}

// someone is one person's facts, sorted and by kind.
type someone struct {
	exposures, ends, conversions []canonical.Event
	shared                       bool // another user was linked to one of the ids
	crowd                        bool
	bot, internal                bool
}

// kept is the report that stands for the conversion: itself where nobody else reported it.
func (p *someone) kept(c canonical.Event) canonical.Event {
	best := c
	for _, o := range p.conversions {
		if c.Adjusts != "" || c.DedupKey == "" || o.Adjusts != "" || o.DedupKey != c.DedupKey || o.ConversionEvent != c.ConversionEvent {
			continue
		}
		rank := map[canonical.Channel]int{canonical.Server: 0, "": 1, canonical.Client: 2}
		if cmp.Or(cmp.Compare(rank[o.Channel], rank[best.Channel]), cmp.Compare(o.At, best.At), strings.Compare(o.ID, best.ID), strings.Compare(o.Source, best.Source)) < 0 {
			best = o
		}
	}
	return best
}

// adjusted is the report that stands for the conversion that an adjustment adjusts, if any has arrived.
func (p *someone) adjusted(c canonical.Event) (canonical.Event, bool) {
	for _, o := range p.conversions {
		if o.Adjusts == "" && o.DedupKey == c.Adjusts && o.ConversionEvent == c.ConversionEvent {
			return p.kept(o), true
		}
	}
	return c, false
}

// lead is the report that a conversion is attributed by.
func (p *someone) lead(c canonical.Event) canonical.Event {
	if c.Adjusts != "" {
		original, _ := p.adjusted(c)
		return original
	}
	return p.kept(c)
}

// twin reports whether another source, or the other channel, seems to have reported the conversion before.
func (p *someone) twin(c canonical.Event) bool {
	for _, o := range p.conversions {
		earlier := cmp.Or(cmp.Compare(o.At, c.At), strings.Compare(o.ID, c.ID), strings.Compare(o.Source, c.Source)) < 0
		if earlier && o.Adjusts == "" && o.ConversionEvent == c.ConversionEvent && o.Value.Set && c.Value.Set && o.Value == c.Value && c.At-o.At <= 600_000 &&
			(o.Source != c.Source || o.Channel != c.Channel) && (o.DedupKey == "" || o.DedupKey != c.DedupKey) {
			return true
		}
	}
	return false
}

func same(a, b canonical.Event) bool { return a.ID == b.ID && a.Source == b.Source }

// count adds one person to every experiment that the facts name.
func (r *reference) count(facts []canonical.Event, shared, crowd bool) {
	p := someone{shared: shared, crowd: crowd}
	slices.SortFunc(facts, func(a, b canonical.Event) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.ReceivedAt, b.ReceivedAt), strings.Compare(a.Source, b.Source), cmp.Compare(a.Batch, b.Batch), cmp.Compare(a.BatchIndex, b.BatchIndex), strings.Compare(a.ID, b.ID))
	})
	experiments := map[string]bool{}
	for _, e := range facts {
		labels := r.registry.Filters().Labels(&e)
		p.bot = p.bot || labels&registry.Bot != 0
		p.internal = p.internal || labels&registry.Internal != 0
		switch e.Kind {
		case canonical.Exposed:
			p.exposures = append(p.exposures, e)
		case canonical.EndedEarly:
			p.ends = append(p.ends, e)
		case canonical.Converted:
			p.conversions = append(p.conversions, e)
		}
		if e.ExperimentID != "" {
			experiments[r.resolve(e)] = true
		}
		if from, held := r.heldFrom(e); held {
			experiments[from] = true
		}
	}
	for id := range experiments {
		r.of(id).Participants++
		r.participate(&p, id)
	}
}

// heldFrom is the experiment that a holdout keeps a person out of.
func (r *reference) heldFrom(e canonical.Event) (string, bool) {
	return r.registry.Resolve(e.Source, e.HeldOutOf, ""), e.HeldOutOf != ""
}

func (r *reference) resolve(e canonical.Event) string {
	return r.registry.Resolve(e.Source, e.ExperimentID, e.SourceExperiment)
}

// runOf is the run that an exposure belongs to, 0 for none.
func (r *reference) runOf(id string, e canonical.Event) int {
	if x, declared := r.registry.Get(id); declared {
		return x.RunAt(e.At)
	}
	return 1
}

// runOfEnd is the run that an early end belongs to: the one that covers it, else the last one started by then.
func (r *reference) runOfEnd(id string, e canonical.Event) int {
	run := r.runOf(id, e)
	if x, declared := r.registry.Get(id); declared && run == 0 {
		for _, one := range x.Runs {
			if one.StartedAt <= e.At {
				run = one.Number
			}
		}
	}
	return run
}

// label is the variant that an event means, and whether it is one.
func (r *reference) label(id string, e canonical.Event) (string, bool) {
	if x, declared := r.registry.Get(id); declared {
		return x.Variant(e.Source, e.Variant, e.SourceVariant)
	}
	return e.Variant, true
}

// participate adds a person to one experiment.
func (r *reference) participate(p *someone, id string) {
	s := r.of(id)
	exposures, ends := map[int][]canonical.Event{}, map[int]canonical.Event{}
	held := 0
	for _, e := range p.exposures {
		if from, is := r.heldFrom(e); is && from == id {
			held++
		}
		if r.resolve(e) != id {
			continue
		}
		if e.ExperimentKind == canonical.Holdout {
			s.Holdout++
		}
		if run := r.runOf(id, e); run != 0 {
			exposures[run] = append(exposures[run], e)
		} else {
			s.OutsideRun++
		}
	}
	for _, e := range p.ends {
		if r.resolve(e) != id {
			continue
		}
		run := r.runOfEnd(id, e)
		if _, earlier := ends[run]; run != 0 && !earlier {
			ends[run] = e
		}
	}
	if held > 0 && len(exposures) > 0 {
		s.Held[1]++
	} else if held > 0 {
		s.Held[0]++
	}
	for _, c := range p.conversions {
		if c.ExperimentID != "" && r.resolve(c) == id && len(exposures) == 0 {
			s.NoExposure++
		}
	}
	for run := range ends {
		if exposures[run] == nil {
			s.run(run).EndedUnexposed++
		}
	}
	for run, list := range exposures {
		end, ended := ends[run]
		r.inRun(p, id, run, list, end, ended)
	}
}

// inRun adds a person to a run in which it has exposures, which are sorted.
func (r *reference) inRun(p *someone, id string, run int, exposures []canonical.Event, end canonical.Event, ended bool) {
	s := r.of(id)
	var known []canonical.Event
	arms, strange := map[string]int64{}, map[string]int64{}
	for _, e := range exposures {
		if key, ok := r.label(id, e); ok {
			known = append(known, e)
			arms[key]++
		} else {
			strange[key]++
		}
	}
	if p.shared {
		s.run(run).Shared++
	}
	if p.crowd {
		s.run(run).Crowded++
	}
	for _, e := range exposures {
		if e.ReceivedAt > e.At+7*24*60*60*1000 {
			s.run(run).Late++
		}
		if e.At > e.ReceivedAt+5*60*1000 {
			s.run(run).Ahead++
		}
	}
	for key, n := range strange {
		u, _ := s.run(run).Unknown.Get(key)
		u.Exposures += n
		if len(known) == 0 {
			u.Persons++
		}
		s.run(run).Unknown.Set(key, u)
	}
	if len(known) == 0 {
		if ended {
			s.run(run).EndedUnexposed++ // to no known variant
		}
		for _, c := range p.conversions {
			if status, concerns := r.status(p, id, run, c, nil); concerns {
				s.run(run).Loose[status]++
				if status == person.Duplicate && c.Value.Micros < 0 && p.kept(c).Value.Micros >= 0 {
					s.run(run).Refunds++
				}
			}
		}
		return
	}
	first, _ := r.label(id, known[0])
	pop := person.Clean
	switch {
	case len(arms) > 1 && ended:
		pop = person.CrossedEnded
	case len(arms) > 1:
		pop = person.Crossed
	case ended:
		pop = person.Ended
	}
	filtered := 0
	if p.bot || p.internal {
		filtered = 1
		pop += person.Filtered
	}
	for a, n := range arms {
		v := s.variant(run, a)
		v.Repeats += n
		if len(arms) > 1 {
			switch {
			case ended && filtered == 1:
				v.Crossed[3]++
			case filtered == 1:
				v.Crossed[2]++
			case ended:
				v.Crossed[1]++
			default:
				v.Crossed[0]++
			}
		}
		for b := range arms {
			if a < b && len(arms) <= sums.MaxPaired {
				pairs := &s.run(run).Crossovers[filtered]
				n, _ := pairs.Get(sums.PairKey(a, b))
				pairs.Set(sums.PairKey(a, b), n+1)
			}
		}
	}
	v := s.variant(run, first)
	v.Repeats--
	v.Persons[pop]++
	if p.bot {
		v.Labelled[0]++
	}
	if p.internal {
		v.Labelled[1]++
	}
	for _, c := range p.conversions {
		status, concerns := r.status(p, id, run, c, &known[0])
		if !concerns {
			continue
		}
		v.Statuses[pop][status]++
		if status == person.Duplicate && c.Value.Micros < 0 && p.kept(c).Value.Micros >= 0 {
			s.run(run).Refunds++
		}
		if status == person.Counted && p.twin(c) {
			s.run(run).Twins++
		}
		if claimed, _ := r.label(id, c); same(p.kept(c), c) && c.Adjusts == "" && c.ExperimentID != "" && claimed != first {
			s.run(run).Mismatched++
		}
	}
	if ended {
		if v.Reasons[filtered] == nil {
			v.Reasons[filtered], v.EndDays[filtered] = map[string]int64{}, map[int64]int64{}
		}
		v.Reasons[filtered][end.EndedReason]++
		v.EndDays[filtered][date(end)]++
		return
	}
	group := 2 * filtered
	if len(arms) > 1 {
		group++
	}
	if v.Days[group] == nil {
		v.Days[group] = map[int64]int64{}
	}
	v.Days[group][date(known[0])]++
	for _, c := range p.conversions {
		if status, _ := r.status(p, id, run, c, &known[0]); status == person.BeforeExposure && c.Adjusts == "" && known[0].At-c.At <= 3_600_000 {
			if _, concerns := r.status(p, id, run, c, &known[0]); concerns {
				v.Early[group]++
				break
			}
		}
	}
	r.measure(p, id, metricKey{run: run, variant: first, group: group}, known[0])
}

// date is the day of an event, UTC, counted from 1970.
func date(e canonical.Event) int64 { return time.UnixMilli(int64(e.At)).Unix() / (24 * 60 * 60) }

// concerns says whether the conversion has a status in the runs of the experiment that the person is exposed in. A
// duplicate concerns what the kept report concerns.
func (r *reference) concerns(p *someone, id string, c canonical.Event) bool {
	k := p.lead(c)
	if k.ExperimentID != "" {
		return r.resolve(k) == id
	}
	x, declared := r.registry.Get(id)
	return !declared || len(metricsOf(x, c.ConversionEvent)) > 0
}

// status is what becomes of a conversion in a run of which the first exposure to a known variant is given, if any.
func (r *reference) status(p *someone, id string, run int, c canonical.Event, first *canonical.Event) (person.Status, bool) {
	if !r.concerns(p, id, c) {
		return 0, false
	}
	x, declared := r.registry.Get(id)
	counted := person.Counted
	if c.Adjusts != "" {
		original, known := p.adjusted(c)
		if !known {
			return person.WaitingAdjustment, true
		}
		c, counted = original, person.Adjustment
	}
	switch {
	case !same(p.kept(c), c):
		return person.Duplicate, true
	case first == nil:
		return person.UnknownVariant, true
	case c.At < first.At, c.At == first.At && c.Source == first.Source && c.ReceivedAt == first.ReceivedAt && c.Batch == first.Batch && c.Batch > 0 && c.BatchIndex < first.BatchIndex:
		return person.BeforeExposure, true
	case !declared:
		if within(registry.DefaultWindow, *first, c) {
			return counted, true
		}
		return person.OutsideWindow, true
	}
	for _, one := range x.Runs {
		if one.Number == run && one.EndedAt != 0 && c.At >= one.EndedAt {
			return person.AfterRun, true
		}
	}
	metrics := metricsOf(x, c.ConversionEvent)
	for _, m := range metrics {
		if within(*m.Window, *first, c) {
			return counted, true
		}
	}
	if len(metrics) == 0 && within(*x.Window, *first, c) {
		return counted, true
	}
	return person.OutsideWindow, true
}

func within(w registry.Window, exposed, converted canonical.Event) bool {
	after := time.Duration(converted.At-exposed.At) * time.Millisecond
	return after >= 0 && (w == 0 || after < time.Duration(w))
}

// metricsOf are the metrics that read a conversion event.
func metricsOf(x *registry.Experiment, event string) (metrics []registry.Metric) {
	for _, m := range x.Metrics {
		if m.Event == event || m.Type == registry.Ratio && (m.Numerator.Event == event || m.Denominator.Event == event) {
			metrics = append(metrics, m)
		}
	}
	return metrics
}

// dated is a conversion, or an adjustment, and the report whose time it has.
type dated struct {
	canonical.Event
	lead canonical.Event
}

// measure adds the person's number in every metric of the run.
func (r *reference) measure(p *someone, id string, at metricKey, first canonical.Event) {
	var counted, before []dated
	for _, c := range p.conversions {
		status, concerns := r.status(p, id, at.run, c, &first)
		d := dated{c, p.lead(c)}
		switch early := time.Duration(first.At-d.lead.At) * time.Millisecond; {
		case concerns && (status == person.Counted || status == person.Adjustment):
			counted = append(counted, d)
		case concerns && status == person.BeforeExposure && early <= 14*24*time.Hour:
			before = append(before, d)
		}
	}
	var metrics []registry.Metric
	if x, declared := r.registry.Get(id); declared {
		metrics = x.Metrics
	} else {
		week, events := registry.DefaultWindow, map[string]bool{}
		for _, c := range p.conversions {
			if !events[c.ConversionEvent] {
				metrics = append(metrics, registry.Metric{ID: c.ConversionEvent, Event: c.ConversionEvent, Type: registry.Proportion, Window: &week})
			}
			events[c.ConversionEvent] = true
		}
	}
	for _, m := range metrics {
		if codes := currencies(m, first, counted); len(codes) > 0 {
			to := &r.of(id).variant(at.run, at.variant).Currencies[at.group]
			if *to == nil {
				*to = map[string]map[string]int64{}
			}
			for code, n := range codes {
				if (*to)[m.ID] == nil {
					(*to)[m.ID] = map[string]int64{}
				}
				(*to)[m.ID][code] += n
			}
		}
		_, x, _ := numberOf(m, before)
		at.metric = m.ID
		r.of(id).moments(cutKey{at, date(first), -1}, new(big.Int).SetInt64(int64(x.CmpAbs(new(big.Int)))), x, new(big.Int).Mul(x, x))
		was := [8]*big.Int{}
		for i := range was {
			was[i] = new(big.Int)
		}
		for age := range int64(40) {
			var until []dated
			for _, c := range counted {
				if within(*m.Window, first, c.lead) && date(c.lead) <= date(first)+age {
					until = append(until, c)
				}
			}
			n, y, d := numberOf(m, until)
			product := func(a, b *big.Int) *big.Int { return new(big.Int).Mul(a, b) }
			is := [8]*big.Int{big.NewInt(min(n, 1)), y, d, product(y, y), product(d, d), product(y, d), product(x, y), product(x, d)}
			var grown []*big.Int
			for i := range is {
				grown = append(grown, new(big.Int).Sub(is[i], was[i]))
			}
			r.of(id).moments(cutKey{at, date(first), age}, grown...)
			was = is
		}
	}
	if x, declared := r.registry.Get(id); declared {
		r.of(id).multiply(at, numbersOf(x, counted, first))
	}
}

// numberOf is a person's number in a metric by some conversions: how many, the number, and what it is divided by.
func numberOf(m registry.Metric, conversions []dated) (n int64, y, d *big.Int) {
	y, d = new(big.Int), new(big.Int)
	amount := func(field string, c dated) *big.Int {
		if field == "value" {
			return converted(m, c)
		}
		return amount(field, c.Event)
	}
	for _, c := range conversions {
		if c.Adjusts != "" {
			for _, part := range sides(m) {
				if part.Event != c.ConversionEvent || part.Field == "" {
					continue
				}
				if part.upper {
					y.Add(y, amount(part.Field, c))
				} else {
					d.Add(d, amount(part.Field, c))
				}
			}
			continue
		}
		if m.Type != registry.Ratio && m.Event == c.ConversionEvent {
			n++
			y.Add(y, amount(m.Field, c))
			if m.Type == registry.Mean {
				d.Add(d, amount("", c))
			}
		}
		if m.Type == registry.Ratio && m.Numerator.Event == c.ConversionEvent {
			n++
			y.Add(y, amount(m.Numerator.Field, c))
		}
		if m.Type == registry.Ratio && m.Denominator.Event == c.ConversionEvent {
			d.Add(d, amount(m.Denominator.Field, c))
		}
	}
	if m.Cap != nil {
		limit := *m.Cap
		if m.Field != "" {
			limit *= 1e6
		}
		if most := big.NewInt(int64(math.Round(limit))); y.Cmp(most) > 0 {
			y = most
		}
	}
	if m.Type == registry.Proportion {
		y = big.NewInt(min(n, 1))
	}
	return n, y, d
}

// side is one side of a metric.
type side struct {
	registry.Part
	upper bool
}

func sides(m registry.Metric) []side {
	if m.Type == registry.Ratio {
		return []side{{*m.Numerator, true}, {*m.Denominator, false}}
	}
	return []side{{registry.Part{Event: m.Event, Field: m.Field}, true}}
}

// converted is a value in the metric's currency, in millionths: 0 if there is no rate. The one rate of the histories is
// JPY to EUR, 0.25 up to a day and 2 from then on.
func converted(m registry.Metric, c dated) *big.Int {
	value := amount("value", c.Event)
	if m.Currency == "" || c.Currency == "" || c.Currency == m.Currency {
		return value
	}
	if c.Currency != "JPY" {
		return new(big.Int)
	}
	if date(c.lead) >= rateDay {
		return value.Mul(value, big.NewInt(2))
	}
	quarter, rest := new(big.Int).QuoRem(value, big.NewInt(4), new(big.Int))
	if rest.CmpAbs(big.NewInt(2)) > 0 || rest.CmpAbs(big.NewInt(2)) == 0 && quarter.Bit(0) == 1 {
		quarter.Add(quarter, big.NewInt(int64(rest.Sign())))
	}
	return quarter
}

// currencies counts what the amounts of a metric came in.
func currencies(m registry.Metric, first canonical.Event, counted []dated) map[string]int64 {
	all := map[string]int64{}
	for _, c := range counted {
		if !within(*m.Window, first, c.lead) || !c.Value.Set {
			continue
		}
		for _, part := range sides(m) {
			if part.Event != c.ConversionEvent || part.Field != "value" {
				continue
			}
			code := c.Currency
			if m.Currency != "" && code != "" && code != m.Currency && code != "JPY" {
				code += "?"
			}
			all[code]++
		}
	}
	return all
}

func amount(field string, c canonical.Event) *big.Int {
	switch {
	case field == "value" && c.Value.Set:
		return big.NewInt(c.Value.Micros)
	case field == "metric_value" && c.MetricValue.Set:
		return big.NewInt(c.MetricValue.Micros)
	case field == "":
		return big.NewInt(1)
	}
	return new(big.Int)
}

// moments adds to a cut.
func (s *oracle) moments(at cutKey, by ...*big.Int) {
	m := s.metrics[at]
	if m == nil {
		m = &[8]*big.Int{}
		for i := range m {
			m[i] = new(big.Int)
		}
		s.metrics[at] = m
	}
	for i, add := range by {
		m[i].Add(m[i], add)
	}
}

func texts(m *[8]*big.Int, n int) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = m[i].String()
	}
	return strings.Join(parts, " ")
}

// lines are the sums of the metrics as the aggregate writes them: all, by day, and by day and age.
func (s *oracle) lines() (lines []string) {
	compare := func(a, b cutKey) int {
		return cmp.Or(
			cmp.Compare(a.run, b.run), strings.Compare(a.variant, b.variant), strings.Compare(a.metric, b.metric),
			cmp.Compare(a.group, b.group), cmp.Compare(a.day, b.day), cmp.Compare(a.age, b.age))
	}
	const all = -1 << 60
	for key, m := range maps.Clone(s.metrics) {
		if texts(m, 8) == "0 0 0 0 0 0 0 0" {
			delete(s.metrics, key)
			continue
		}
		kind := int64(all)
		if key.age == -1 {
			kind--
		}
		for _, day := range []int64{all, key.day} {
			above := cutKey{key.metricKey, day, kind}
			s.moments(above, m[:]...)
			for _, both := range []int64{all, all - 1} {
				s.moments(cutKey{key.metricKey, day, both})
			}
		}
	}
	for _, key := range slices.SortedFunc(maps.Keys(s.metrics), compare) {
		name := fmt.Sprintf("run %d, %q, %q, group %d", key.run, key.variant, key.metric, key.group)
		if key.day != all {
			name += fmt.Sprintf(", day %d", key.day)
		}
		m := s.metrics[key]
		switch {
		case key.age == all:
			lines = append(lines, name+", all: "+texts(m, 8)+" "+texts(s.metrics[cutKey{key.metricKey, key.day, all - 1}], 3))
		case key.age >= 0:
			lines = append(lines, fmt.Sprintf("%s, age %d: %s", name, key.age, texts(m, 8)))
		}
	}
	return append(lines, s.productLines()...)
}

// text is the reference in the form of counted.
func (r *reference) text(t fataler) string {
	all := map[string]any{"link_conflicts": r.conflicts}
	for id, s := range r.sums {
		_, declared := r.registry.Get(id)
		if declared || len(s.Runs) > 0 || s.OutsideRun+s.NoExposure+s.Held[0]+s.Held[1] > 0 {
			all[id] = map[string]any{"counts": s.Aggregate, "metrics": s.lines()}
		}
	}
	return indent(t, all)
}

func indent(t fataler, v any) string {
	raw, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// counted is what the fold counts, without the ledger.
func counted(t fataler, f *core.Fold) string {
	v := f.View()
	all := map[string]any{"link_conflicts": v.LinkConflicts}
	for _, id := range v.Experiments() {
		s, _ := v.Experiment(id)
		all[id] = map[string]any{"counts": s.Aggregate, "metrics": s.Aggregate.Lines()}
	}
	return indent(t, all)
}

// TestAgainstTheReference holds the fold to the text, in any order, with any repetition, in any batches, with the
// definitions anywhere between the events.
func TestAgainstTheReference(t *testing.T) { againstTheReference(t) }

// TestAgainstTheReferenceInTheBackground is the same for persons and sets of ids that are too large for being changed in
// place, which here nearly all are.
func TestAgainstTheReferenceInTheBackground(t *testing.T) {
	defer core.InBackground(1<<40, 3)()
	defer core.Small(4, 1, 2)()
	againstTheReference(t)
}

func againstTheReference(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		records := declaredHistory(rt)
		seed := rapid.Uint64().Draw(rt, "seed")
		random := rand.New(rand.NewPCG(seed, seed))
		largest := rapid.SampledFrom([]int{1, 7, 100}).Draw(rt, "largest batch")
		compare := func(records []canonical.Record) string {
			db := openStore(rt, store.NewDisk())
			defer db.Close()
			f := openFold(rt, db)
			fold(rt, f, records, func() int { return 1 + random.IntN(largest) })
			if got, want := counted(rt, f), refer(records).text(rt); got != want {
				return "the fold differs from the reference: " + differ(got, want)
			}
			if diff, err := f.Audit(); err != nil || len(diff) > 0 {
				return fmt.Sprintf("audit: %v %v", diff, err)
			}
			return ""
		}
		if compare(records) != "" {
			records = smallest(records, func(r []canonical.Record) bool { return compare(r) != "" })
			rt.Fatalf("%s\nafter\n%s", compare(records), tell(records))
		}
	})
}

// smallest leaves out records as long as the rest still fails: what remains can be read.
func smallest(records []canonical.Record, fails func([]canonical.Record) bool) []canonical.Record {
	for i := 0; i < len(records); {
		if less := slices.Delete(slices.Clone(records), i, i+1); fails(less) {
			records, i = less, 0
		} else {
			i++
		}
	}
	return records
}

// TestWhatTheReferenceFound keeps the histories in which the fold once differed, each as short as it gets.
func TestWhatTheReferenceFound(t *testing.T) {
	const late = `{"id":"x","variants":[{"key":"a"},{"key":"b"}],"control":"a","metrics":[],"runs":[{"run":1,"status":"running","started_at":%s,"ended_at":null}]}`
	cases := []struct {
		name    string
		history func(*builder)
	}{
		{"an end before every run, and then the run starts earlier", func(b *builder) {
			b.define(fmt.Sprintf(late, `"`+(t0+10).String()+`"`))
			b.end("u", "a", "incident", 5)
			b.define(fmt.Sprintf(late, "null"))
		}},
		{"the vendor's own name becomes an alias", func(b *builder) {
			b.add(canonical.Event{Kind: canonical.Exposed, ExperimentID: "raw", SourceExperiment: "ex", Variant: "a", UserID: "u", At: t0})
			b.define(define(1))
		}},
		{"what was an alias is declared", func(b *builder) {
			b.define(define(1))
			b.add(canonical.Event{Kind: canonical.Exposed, ExperimentID: "ex", Variant: "a", UserID: "u", At: t0})
			b.define(strings.Replace(fmt.Sprintf(late, "null"), `"x"`, `"ex"`, 1))
		}},
		{"a duplicate names no experiment, the kept report another one", func(b *builder) {
			b.expose("u", "", "a", 0)
			b.convert("u", "", 1, func(e *canonical.Event) { e.DedupKey, e.ExperimentID, e.Variant = "o", "y", "a" })
			b.convert("u", "", 2, func(e *canonical.Event) { e.DedupKey = "o" })
		}},
		{"a duplicate names an experiment, the kept report none", func(b *builder) {
			b.expose("u", "", "a", 0)
			b.add(canonical.Event{Kind: canonical.Exposed, ExperimentID: "y", Variant: "a", UserID: "u", At: t0})
			b.convert("u", "", 1, func(e *canonical.Event) { e.DedupKey = "o" })
			b.convert("u", "", 2, func(e *canonical.Event) { e.DedupKey, e.ExperimentID, e.Variant = "o", "y", "a" })
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := &builder{}
			c.history(b)
			if got, want := counted(t, run(t, b)), refer(b.events).text(t); got != want {
				t.Fatalf("%s\nwant %s", got, want)
			}
		})
	}
}

// declarations are changes that move runs, windows, variants and names, so that nothing stays where an earlier one put it.
var declarations = []string{
	define(1),
	fmt.Sprintf(`{"id":"x","variants":[{"key":"a"},{"key":"b"},{"key":"other"}],"control":"a","revision":2,"aliases":{"api":["y"],"ld":["ex"]},"window":"5ms",
 "metrics":[{"id":"refunds","role":"primary","type":"sum","event":"refund","field":"metric_value"},
  {"id":"share","type":"ratio","numerator":"refund","denominator":{"event":"purchase","field":"value"},"window":"0"}],
 "runs":[{"run":1,"status":"running","started_at":"%s","ended_at":"%s"},{"run":2,"status":"running","started_at":"%s","ended_at":"%s"}]}`, t0+8, t0+15, t0+22, t0+33),
	`{"id":"ex","variants":[{"key":"a"},{"key":"bee"}],"control":"a","revision":1,"metrics":[],"runs":[{"run":1,"status":"running","started_at":null,"ended_at":null}]}`,
	`{"id":"y","variants":[{"key":"a"},{"key":"b","aliases":{"ld":["other"]}}],"control":"a","revision":1,"aliases":{"ld":["ex"]},
 "metrics":[{"id":"purchase","role":"primary","type":"proportion","event":"purchase"}],"runs":[{"run":1,"status":"running","started_at":null,"ended_at":null}]}`,
	`{"id":""}`, filter(1), filter(2), `{"filters":{"internal":[{}]}}`,
}

// declaredHistory draws a history with repetitions, in any order, with up to four changes of the registry anywhere in it.
func declaredHistory(t *rapid.T) []canonical.Record {
	records := history(t).events
	for range rapid.IntRange(0, 10).Draw(t, "repetitions") {
		records = append(records, records[rapid.IntRange(0, len(records)-1).Draw(t, "repeated")])
	}
	records = rapid.Permutation(records).Draw(t, "order")
	for range rapid.IntRange(0, 4).Draw(t, "changes") {
		r := canonical.Record{Definition: []byte(rapid.SampledFrom(declarations).Draw(t, "change"))}
		records = slices.Insert(records, rapid.IntRange(0, len(records)).Draw(t, "place"), r)
	}
	return records
}

// tell writes a history down for whoever has to understand a failure.
func tell(records []canonical.Record) string {
	var b strings.Builder
	for _, r := range records {
		if r.Definition != nil {
			fmt.Fprintf(&b, "%s\n", r.Definition)
		} else {
			fmt.Fprintf(&b, "%s\n", r.Event.AppendJSON(nil))
		}
	}
	return b.String()
}
