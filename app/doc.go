// Package app is the program: a TrackLayer with its ingest endpoints, log, core, readouts and pages, made by New from a
// configuration, run by Start and ended by Stop. Any number of them run in one process, each with a data folder of its
// own, on free ports if the configuration says 127.0.0.1:0.
//
// All packages are joined here and nowhere else, so it may import all others. Only commands and tests import it. It does
// not read flags, print, or change anything of the process: package main of cmd/tracklayer does.
package app
