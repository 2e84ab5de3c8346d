// Package sums is what the persons of an experiment add up to, and what readers see of it.
//
// An Aggregate has the counts and the exact sums of one experiment; a View has the aggregates, the registry and the ledger's
// sums of one commit, and never changes. Package core adds and subtracts what persons contribute (Aggregate.Add) and hands
// out views. All arithmetic is in integers, so the order of the additions leaves no trace.
//
// The package does no input or output and cannot change the state: a readout needs no more than this package and package
// person. It must not import package core.
package sums
