// Package core counts. It folds the log's records into persons, and persons into aggregates, by the rules of
// docs/semantics.md, so that the result is a function of the set of events and the registry: not of their order, their
// repetition or the batches they came in.
//
// How that is kept true: facts are stored under the id they came with and never change. A person is a view over the
// facts of its ids, computed by one function (person.Rules.Evaluate); aggregates are the sum of what every person contributes.
// Whenever an event changes a person, the old contribution is taken back and the new one added, exactly, in integers.
// The common events (a first exposure, a repeat, a conversion) change the view in place; everything else computes it
// from scratch from the facts, and a test holds the two to the same result.
//
// What one person is, is in package core/person; what persons add up to and what readers see, in core/sums; the lines of the
// ledger, in core/ledger; the stored form of all of them is built from core/wire. This package is the writer: the records
// of the log (fold.go, event.go), who is who (identity.go, owner.go, crowd.go), recomputation (walk.go), erasure (erase.go),
// and what explains a person to a reader (trace.go, association.go, why.go).
//
// The package has no clock, no network and no randomness. It declares the Store it needs, imports canonical,
// registry and the packages below its own folder, and must not be imported by package webhooks, the log or the adapters.
package core
