package readout

import (
	"math/big"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/registry"
	"github.com/tracklayer/tracklayer/stats"
)

// sample is one metric in one arm.
type sample struct {
	sums      sums.Sums
	users     int64
	converted int64
	sum       float64
	under     *float64 // sum of denominators
	void      bool     // the sums are in several currencies and mean nothing
	mean      stats.Number
	variance  stats.Number  // as shown
	moments   stats.Moments // as compared
	beta      *stats.BetaPosterior
}

// blank takes the figures away.
func (s *sample) blank(why stats.Reason) {
	s.sum, s.under, s.void = 0, nil, true
	s.none(why)
}

// scale is how many of the aggregate's units make one of the metric's.
func scale(field string) int64 {
	if field == "" {
		return 1
	}
	return canonical.Million
}

func sampleOf(m *registry.Metric, users int64, all sums.Sums) sample {
	sums := all.Moments
	s := sample{sums: all, users: users, converted: sums.Users}
	switch m.Type {
	case registry.Proportion:
		s.proportion()
	case registry.Mean:
		s.ratio(sums, scale(m.Field), 1)
	case registry.Ratio:
		s.ratio(sums, scale(m.Numerator.Field), scale(m.Denominator.Field))
	default:
		s.total(sums, scale(m.Field))
	}
	return s
}

// proportion needs no sums: a person's number is 0 or 1. The variance shown has n-1 like every other; the tests take
// the binomial p(1-p), as stats has it.
func (s *sample) proportion() {
	s.sum = float64(s.converted)
	s.moments = stats.RateMoments(s.users, s.converted)
	s.mean = s.moments.Mean
	if s.users < 2 {
		s.variance = stats.Undefined(fewer(s.users))
		return
	}
	n, x := float64(s.users), float64(s.converted)
	s.variance = stats.Known(x / n * ((n - x) / (n - 1)))
}

// total is the mean per person: sum/n, with the variance (n sumsq - sum^2)/(n(n-1)).
func (s *sample) total(sums sums.Moments, unit int64) {
	sum, n := sums.Y.Big(), big.NewInt(s.users)
	s.sum = quotient(sum, big.NewInt(unit))
	if s.users == 0 {
		s.none(stats.ReasonNoUsers)
		return
	}
	mean := quotient(sum, product(n, big.NewInt(unit)))
	if s.users == 1 {
		s.alone(mean)
		return
	}
	spread := new(big.Int).Sub(product(n, sums.YY.Big()), product(sum, sum))
	variance := quotient(spread, product(n, big.NewInt(s.users-1), big.NewInt(unit), big.NewInt(unit)))
	s.known(mean, variance)
}

// ratio is sum(y)/sum(d) with the person as the unit. Its linearised variance, (var y - 2R cov + R^2 var d)/mean(d)^2,
// is n^2 (yy d^2 - 2 y d yd + y^2 dd)/((n-1) d^4) in sums, where nothing cancels before it is rounded.
func (s *sample) ratio(sums sums.Moments, unitY, unitD int64) {
	y, d, n := sums.Y.Big(), sums.D.Big(), big.NewInt(s.users)
	s.sum = quotient(y, big.NewInt(unitY))
	under := quotient(d, big.NewInt(unitD))
	s.under = &under
	switch {
	case s.users == 0:
		s.none(stats.ReasonNoUsers)
		return
	case d.Sign() == 0:
		s.none(stats.ReasonDenominatorZero)
		return
	}
	mean := quotient(product(y, big.NewInt(unitD)), product(d, big.NewInt(unitY)))
	if s.users == 1 {
		s.alone(mean)
		return
	}
	spread := product(sums.YY.Big(), d, d)
	spread.Sub(spread, product(big.NewInt(2), y, d, sums.YD.Big()))
	spread.Add(spread, product(y, y, sums.DD.Big()))
	over := product(n, n, spread, big.NewInt(unitD), big.NewInt(unitD))
	variance := quotient(over, product(big.NewInt(s.users-1), d, d, d, d, big.NewInt(unitY), big.NewInt(unitY)))
	s.known(mean, variance)
}

func (s *sample) known(mean, variance float64) {
	s.moments = stats.MomentsOf(s.users, mean, variance)
	s.mean, s.variance = s.moments.Mean, s.moments.Variance
}

// alone is the sample of one person, whose variance is unknown.
func (s *sample) alone(mean float64) { s.known(mean, 0) }

func (s *sample) none(why stats.Reason) {
	s.mean, s.variance = stats.Undefined(why), stats.Undefined(why)
	s.moments = stats.Moments{N: s.users, Mean: s.mean, Variance: s.variance}
}

func fewer(users int64) stats.Reason {
	if users == 0 {
		return stats.ReasonNoUsers
	}
	return stats.ReasonTooFewUsers
}

func product(factors ...*big.Int) *big.Int {
	p := big.NewInt(1)
	for _, f := range factors {
		p.Mul(p, f)
	}
	return p
}

// precision, in bits, is so far beyond a float64's that a quotient is rounded once in effect.
const precision = 160

// quotient is the float64 nearest to a/b.
func quotient(a, b *big.Int) float64 {
	if a.Sign() == 0 {
		return 0
	}
	q := new(big.Float).SetPrec(precision)
	q.Quo(new(big.Float).SetInt(a), new(big.Float).SetInt(b))
	f, _ := q.Float64()
	return f
}
