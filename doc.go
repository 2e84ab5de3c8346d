// Package tracklayer is the manual of TrackLayer, the self-hosted measurement layer for A/B experiments. It has no code;
// the program is cmd/tracklayer, and a Go program sends events with sdk/go.
//
// # The problem
//
// A team assigns variants with GrowthBook, Statsig, LaunchDarkly, VWO, Optimizely or PostHog. Each tool counts in its own
// way: whom it calls exposed, when a late purchase still counts, what happens to a visitor who logs in on another device.
// So product, growth and analytics look at different denominators, and argue about them instead of about the result.
//
// TrackLayer does not assign anything. Point the tool's webhooks, SDK event traffic and callbacks at it, and it counts every
// person once, by rules that are written down, and serves one readout that all of them can defend.
//
// # From a request to a number
//
// An SDK posts a batch of its own events. Package webhooks bounds, authenticates and decompresses the request, and hands it
// to the vendor's adapter (adapters/posthog and so on), a pure function that turns each item into exactly one outcome:
// canonical events, a rejection with the field's name, or a counted ignore. There are five kinds of event (package
// canonical):
//
//	experiment_exposed      a unit was exposed to a variant
//	experiment_converted    a unit did something that a metric counts
//	experiment_ended_early  a unit's participation was ended, and why
//	identity_linked         two ids are one person
//	identity_unlinked       they are not, after all
//
// Package stream appends them to the log, a NATS JetStream stream. Many requests share one fsync, and only then are they
// answered: a 2xx means on disk. What could not be decoded is kept with its request as a dead letter, for another try.
//
// Package core folds the log into the state: who is one person, which exposure was the first, which run a conversion
// belongs to, who was exposed to two variants or ended early. The result is a function of the set of events and of the definitions
// (package registry), and not of the order, the repetition or the batches in which they came. The state is derived: lose it,
// and it is folded again from the log.
//
// Package readout makes numbers of it, with the formulas of package stats: users, conversions, lift, credible, confidence
// and always-valid intervals, the probability to beat control, health checks, and whether a decision may be reviewed.
// Packages web and pages serve that.
//
// # Try it
//
//	go run ./cmd/tracklayer demo
//
// makes up four weeks of a shop with six tools and eight experiments, and serves its pages. The README has the first five
// minutes with events of your own.
//
// # Where to go on
//
//   - docs/events.md: every field of the five events
//   - docs/vendors: what each tool sends, and what becomes of it
//   - docs/semantics.md and docs/readout.md: what is counted, and what the numbers mean
//   - docs/operations.md: how to run it
//   - docs/architecture.md: the data's way, and who owns which bytes
//   - docs/adapters.md: how to write an adapter
package tracklayer
