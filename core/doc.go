// Package core counts. It folds the log's records into persons, and persons into aggregates, by the rules of
// docs/semantics.md, so that the result is a function of the set of events and the registry: not of their order, their
// repetition or the batches they came in.
//
// How that is kept true: facts are stored under the id they came with and never change. A person is a view over the
// facts of its ids, computed by one function (see view.go); aggregates are the sum of what every person contributes.
// Whenever an event changes a person, the old contribution is taken back and the new one added, exactly, in integers.
// The common events (a first exposure, a repeat, a conversion) change the view in place; everything else computes it
// anew from the facts, and a test holds the two to the same result.
//
// The package has no clock, no network and no randomness. It declares the Store it needs, imports canonical and
// registry, and must not be imported by the door, the log or the adapters.
package core
