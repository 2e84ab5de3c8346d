package sim_test

import (
	"math"
	"math/rand/v2"
	"strconv"

	"github.com/tracklayer/tracklayer/canonical"
)

const (
	experiment = "x"
	start      = canonical.Time(1795132800000) // 2026-11-20T00:00:00Z
	day        = 86_400_000                    // in milliseconds
)

// shares of the conversions fall on the first, second and third day after the exposure.
var shares = [windowDays]float64{0.6, 0.25, 0.15}

// late is the share of users who convert after the window, for whatever reason: it must never count.
const late = 0.02

// week is how the arrivals of a day compare with the mean, from a Friday on.
var week = [7]float64{1, 0.8, 0.8, 1.1, 1.1, 1.1, 1.1}

// people are the events of an experiment by the day on which they are received.
type people struct {
	*scenario
	*rand.Rand
	by   [looks][]canonical.Record
	seen int // users so far
	ids  int // events so far
}

func (s *scenario) people(seed rand.Source) *people {
	p := &people{scenario: s, Rand: rand.New(seed)}
	for d := range looks {
		for range p.poisson(s.perArm * float64(1+s.treatments) * week[d%7]) {
			p.arrive(d)
		}
	}
	return p
}

// poisson counts the arrivals of a Poisson process in a time in which this many are expected.
func (p *people) poisson(expected float64) (n int) {
	for sum := p.ExpFloat64(); sum < expected; sum += p.ExpFloat64() {
		n++
	}
	return n
}

// arrive lets one user come on a day.
func (p *people) arrive(d int) {
	p.seen++
	arm := p.IntN(1 + p.treatments)
	at := int64(d)*day + p.Int64N(day)
	reported := !(arm == 1 && p.Float64() < p.lost)
	user := "u" + strconv.Itoa(p.seen)
	keys := p.keys()
	if reported {
		p.add(canonical.Event{Kind: canonical.Exposed, ExperimentID: experiment, Variant: keys[arm], UserID: user}, at)
	}
	if p.crossed > 0 && p.Float64() < p.crossed {
		other := keys[(arm+1+p.IntN(p.treatments))%len(keys)]
		p.add(canonical.Event{Kind: canonical.Exposed, ExperimentID: experiment, Variant: other, UserID: user}, at+p.Int64N(day))
	}
	p.buy(user, arm, d, at)
	if p.guardrail != 0 {
		rate := 0.5
		if arm > 0 {
			rate *= 1 + p.guardrail
		}
		if p.Float64() < rate {
			p.add(canonical.Event{Kind: canonical.Converted, ConversionEvent: "returned", UserID: user}, at+p.Int64N(windowDays*day))
		}
	}
}

// buy lets the user convert, on one of the days of the window, after it, or never.
func (p *people) buy(user string, arm, d int, at int64) {
	left := p.Float64()
	for age, share := range shares {
		rate := p.rate * share
		if arm > 0 {
			rate *= 1 + p.lift(arm-1, d, age)
		}
		if left -= rate; left < 0 {
			p.add(p.purchase(user), at+int64(age)*day+p.Int64N(day))
			return
		}
	}
	if left < late {
		p.add(p.purchase(user), at+windowDays*day+p.Int64N(7*day))
	}
}

func (p *people) purchase(user string) canonical.Event {
	e := canonical.Event{Kind: canonical.Converted, ConversionEvent: "bought", UserID: user}
	if p.revenue {
		cents := math.Round(3000 * math.Exp(p.NormFloat64()))
		e.Value, _ = canonical.ParseNumber(strconv.FormatFloat(cents/100, 'f', 2, 64)) // is a decimal within the range
		e.Currency = "EUR"
	}
	return e
}

// add puts an event on the log of its day; what comes after the last look is not simulated.
func (p *people) add(e canonical.Event, at int64) {
	d := at / day
	if d >= looks {
		return
	}
	p.ids++
	e.ID, e.Source, e.SchemaVersion = "e"+strconv.Itoa(p.ids), "api", 1
	e.At = start + canonical.Time(at)
	e.ReceivedAt = e.At
	p.by[d] = append(p.by[d], canonical.Record{Event: e})
}

// midnight ends a day: whatever comes first on the next one lets the watermark pass it.
func (p *people) midnight(d int) {
	p.ids++
	at := start + canonical.Time(d+1)*day
	p.by[d] = append(p.by[d], canonical.Record{Event: canonical.Event{
		ID: "e" + strconv.Itoa(p.ids), Source: "api", SchemaVersion: 1, Kind: canonical.Linked,
		UserID: "clock", AnonymousID: "clock", At: at, ReceivedAt: at,
	}})
}
