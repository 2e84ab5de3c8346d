// Package registry says what an experiment is: its variants, control, metrics, runs and aliases, with the history of
// every change. It turns what a source calls an experiment and a variant into the canonical ids, and finds the run
// and the metrics that an event belongs to.
//
// A Registry is a pure value made by applying changes in the order of the log: the same changes give the same
// registry anywhere. It knows no clock, no storage and no network, and imports canonical alone. The core, the readout
// and the web read it; nothing it needs lies above it.
package registry
