package adaptertest

import (
	"bytes"
	"errors"
	"maps"
	"net/http"
	"net/textproto"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/canonical"
)

// opened is an adapter with a source of it that was opened with a golden's options.
type opened struct {
	adapters.Adapter
	adapters.Decoder
	source adapters.Source
}

func (a opened) outcome(g Golden) []byte { return written(a.Decode(a.source, g.Envelope)) }

type law struct {
	name  string
	check func(r report, a opened, g Golden)
}

var laws = []law{
	{"whole", checkWhole},
	{"documented", checkDocumented},
	{"options", checkOptions},
	{"golden", checkGolden},
	{"pure", checkPure},
	{"headers", checkHeaders},
	{"nothing vanishes", checkNothingVanishes},
	{"valid", checkValid},
	{"unbreakable", checkUnbreakable},
	{"quiet", checkQuiet},
}

// checkWhole: a sender is answered with success only once its events are on disk, and is not sent away for what may pass.
func checkWhole(r report, a opened, g Golden) {
	r.tb.Helper()
	if a.Vendor == "" || strings.Trim(a.Vendor, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
		r.errorf("vendor %q must be a plain path segment", a.Vendor)
	}
	if a.Verify == nil || a.Decode == nil || a.Reply == nil {
		r.errorf("Verify, Decode and Reply must be there")
		return
	}
	for _, name := range a.Headers {
		if name != textproto.CanonicalMIMEHeaderKey(name) {
			r.errorf("header %q is not in canonical form, %q is", name, textproto.CanonicalMIMEHeaderKey(name))
		}
	}
	if text := g.Section("catalog"); text != nil {
		if a.ParseCatalog == nil {
			r.errorf("the golden has a catalog, and the adapter reads none")
		} else if _, err := a.ParseCatalog(text); err != nil {
			r.errorf("the golden's catalog: %v", err)
		}
	}
	if err := a.Verify(a.source, []byte("no secret at all"), g.Envelope); err != nil && !errors.Is(err, adapters.ErrUnauthorized) {
		r.errorf("Verify fails with %v, which does not wrap ErrUnauthorized", err)
	}
	if status := a.Reply(g.Envelope, adapters.Outcome{Accepted: 1}).Status; status < 200 || status > 299 {
		r.errorf("success is answered with %d", status)
	}
	if status := a.Reply(g.Envelope, adapters.Outcome{Err: adapters.ErrBusy}).Status; status < 500 && status != http.StatusTooManyRequests {
		r.errorf("ErrBusy is answered with %d, after which a sender may not come again", status)
	}
}

// checkDocumented: lists of vendors and the vendor's page can be made from the adapter, and the routes are those that it decodes.
func checkDocumented(r report, a opened, g Golden) {
	r.tb.Helper()
	if about := a.About; about.Title == "" || about.Reads == "" || about.Page == "" || len(about.Routes) == 0 {
		r.errorf("About must have a title, what is read, a page and routes")
	}
	if _, err := a.Decode(a.source, g.Envelope); err != nil {
		return
	}
	if !slices.ContainsFunc(a.About.Routes, func(route adapters.Route) bool { return route.Matches(g.Envelope.Method, g.Envelope.Path) }) {
		r.errorf("%s %s is decoded and is none of the routes", g.Envelope.Method, g.Envelope.Path)
	}
}

// checkOptions: the table has all that the page and the errors need, and its examples are right.
func checkOptions(r report, a opened, _ Golden) {
	r.tb.Helper()
	required, all := map[string]any{}, map[string]any{}
	for _, o := range a.Options {
		if _, twice := all[o.Name]; twice || o.Name == "" || o.Doc == "" || o.Kind == 0 {
			r.errorf("option %q must have a name of its own, a kind and a doc", o.Name)
		}
		if all[o.Name] = decoded(o.Example); o.Required {
			required[o.Name] = all[o.Name]
		}
	}
	if _, err := adapters.Open(a.Adapter, all); err != nil {
		r.errorf("the examples of the options: %v", err)
	}
	if _, err := adapters.Open(a.Adapter, required); err != nil {
		r.errorf("without the options that may be left out: %v", err)
	}
	required["no such option"] = true
	if _, err := adapters.Open(a.Adapter, required); err == nil {
		r.errorf("an option that is not in the table is taken")
	}
}

// decoded is an example as a YAML or JSON decoder would leave it.
func decoded(example any) any {
	switch v := example.(type) {
	case []string:
		list := make([]any, len(v))
		for i := range v {
			list[i] = v[i]
		}
		return list
	case map[string]string:
		m := make(map[string]any, len(v))
		for key := range v {
			m[key] = v[key]
		}
		return m
	}
	return example
}

func checkGolden(r report, a opened, g Golden) {
	r.tb.Helper()
	got, want := a.outcome(g), g.Section("want")
	if bytes.Equal(got, want) {
		return
	}
	line := 0
	wants := strings.Split(string(want), "\n")
	for i, s := range strings.Split(string(got), "\n") {
		if line = i; i >= len(wants) || s != wants[i] {
			break
		}
	}
	r.errorf("differs from want in line %d (-update rewrites it); got\n%s", line+1, got)
}

func checkPure(r report, a opened, g Golden) {
	r.tb.Helper()
	body, header := bytes.Clone(g.Envelope.Body), g.Envelope.Header.Clone()
	first, err1 := a.Decode(a.source, g.Envelope)
	again, err2 := a.Decode(a.source, g.Envelope)
	if !reflect.DeepEqual(first, again) || !sameError(err1, err2) {
		r.errorf("decoded again it is another batch")
	}
	if !bytes.Equal(body, g.Envelope.Body) || !reflect.DeepEqual(header, g.Envelope.Header) {
		r.errorf("Decode writes to the envelope")
	}
	late := g.Envelope
	late.ReceivedAt = late.ReceivedAt.Add(90 * time.Minute)
	later, err3 := a.Decode(a.source, late)
	ahead := aheadOf(first, g.Envelope.ReceivedAt)
	first, later = without(first, ahead), without(later, ahead)
	if !sameError(err1, err3) || len(later.Events) != len(first.Events) || later.Items != first.Items ||
		len(later.Lives) != len(first.Lives) || !slices.Equal(later.Rejected, first.Rejected) || !maps.Equal(later.Ignored, first.Ignored) {
		r.errorf("arrived later it is another batch")
		return
	}
	for i := range later.Events {
		was, is := &first.Events[i], &later.Events[i]
		if is.ReceivedAt != late.ReceivedAt {
			r.errorf("event %d: received_at is %s, must be the envelope's %s", i, is.ReceivedAt, late.ReceivedAt)
		}
		// An event without a time of its own happened when it arrived. One with a clock offset says itself what of the
		// time is the sender's.
		if was.At == was.ReceivedAt && is.At == is.ReceivedAt && was.ClockOffset == 0 && is.ClockOffset == 0 {
			is.At = was.At
		}
		if a, b := was.AppendBody(nil), is.AppendBody(nil); !bytes.Equal(a, b) || was.Index != is.Index {
			r.errorf("event %d: arrived later it is another event\n%s\n%s", i, a, b)
		}
	}
	for i := range later.Lives {
		was, is := first.Lives[i], later.Lives[i]
		if was.At == was.ReceivedAt && is.At == is.ReceivedAt {
			was.At = is.At
		}
		if was.ReceivedAt = is.ReceivedAt; was != is {
			r.errorf("report %d: arrived later it is another one\n%+v\n%+v", i, was, is)
		}
	}
}

// aheadOf are the items that canonical.Event.Validate rejects because they happen long after their receipt: the one
// rule that looks at the time of arrival. What becomes of them later is not compared.
func aheadOf(b adapters.Batch, receivedAt canonical.Time) map[int]bool {
	ahead := map[int]bool{}
	for _, j := range b.Rejected {
		if strings.Contains(j.Reason, "after its receipt at "+receivedAt.String()) {
			ahead[j.Index] = true
		}
	}
	return ahead
}

func without(b adapters.Batch, items map[int]bool) adapters.Batch {
	b.Events = slices.DeleteFunc(slices.Clone(b.Events), func(e adapters.Decoded) bool { return items[e.Index] })
	b.Lives = slices.DeleteFunc(slices.Clone(b.Lives), func(l adapters.DecodedLife) bool { return items[l.Index] })
	b.Rejected = slices.DeleteFunc(slices.Clone(b.Rejected), func(j adapters.Rejection) bool { return items[j.Index] })
	return b
}

func sameError(a, b error) bool {
	return (a == nil) == (b == nil) && (a == nil || a.Error() == b.Error())
}

func checkHeaders(r report, a opened, g Golden) {
	r.tb.Helper()
	bare := g
	bare.Envelope.Header = http.Header{}
	for _, name := range a.Headers {
		if values := g.Envelope.Header.Values(name); values != nil {
			bare.Envelope.Header[name] = values
		}
	}
	if full, kept := a.outcome(g), a.outcome(bare); !bytes.Equal(full, kept) {
		r.errorf("with Adapter.Headers alone it is another batch: Decode reads a header that it does not name; got\n%s", kept)
	}
}

func checkNothingVanishes(r report, a opened, g Golden) {
	r.tb.Helper()
	if b, err := a.Decode(a.source, g.Envelope); err == nil {
		conserve(r, b, "")
	}
}

// conserve checks that every item has exactly one outcome.
func conserve(r report, b adapters.Batch, of string) {
	r.tb.Helper()
	seen := map[int]string{}
	last := -1
	for _, e := range b.Events {
		if e.Index < last {
			r.errorf("%sevents are not in the order of their items", of)
		}
		last = e.Index
		seen[e.Index] = "an event"
	}
	for _, l := range b.Lives {
		seen[l.Index] = "a report"
	}
	for _, j := range b.Rejected {
		if was, ok := seen[j.Index]; ok {
			r.errorf("%sitem %d is rejected, and was already %s", of, j.Index, was)
		}
		if j.Reason == "" {
			r.errorf("%sitem %d is rejected without a reason", of, j.Index)
		}
		seen[j.Index] = "a rejection"
	}
	for i := range seen {
		if i < 0 || i >= b.Items {
			r.errorf("%sitem %d of %d", of, i, b.Items)
		}
	}
	total := len(seen)
	for reason, n := range b.Ignored {
		if n <= 0 || reason == "" {
			r.errorf("%signored %d for %q", of, n, reason)
		}
		total += n
	}
	if total != b.Items {
		r.errorf("%s%d items, but %d outcomes", of, b.Items, total)
	}
}

func checkValid(r report, a opened, g Golden) {
	r.tb.Helper()
	s := a.source
	b, err := a.Decode(s, g.Envelope)
	if err != nil {
		if !errors.Is(err, adapters.ErrUnreadable) {
			r.errorf("Decode fails with %v, which does not wrap ErrUnreadable", err)
		}
		return
	}
	writable(r, s, b, "")
}

// writable checks that every event keeps the contract and survives the log.
func writable(r report, s adapters.Source, b adapters.Batch, of string) {
	r.tb.Helper()
	for i := range b.Events {
		e := &b.Events[i].Event
		if err := e.Validate(s.Rules); err != nil {
			r.errorf("%sevent %d: %v", of, i, err)
		}
		if e.Source != s.Name || e.SchemaVersion != canonical.SchemaVersion {
			r.errorf("%sevent %d: not stamped with source and schema version; use Batch.Accept", of, i)
		}
		wire := e.AppendJSON(nil)
		back, err := canonical.ParseWire(wire)
		if err != nil {
			r.errorf("%sevent %d: cannot be read back: %v\n%s", of, i, err, wire)
			continue
		}
		if again := back.AppendJSON(nil); !bytes.Equal(wire, again) {
			r.errorf("%sevent %d: the log changes it\n%s\n%s", of, i, wire, again)
		}
	}
	for i := range b.Lives {
		l := &b.Lives[i].Life
		if err := l.Validate(); err != nil {
			r.errorf("%sreport %d: %v", of, i, err)
		}
		if l.Source != s.Name {
			r.errorf("%sreport %d: not stamped with the source; use Batch.Tell", of, i)
		}
	}
}

func checkQuiet(r report, a opened, g Golden) {
	r.tb.Helper()
	b, err := a.Decode(a.source, g.Envelope)
	if err != nil {
		return
	}
	stored := b.AppendJSON(nil)
	for _, secret := range g.secrets() {
		if bytes.Contains(stored, []byte(secret)) {
			r.errorf("%q gets into what is stored", secret)
		}
	}
}

// secrets are the credentials of the request and the lines of the secret section.
func (g *Golden) secrets() []string {
	var found []string
	for _, name := range []string{"Authorization", "Proxy-Authorization", "Cookie"} {
		for _, value := range g.Envelope.Header.Values(name) {
			found = append(found, value, value[strings.LastIndexByte(value, ' ')+1:])
		}
	}
	found = append(found, strings.Split(string(g.Section("secret")), "\n")...)
	kept := found[:0]
	for _, s := range found {
		if s = strings.TrimSpace(s); s != "" {
			kept = append(kept, s)
		}
	}
	return kept
}
