package adaptertest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/adaptertest"
	"github.com/tracklayer/tracklayer/canonical"
)

// lawful is a small vendor that keeps all laws: an array of conversions, some of which do not count.
func lawful() adapters.Adapter { return with(parts()) }

func with(d adapters.Decoder) adapters.Adapter {
	return adapters.Adapter{
		Vendor: "toy",
		About: adapters.About{
			Title: "Toy", Reads: "conversions", Page: "docs/vendors/toy.md", Routes: []adapters.Route{{Method: "POST", Path: "/{way}", Takes: "an array"}},
		},
		Headers: []string{"X-Delivery"},
		Options: []adapters.Option{{Name: "a", Kind: adapters.Free, Doc: "nothing", Example: 1}},
		Open:    func(adapters.Settings) (adapters.Decoder, error) { return d, nil },
	}
}

func parts() adapters.Decoder {
	return adapters.Decoder{
		Verify: func(adapters.Source, []byte, adapters.Envelope) error { return adapters.ErrUnauthorized },
		Reply: func(_ adapters.Envelope, o adapters.Outcome) adapters.Response {
			if o.Err != nil {
				return adapters.Response{Status: http.StatusServiceUnavailable}
			}
			return adapters.Response{Status: http.StatusNoContent}
		},
		Decode: func(s adapters.Source, e adapters.Envelope) (adapters.Batch, error) {
			var b adapters.Batch
			var items []json.RawMessage
			if err := json.Unmarshal(e.Body, &items); err != nil {
				return b, adapters.Unreadable("%v", err)
			}
			for i, text := range items {
				b.Items++
				var it item
				if err := json.Unmarshal(text, &it); err != nil {
					b.Reject(i, err)
				} else if it.Skip {
					b.Ignore("skipped")
				} else {
					b.Accept(s, e, i, it.event(e, i))
				}
			}
			return b, nil
		},
	}
}

type item struct {
	User, Done, Note string
	At               int64
	Skip             bool
}

func (it item) event(e adapters.Envelope, i int) canonical.Event {
	return canonical.Event{
		Kind: canonical.Converted, ID: fmt.Sprintf("%s:%d", e.Header.Get("X-Delivery"), i),
		UserID: it.User, ConversionEvent: it.Done, At: canonical.Time(it.At),
	}
}

const request = `A comment.
-- request --
POST /in HTTP/1.1
Authorization: Bearer tok-123
X-Delivery: d
X-Other: o

[{"user":"u1","done":"buy","at":1795339273031,"note":"ada@example.com"},{"skip":true},{"user":"u2"}]
-- options --
{"a":1}
-- received_at --
2026-11-22T10:00:00Z
-- secret --
ada@example.com
`

func golden(t *testing.T, a adapters.Adapter) adaptertest.Golden {
	t.Helper()
	g, err := adaptertest.ParseGolden("toy", []byte(request))
	if err != nil {
		t.Fatal(err)
	}
	g, err = adaptertest.ParseGolden("toy", []byte(request+"-- want --\n"+string(adaptertest.Outcome(a, g))))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// notes collects what the laws say instead of failing the test.
type notes []string

func (n *notes) Helper()                           {}
func (n *notes) Errorf(format string, args ...any) { *n = append(*n, fmt.Sprintf(format, args...)) }

// TestToy: the golden of the guide's adapter is current.
func TestToy(t *testing.T) { adaptertest.Run(t, Adapter, "testdata/toy") }

func TestLawfulAdapterPasses(t *testing.T) {
	adaptertest.Check(t, lawful(), golden(t, lawful()))
}

// parted is an adapter whose parts can be replaced.
type parted struct {
	adapters.Decoder
	adapters.Adapter
}

// TestEveryLawCanFail breaks the adapter once and more for every law.
func TestEveryLawCanFail(t *testing.T) {
	decode := parts().Decode
	// then breaks the batch of a request that could be decoded.
	then := func(spoil func(b *adapters.Batch, e adapters.Envelope)) func(a *parted) {
		return func(a *parted) {
			a.Decode = func(s adapters.Source, e adapters.Envelope) (adapters.Batch, error) {
				b, err := decode(s, e)
				if err == nil && len(b.Events) > 0 {
					spoil(&b, e)
				}
				return b, err
			}
		}
	}
	calls := 0
	for _, c := range []struct {
		law, name string
		spoil     func(a *parted)
	}{
		{"whole", "no vendor", func(a *parted) { a.Vendor = "Toy/1" }},
		{"whole", "no Reply", func(a *parted) { a.Reply = nil }},
		{"whole", "header as written", func(a *parted) { a.Headers = []string{"X-Delivery", "x-other"} }},
		{"whole", "options", func(a *parted) { a.Options = nil }},
		{"whole", "no Open", func(a *parted) { a.Open = nil }},
		{"documented", "no page", func(a *parted) { a.About.Page = "" }},
		{"documented", "another route", func(a *parted) { a.About.Routes[0].Path = "/in/more" }},
		{"options", "without a doc", func(a *parted) { a.Options[0].Doc = "" }},
		{"options", "twice", func(a *parted) { a.Options = append(a.Options, a.Options[0]) }},
		{"options", "a wrong example", func(a *parted) {
			a.Options = append(a.Options, adapters.Option{Name: "b", Doc: "b", Kind: adapters.List, Example: "b"})
		}},
		{"options", "nothing is enough", func(a *parted) {
			a.Open = func(s adapters.Settings) (adapters.Decoder, error) {
				if s.Free("a") == nil {
					return adapters.Decoder{}, errors.New("a: is needed")
				}
				return a.Decoder, nil
			}
		}},
		{"whole", "foreign error of Verify", func(a *parted) {
			a.Verify = func(adapters.Source, []byte, adapters.Envelope) error { return errors.New("no") }
		}},
		{"whole", "success is no success", func(a *parted) {
			a.Reply = func(adapters.Envelope, adapters.Outcome) adapters.Response { return adapters.Response{Status: 503} }
		}},
		{"whole", "always well", func(a *parted) {
			a.Reply = func(adapters.Envelope, adapters.Outcome) adapters.Response { return adapters.Response{Status: 200} }
		}},
		{"golden", "another reason", then(func(b *adapters.Batch, _ adapters.Envelope) { b.Rejected[0].Reason = "because" })},
		{"pure", "a counter", then(func(b *adapters.Batch, _ adapters.Envelope) {
			calls++
			b.Events[0].ID = fmt.Sprint("n", calls)
		})},
		{"pure", "id of the arrival", then(func(b *adapters.Batch, e adapters.Envelope) { b.Events[0].ID = e.ReceivedAt.String() })},
		{"pure", "arrival not stamped", then(func(b *adapters.Batch, _ adapters.Envelope) { b.Events[0].ReceivedAt = 1795339273999 })},
		{"pure", "reason with the arrival", then(func(b *adapters.Batch, e adapters.Envelope) { b.Rejected[0].Reason = e.ReceivedAt.String() })},
		{"pure", "writes to the body", then(func(_ *adapters.Batch, e adapters.Envelope) { e.Body[len(e.Body)-1] = ' ' })},
		{"headers", "reads another header", then(func(b *adapters.Batch, e adapters.Envelope) { b.Events[0].DedupKey = e.Header.Get("X-Other") })},
		{"nothing vanishes", "an ignore not counted", then(func(b *adapters.Batch, _ adapters.Envelope) { b.Ignored = nil })},
		{"nothing vanishes", "two outcomes", then(func(b *adapters.Batch, _ adapters.Envelope) { b.Rejected[0].Index = 0 })},
		{"nothing vanishes", "an item from nowhere", then(func(b *adapters.Batch, _ adapters.Envelope) { b.Rejected[0].Index = 3 })},
		{"nothing vanishes", "no reason", then(func(b *adapters.Batch, _ adapters.Envelope) { b.Rejected[0].Reason = "" })},
		{"nothing vanishes", "out of order", then(func(b *adapters.Batch, _ adapters.Envelope) {
			b.Ignored, b.Rejected[0].Index = nil, 2
			last := b.Events[0]
			last.Index = 1
			b.Events = []adapters.Decoded{last, b.Events[0]}
		})},
		{"valid", "invalid", then(func(b *adapters.Batch, _ adapters.Envelope) { b.Events[0].UserID = "null" })},
		{"valid", "not stamped", then(func(b *adapters.Batch, _ adapters.Envelope) { b.Events[0].Source = "" })},
		{"valid", "not writable", then(func(b *adapters.Batch, _ adapters.Envelope) { b.Events[0].Attributes = json.RawMessage(`{"a"`) })},
		{"valid", "changed by the log", then(func(b *adapters.Batch, _ adapters.Envelope) { b.Events[0].EndedReason = "x" })},
		{"valid", "foreign error", func(a *parted) {
			a.Decode = func(adapters.Source, adapters.Envelope) (adapters.Batch, error) {
				return adapters.Batch{}, errors.New("no")
			}
		}},
		{"unbreakable", "panics on a cut", func(a *parted) {
			a.Decode = func(s adapters.Source, e adapters.Envelope) (adapters.Batch, error) {
				if e.Body[len(e.Body)-1] != ']' && e.Body[len(e.Body)-1] != '\n' {
					panic("cut")
				}
				return decode(s, e)
			}
		}},
		{"unbreakable", "half a batch on a cut", func(a *parted) {
			a.Decode = func(s adapters.Source, e adapters.Envelope) (adapters.Batch, error) {
				b, err := decode(s, e)
				if err != nil {
					b.Items = 1
				}
				return b, err
			}
		}},
		{"unbreakable", "foreign error on a cut", func(a *parted) {
			a.Decode = func(s adapters.Source, e adapters.Envelope) (adapters.Batch, error) {
				b, err := decode(s, e)
				if err != nil {
					err = errors.New("cut")
				}
				return b, err
			}
		}},
		{"unbreakable", "loses items of a wrong type", func(a *parted) {
			a.Decode = func(s adapters.Source, e adapters.Envelope) (adapters.Batch, error) {
				b, err := decode(s, e)
				for i, r := range b.Rejected {
					if strings.Contains(r.Reason, "json: cannot unmarshal number") {
						b.Rejected = append(b.Rejected[:i:i], b.Rejected[i+1:]...)
						break
					}
				}
				return b, err
			}
		}},
		{"quiet", "credential", then(func(b *adapters.Batch, _ adapters.Envelope) {
			b.Events[0].Attributes = json.RawMessage(`{"key":"tok-123"}`)
		})},
		{"quiet", "marked text", then(func(b *adapters.Batch, _ adapters.Envelope) {
			b.Events[0].Attributes = json.RawMessage(`{"email":"ada@example.com"}`)
		})},
	} {
		t.Run(c.law+"/"+c.name, func(t *testing.T) {
			broken := parted{parts(), lawful()}
			broken.Open = func(adapters.Settings) (adapters.Decoder, error) { return broken.Decoder, nil }
			c.spoil(&broken)
			var said notes
			adaptertest.Check(&said, broken.Adapter, golden(t, lawful()))
			for _, s := range said {
				if strings.HasPrefix(s, c.law+": ") {
					return
				}
			}
			t.Errorf("the law does not see it; others say %q", said)
		})
	}
}

func TestGoldensNameWhatIsWrong(t *testing.T) {
	for _, text := range []string{"", "-- want --\n", "-- request --\nx\n", "-- request --\nGET / HTTP/1.1\n-- options --\n[]\n", "-- request --\nGET / HTTP/1.1\n-- received_at --\ntoday\n"} {
		if _, err := adaptertest.ParseGolden("x", []byte(text)); err == nil {
			t.Errorf("%q is read", text)
		}
	}
}

// TestItemsFromTheFuture: that an event lies too far ahead of its receipt is the one thing that changes with time.
func TestItemsFromTheFuture(t *testing.T) {
	text := strings.Replace(request, `{"user":"u2"}`, `{"user":"u2","done":"buy","at":1795430700000}`, 1)
	g, err := adaptertest.ParseGolden("toy", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	g, err = adaptertest.ParseGolden("toy", []byte(text+"-- want --\n"+string(adaptertest.Outcome(lawful(), g))))
	if err != nil || !strings.Contains(string(g.Section("want")), "after its receipt") {
		t.Fatalf("%v: %s", err, g.Section("want"))
	}
	adaptertest.Check(t, lawful(), g)
}

// TestRunReadsAFolder checks that files are found, and that a golden without outcome fails.
func TestRunReadsAFolder(t *testing.T) {
	dir := t.TempDir()
	full := request + "-- want --\n" + string(adaptertest.Outcome(lawful(), golden(t, lawful()))) + "-- notes --\n"
	if err := os.WriteFile(filepath.Join(dir, "one.txtar"), []byte(full), 0o600); err != nil {
		t.Fatal(err)
	}
	goldens := adaptertest.Goldens(t, dir)
	if len(goldens) != 1 || goldens[0].Name != "one" || goldens[0].Options["a"] != 1.0 || goldens[0].Envelope.ReceivedAt.String() != "2026-11-22T10:00:00Z" {
		t.Fatalf("%+v", goldens)
	}
	adaptertest.Run(t, lawful(), dir)
	var said notes
	bare, err := adaptertest.ParseGolden("toy", []byte(request))
	if err != nil {
		t.Fatal(err)
	}
	if adaptertest.Check(&said, lawful(), bare); len(said) != 1 || !strings.HasPrefix(said[0], "golden: ") {
		t.Errorf("without want: %q", said)
	}
}
