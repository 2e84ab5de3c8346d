// Package ledger is the lines of the conservation ledger: for every day, source, kind and experiment, how many of the items
// received were accepted, redelivered, conflicting, rejected, erased or ignored, and why.
//
// A line is a sum, the same in whatever order items are added. The package reads and writes one line; package core keeps
// them.
package ledger
