// Package stats is the mathematics of an experiment's readout: plain numbers
// in, plain numbers out.
//
// It exists so that every figure on a readout comes from one place that can be
// checked against independent references without a database, a clock, a
// configuration or an event. The code that folds events into aggregates hands counts
// and sums to this package and gets probabilities, intervals and p values back.
//
// It imports nothing of this module: only the standard library and gonum's
// special functions. Within the module only the readout may import it. The
// fold must not, so that a formula can change without replaying a stream, and
// neither may adapters, webhooks or the store, which carry facts, not
// conclusions.
//
// # What is here
//
//   - [BetaPosterior] and [CompareBeta]: conversion rates, exactly, by
//     quadrature of the two Beta posteriors.
//   - [Moments] and [CompareMoments]: means, ratios and rates by their mean
//     and variance: z and Welch tests, the delta method, Fieller's interval,
//     the flat-prior normal posterior.
//   - [SRM], [SRMExact] and [SRMSequential]: does the observed split fit the
//     intended one?
//   - [CUPED]: means adjusted for what users did before.
//   - [ConfidenceSequence] and [MixtureSPRT]: intervals that may be looked at
//     every day; [GroupSequential]: bounds for looks that are planned; [Peeking]:
//     what unplanned ones cost.
//   - [Holm], [BenjaminiHochberg], [Bonferroni]: several metrics or treatments.
//   - [ProbBest], [ThompsonWeights], [TopTwoWeights], [AverageEpochs]: several
//     arms, and traffic that follows them.
//   - [Design]: users, power and days before the start; [Novelty]: does the
//     effect last?
//   - [MergeBatches], [PercentileCap], [Winsorize]: sums.
//
// # Undefined is not zero
//
// Much of what an experiment asks has no answer yet: the lift over a control
// that never converted, a variance of one user. Nothing here returns NaN or an
// infinity and nothing panics: a [Number] or an [Interval] that does not exist
// says so in OK and carries a [Reason] that a page can show in its place.
//
// # Words
//
// A lift is relative, (treatment-control)/|control|, as a fraction: 0.05 is
// five per cent. Its sign is the sign of the difference even when the control's
// mean is negative. A level is the coverage of a two-sided interval, 0.95; an
// alpha is one minus a level.
//
// All values are immutable once made and may be used from many goroutines.
package stats
