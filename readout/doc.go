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
//     crossovers in the variant they met first. The headline under the other policy stands beside it.
//   - A number that does not exist is null, and reasons beside it names why. Approximations that would pretend to know
//     (a normal one where an arm has no variance, a probability from a prior alone) are null as well.
//   - Means and variances are computed from exact integers and rounded once.
//   - The sequential interval is planned for twice the decision's min_units_per_variant, and for no fewer than 2,000
//     users in both arms: fixed by the definition, never by the data. It is shown from 100 users an arm on.
//
// It imports core, registry, stats and canonical. The web and the export show what it says and compute nothing
// themselves; nothing below may import it.
package readout
