package demo

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"
)

// Request is one request of a user, and when it is made.
type Request struct {
	At     time.Time
	Method string
	Path   string
	Header http.Header
	Body   []byte
}

// Story is some weeks of a shop, and what goes on in it from then on.
type Story struct {
	random *rand.Rand
	start  time.Time
	days   int
	plots  []*plot
	live   int // persons made up while it goes on
}

// plot is one experiment: who comes, and what they do.
type plot struct {
	id       string
	write    format
	from, to int       // days on which persons come, the last one not
	perDay   float64   // persons, before the shares
	shares   []float64 // of the variants in the traffic, which need not be what was declared
	labels   []string  // what the tool calls the variants
	event    string    // the conversion
	rate     []float64 // of the variants
	value    float64   // of a conversion, on average; 0: it has none
	then     string    // what one in twenty who converted does some hours later
	// delay is how long after the exposure a person converts.
	delay func(random *rand.Rand, variant int) time.Duration
	ended int // day on which some leave early; 0: none do
}

// happening is one thing that a person does.
type happening struct {
	at      time.Time
	kind    kind
	person  string
	variant string
	index   int // of the variant
	event   string
	value   float64
	number  int // of the happening in its plot
}

type kind uint8

const (
	exposed kind = iota
	converted
	left
)

// format writes happenings as a tool sends them.
type format func(p *plot, all []happening) Request

// Days is how long the story has been going on when it is told.
const Days = 28

// New makes up a story that ends at now.
func New(seed uint64, now time.Time) *Story {
	s := &Story{random: rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15)), days: Days}
	s.start = now.UTC().Truncate(24*time.Hour).AddDate(0, 0, -Days)
	hours := func(most float64) func(*rand.Rand, int) time.Duration {
		return func(random *rand.Rand, _ int) time.Duration {
			return time.Duration(math.Min(random.ExpFloat64()*most/4, most) * float64(time.Hour))
		}
	}
	s.plots = []*plot{
		{id: "checkout_headline", write: launchdarkly, to: Days + 1, perDay: 420, shares: []float64{1, 1}, labels: []string{"today", "shorter"}, event: "purchase", rate: []float64{0.10, 0.135}, value: 48, then: "refund", delay: hours(60)},
		{id: "pricing_page", write: growthbook, to: Days + 1, perDay: 360, shares: []float64{1, 1, 1}, labels: []string{"control", "monthly", "yearly"}, event: "plan_chosen", rate: []float64{0.08, 0.08, 0.081}, delay: hours(60)},
		{id: "onboarding_flow", write: statsig, to: Days + 1, perDay: 300, shares: []float64{1, 0.84}, labels: []string{"Control", "Guided"}, event: "activated", rate: []float64{0.22, 0.25}, delay: hours(60)},
		{id: "search_ranking", write: posthog, to: Days + 1, perDay: 700, shares: []float64{1, 1}, labels: []string{"control", "test"}, event: "result_opened", rate: []float64{0.30, 0.35}, delay: fading},
		{id: "free_shipping", write: optimizely, to: 12, perDay: 260, shares: []float64{1, 1}, labels: []string{"off", "on"}, event: "order", rate: []float64{0.06, 0.08}, value: 61, delay: hours(60), ended: 11},
		{id: "banner_color", write: vwo, from: 19, to: Days + 1, perDay: 120, shares: []float64{1, 1}, labels: []string{"1", "2"}, event: "banner_clicked", rate: []float64{0.04, 0.05}, delay: hours(40)},
		{id: "signup_form", write: backend, to: 16, perDay: 240, shares: []float64{1, 1}, labels: []string{"long", "short"}, event: "signed_up", rate: []float64{0.18, 0.23}, delay: hours(40)},
	}
	return s
}

// fading is an effect of novelty: users who see the new ranking try it at once, and comes back less.
func fading(random *rand.Rand, variant int) time.Duration {
	first := 0.35
	if variant == 1 {
		first = 0.72
	}
	if random.Float64() < first {
		return time.Duration(random.Float64() * float64(6*time.Hour))
	}
	return time.Duration((24 + random.Float64()*24*5.9) * float64(time.Hour))
}

// Start is the midnight, UTC, on which the story begins.
func (s *Story) Start() time.Time { return s.start }

// History is all requests until now, in order of time: definitions first, then what the tools send, and what people do
// with the experiments in between.
func (s *Story) History(now time.Time) []Request {
	all := s.acts(now)
	for _, p := range s.plots {
		all = append(all, p.requests(s.happenings(p), now)...)
	}
	slices.SortStableFunc(all, func(a, b Request) int { return a.At.Compare(b.At) })
	return all
}

// happenings are those of a plot, in order of time.
func (s *Story) happenings(p *plot) []happening {
	var all []happening
	person := 0
	for day := p.from; day < p.to; day++ {
		n := p.perDay * s.weekday(day)
		for range int(n + math.Sqrt(n)*s.random.NormFloat64()) {
			at := s.start.AddDate(0, 0, day).Add(s.hour())
			all = append(all, s.visit(p, fmt.Sprintf("%s-%05d", p.id[:4], person), at, day)...)
			person++
		}
	}
	slices.SortStableFunc(all, func(a, b happening) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.kind, b.kind)) })
	for i := range all {
		all[i].number = i
	}
	return all
}

// visit is what one person does. One in four hundred meets another variant as well, as happens with shared devices.
func (s *Story) visit(p *plot, person string, at time.Time, day int) []happening {
	v := s.pick(p.shares)
	all := []happening{{at: at, kind: exposed, person: person, variant: p.labels[v], index: v}}
	if s.random.IntN(400) == 0 {
		other := (v + 1) % len(p.labels)
		all = append(all, happening{at: at.Add(2 * time.Hour), kind: exposed, person: person, variant: p.labels[other], index: other})
	} else if s.random.IntN(5) == 0 {
		all = append(all, happening{at: at.Add(30 * time.Minute), kind: exposed, person: person, variant: p.labels[v], index: v})
	}
	if p.ended > 0 && day >= p.ended && v == 1 {
		return append(all, happening{at: at.Add(time.Hour), kind: left, person: person, variant: p.labels[v], index: v, event: "shipping was charged all the same"})
	}
	if s.random.Float64() < p.rate[v] {
		c := happening{at: at.Add(p.delay(s.random, v)), kind: converted, person: person, variant: p.labels[v], index: v, event: p.event}
		if p.value > 0 {
			c.value = math.Round(100*p.value*math.Exp(0.5*s.random.NormFloat64())) / 100
		}
		all = append(all, c)
		if p.then != "" && s.random.IntN(20) == 0 {
			c.at, c.event = c.at.Add(4*time.Hour), p.then
			all = append(all, c)
		}
	}
	return all
}

// weekday is how busy a day is.
func (s *Story) weekday(day int) float64 {
	switch s.start.AddDate(0, 0, day).Weekday() {
	case time.Saturday, time.Sunday:
		return 0.7
	case time.Monday:
		return 1.15
	default:
		return 1.05
	}
}

// hour is a time of the day, more often in the evening.
func (s *Story) hour() time.Duration {
	h := 15 + 4.5*s.random.NormFloat64()
	h = math.Mod(h+48, 24)
	return time.Duration(h * float64(time.Hour))
}

func (s *Story) pick(shares []float64) int {
	var sum float64
	for _, w := range shares {
		sum += w
	}
	x := s.random.Float64() * sum
	for i, w := range shares {
		if x < w {
			return i
		}
		x -= w
	}
	return len(shares) - 1
}

// batchFor is how long a tool collects before it sends.
const batchFor = 3 * time.Hour

// requests are the happenings until now as the tool sends them: what of some hours came together.
func (p *plot) requests(all []happening, now time.Time) []Request {
	var out []Request
	for len(all) > 0 && all[0].at.Before(now) {
		end := all[0].at.Truncate(batchFor).Add(batchFor)
		if end.After(now) {
			end = now
		}
		n := 0
		for n < len(all) && n < 500 && all[n].at.Before(end) {
			n++
		}
		r := p.write(p, all[:n])
		if r.Body != nil {
			r.At = end
			out = append(out, r)
		}
		all = all[n:]
	}
	return out
}

// Live is what happens at a moment after the history: a few persons come, and some of them convert.
func (s *Story) Live(now time.Time) []Request {
	var out []Request
	for _, p := range s.plots {
		if p.to <= Days || s.random.IntN(2) == 0 {
			continue
		}
		v := s.pick(p.shares)
		person := fmt.Sprintf("live-%s-%d-%d", p.id[:4], now.Unix(), s.live)
		s.live++
		all := []happening{{at: now, kind: exposed, person: person, variant: p.labels[v], index: v, number: 1_000_000 + 2*s.live}}
		if s.random.Float64() < p.rate[v] {
			all = append(all, happening{at: now, kind: converted, person: person, variant: p.labels[v], index: v, event: p.event, value: p.value, number: 1_000_001 + 2*s.live})
		}
		r := p.write(p, all)
		r.At = now
		out = append(out, r)
	}
	return out
}
