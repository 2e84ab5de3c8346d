package adaptertest

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/canonical/jsonscan"
)

// budget is how many bytes of damaged requests one golden is decoded with, each way. Larger requests are damaged at a
// sample of places, evenly spread.
const budget = 1 << 20

func checkUnbreakable(r report, a opened, g Golden) {
	r.tb.Helper()
	e := g.Envelope
	cuts := len(e.Body)
	for i := 0; i < cuts; i += stride(cuts, cuts) {
		damaged := e
		damaged.Body = e.Body[:i:i]
		survive(r, a, damaged, fmt.Sprintf("body cut at %d: ", i))
	}
	for i := range len(e.RawQuery) {
		damaged := e
		damaged.RawQuery = e.RawQuery[:i]
		survive(r, a, damaged, fmt.Sprintf("query cut at %d: ", i))
	}
	spans := values(e.Body)
	all := len(spans) * len(wrongs)
	for i := 0; i < all; i += stride(all, len(e.Body)) {
		at, with := spans[i/len(wrongs)], wrongs[i%len(wrongs)]
		damaged := e
		damaged.Body = bytes.Join([][]byte{e.Body[:at.from], e.Body[at.to:]}, []byte(with))
		survive(r, a, damaged, fmt.Sprintf("%.80s replaced by %s: ", e.Body[at.from:at.to], with))
	}
}

// stride is how far apart n damages of a request of some size may be tried. It has no factor in common with the number
// of wrongs, so that each of them is tried.
func stride(n, size int) int {
	step := 1 + n*size/budget
	for step%2 == 0 || step%3 == 0 {
		step++
	}
	if step == 1 || n < 2 {
		return 1
	}
	return step
}

// wrongs are one value of each type.
var wrongs = []string{"null", "true", "7", `"x"`, "[]", "{}"}

// survive decodes a damaged request: it may fail in the one way there is, or give a batch in which nothing vanishes.
func survive(r report, a opened, e adapters.Envelope, of string) {
	r.tb.Helper()
	defer func() {
		if p := recover(); p != nil {
			r.errorf("%spanics: %v", of, p)
		}
	}()
	b, err := a.Decode(a.source, e)
	if err != nil {
		if !errors.Is(err, adapters.ErrUnreadable) {
			r.errorf("%sfails with %v, which does not wrap ErrUnreadable", of, err)
		}
		if b.Items != 0 || len(b.Events) != 0 {
			r.errorf("%sfails, and yet gives a batch", of)
		}
		return
	}
	conserve(r, b, of)
	writable(r, a.source, b, of)
}

type span struct{ from, to int }

// values finds every member's and element's value in a JSON text, outer ones before inner ones; none in another text.
func values(text []byte) []span {
	if jsonscan.Check(text) != nil {
		return nil
	}
	var found []span
	c := jsonscan.New(text)
	var value func() error
	value = func() error {
		kind := c.Peek() // moves to the value
		at := len(found)
		found = append(found, span{from: c.Offset()})
		var err error
		switch kind {
		case '{':
			err = c.Object(func([]byte) error { return value() })
		case '[':
			err = c.Array(func(int) error { return value() })
		default:
			err = c.Skip()
		}
		found[at].to = c.Offset()
		return err
	}
	if err := value(); err != nil {
		return nil
	}
	return found
}
