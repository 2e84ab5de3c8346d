// Package adaptertest holds the laws that every adapter must pass, so that each vendor's folder runs them in one line
// and none has to write them down again. Only tests import it: it imports testing.
//
// The laws, on every golden:
//
//	whole            the adapter has all its parts, and answers as a sender expects
//	documented       lists and pages can be made from the adapter, and what it decodes comes by one of its routes
//	options          the table of options is whole, and its examples are right
//	golden           the request gives exactly what stands in want
//	pure             decoding again, and with a later arrival, gives the same but for the time of receipt
//	headers          only Adapter.Headers reach Decode
//	nothing vanishes every item has exactly one outcome
//	valid            every event keeps the contract and survives the log byte for byte
//	unbreakable      no truncation and no value of a wrong type makes it panic, or lose an item silently
//	quiet            no credential and no marked text gets into what is stored
package adaptertest

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/tracklayer/tracklayer/adapters"
)

var update = flag.Bool("update", false, "rewrite the want section of the golden files")

// TB is the part of testing.TB that the laws need, so that they can themselves be tested.
type TB interface {
	Helper()
	Errorf(format string, args ...any)
}

// Run checks all laws on every golden file (*.txtar) in a folder. With -update it rewrites their want sections first;
// read the difference before you commit it.
func Run(t *testing.T, a adapters.Adapter, dir string) {
	t.Helper()
	for _, g := range Goldens(t, dir) {
		t.Run(g.Name, func(t *testing.T) {
			if *update {
				g.set("want", Outcome(a, g))
				if err := os.WriteFile(filepath.Join(dir, g.Name+".txtar"), g.text(), 0o644); err != nil { //nolint:gosec // a source file
					t.Fatal(err)
				}
			}
			Check(t, a, g)
		})
	}
}

// Check checks all laws on one golden.
func Check(t TB, a adapters.Adapter, g Golden) {
	t.Helper()
	if a.Open == nil {
		report{t, "whole"}.errorf("Open must be there")
		return
	}
	d, err := adapters.Open(a, g.Options)
	if err != nil {
		report{t, "whole"}.errorf("the golden's options: %v", err)
		return
	}
	for _, law := range laws {
		own := g // so that no law sees what another made an adapter write
		own.Envelope.Body = bytes.Clone(g.Envelope.Body)
		own.Envelope.Header = g.Envelope.Header.Clone()
		law.check(report{t, law.name}, opened{a, d, g.Source(a)}, own)
	}
}

// report names the law in front of what is said against it.
type report struct {
	tb  TB
	law string
}

func (r report) errorf(format string, args ...any) {
	r.tb.Helper()
	r.tb.Errorf("%s: "+format, append([]any{r.law}, args...)...)
}
