// Package readout is the answer for one run as of a stream sequence: it joins the aggregates of the core, the
// definition of the experiment and the mathematics of stats into one Readout.
//
// It is a pure function of the core's View and of the version of the code: no clock, no storage, no network. The same
// View gives the same bytes, so a readout can be asked for again and compared. How long an experiment has been running
// is measured by the View's watermark, the latest receipt that was applied.
//
// Rules that are decided here, beside those of the semantics:
//
//   - The crossover policy of the definition decides who is counted: exclude counts clean persons, first_exposure adds
//     crossovers in the variant they were exposed to first. The readout also has the main figures under the other policy.
//   - A number that does not exist is null, and reasons beside it names why. Approximations that would pretend to know
//     (a normal one if an arm has no variance, a probability from a prior alone) are null as well.
//   - Means and variances are computed from exact integers and rounded once.
//   - The always-valid interval is tuned for the plan's sequential_users: fixed before the start, never by the data. It is
//     shown from 100 users an arm on. Its marker, win or harm, is given to matured users alone, because a value that
//     still grows after its user was counted breaks the interval.
//   - A decision is based on the matured users of the primary metric and on the plan in force, condition by condition in the
//     order of docs/semantics.md. A probability alone never makes a run eligible before its planned end.
//   - Everything that is judged by the time of now is judged by the newest receipt, or by the run's end if that was
//     before.
//
// Every question to a View has a Question in it: Make, Series and Allocate take it, or a struct that embeds it.
//
// Inside there are layers, each a type that embeds the one before: population is who is counted, progress is how far the
// run is on the way to its planned end, measured makes the numbers of the metrics, and checker, decision and headline
// judge them, in files named check_*.go, decide.go and headline.go.
//
// It imports core, registry, stats and canonical. web and pages show its results and compute nothing themselves; nothing
// below may import it.
package readout
