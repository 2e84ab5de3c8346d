// Package sim simulates whole experiments: made-up people arrive, convert and are folded by core as they would be from
// the log, and readout decides at the end of every day. Thousands of them show how often the decision is wrong and how
// often it finds what is there; docs/simulation.md holds the tables. It consists of tests alone.
package sim
