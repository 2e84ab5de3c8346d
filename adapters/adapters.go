// Package adapters is the contract between one vendor's formats and canonical events. Many packages implement it (one folder
// a vendor) and one calls it (webhooks), which is why it has a place of its own. docs/adapters.md shows how to write one.
//
// An adapter is data in, data out. Nothing ambient appears in its signature: no response writer, router, logger or
// clock, so that a request kept as a dead letter decodes today as it will in a year. It imports canonical, adapters/field and
// nothing else of this module; no adapter may import another, nor webhooks.
package adapters

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tracklayer/tracklayer/canonical"
)

// Adapter describes one vendor: what its sources may set, what documents it, and how a source of it is opened. It is a value
// without state, safe for concurrent use.
type Adapter struct {
	// Vendor is the vendor's name as a path segment, a configuration key and a metric's label: "posthog".
	Vendor string

	// About is what documents the vendor.
	About About

	// Headers are the request headers that Decode reads, in canonical MIME form. Only they reach Decode, and they
	// are what a dead letter keeps.
	Headers []string

	// Options is the table of what a source may set.
	Options []Option

	// ParseCatalog reads the vendor's datafile, settings or configuration download. It fails with a sentence that says
	// what the file should be. Nil: the vendor's events have all that is needed.
	ParseCatalog func(data []byte) (*Catalog, error)

	// PublicKey reports whether a secret has the form of a key that this vendor's clients publish: such a key identifies
	// senders, and proves nothing. Nil: no form does.
	PublicKey func(secret []byte) bool

	// Open compiles the options of one source, once. It reports every fault of them that the table cannot see, each with the
	// name of its option; an option with a fault that the table sees is as good as left out. Call it with the function Open.
	Open func(s Settings) (Decoder, error)
}

// Open checks the options of a source, as a YAML or JSON decoder leaves them, and opens the source. It reports all faults at
// once. The decoder's Verify refuses an empty secret, which would verify everything.
func Open(a Adapter, options map[string]any) (Decoder, error) {
	s, faults := read(a.Options, options)
	d, err := a.Open(s)
	if err = errors.Join(faults, err); err != nil {
		return Decoder{}, err
	}
	if verify := d.Verify; verify != nil {
		d.Verify = func(s Source, secret []byte, e Envelope) error {
			if len(secret) == 0 {
				return errEmptySecret
			}
			return verify(s, secret, e)
		}
	}
	return d, nil
}

// Decoder reads the requests of one source. Its functions are pure and safe for concurrent use.
type Decoder struct {
	// Verify checks a request's signature or token against one secret of the source. It returns nil or wraps
	// ErrUnauthorized with what does not match. It sees all headers. A signature's time is compared with
	// Envelope.ReceivedAt. The secret is not empty.
	Verify func(s Source, secret []byte, e Envelope) error

	// Decode gives every item of the request exactly one outcome: events, one rejection, or a counted ignore. It
	// fails, wrapping ErrUnreadable, only if the request as a whole cannot be taken apart; then nothing of it
	// counts. It never panics: the same envelope gives the same batch, and only Envelope.ReceivedAt,
	// copied into the events, depends on when it arrived. It is also the time of what has none of its own; in an event
	// ClockOffset says how much of At is not the sender's.
	Decode func(s Source, e Envelope) (Batch, error)

	// Reply is the response that this vendor's SDK expects, so that it neither retries needlessly nor disables itself.
	Reply func(e Envelope, o Outcome) Response
}

// Source is what may differ from one request of a source to the next, and what its events say of it.
type Source struct {
	Name    string          // becomes Event.Source
	Catalog *Catalog        // nil: there is none, and events count under the vendor's own ids
	Rules   canonical.Rules // what the deployment refuses as an id
	Limits  Limits          // what a request may carry
}

// Envelope is a captured request, its body decompressed.
type Envelope struct {
	Method     string
	Path       string // what follows /webhooks/{source}: "" or starts with a slash
	RawQuery   string
	Header     http.Header
	Body       []byte
	ReceivedAt canonical.Time
}

// Query parses RawQuery; what cannot be parsed is left out.
func (e Envelope) Query() url.Values {
	q, _ := url.ParseQuery(e.RawQuery) // the malformed part is left out, the rest still counts
	return q
}

// Batch is what a request says.
type Batch struct {
	Items    int            // how many items the request had
	Events   []Decoded      // canonical, valid, in the order of the items
	Lives    []DecodedLife  // reports about experiments, valid, in the order of the items
	Rejected []Rejection    // items that cannot be counted, each with its reason
	Ignored  map[string]int // items that are not meant to count, by reason

	// Catalog is a catalog that the request brings, for ParseCatalog. CatalogChanged says that the source's catalog is to
	// be fetched again.
	Catalog        []byte
	CatalogChanged bool
}

// DecodedLife is a report about an experiment and the item that it came from.
type DecodedLife struct {
	Index int // of the item in the request
	canonical.Life
}

// Decoded is an event and the item it came from.
type Decoded struct {
	Index int // of the item in the request
	canonical.Event
}

// Rejection says why an item cannot be counted.
type Rejection struct {
	Index  int    `json:"index"`
	Field  string `json:"field,omitempty"` // in the vendor's words where it is one of theirs
	Reason string `json:"reason"`
}

// Ignore counts an item that is not meant to count.
func (b *Batch) Ignore(reason string) {
	if b.Ignored == nil {
		b.Ignored = map[string]int{}
	}
	b.Ignored[reason]++
}

// Bounds of IgnoreWord.
const (
	maxWord  = 60 // bytes of a word
	maxWords = 20 // different reasons of one request
)

// IgnoreWord counts an item that is not meant to count, with the sender's own word for the reason, so that a reader of
// the counts can see which word to allow: "other_reason: fallthrough". A word is cut at 60 bytes, and past 20 different
// reasons in one request the words are left out.
func (b *Batch) IgnoreWord(reason, word string) {
	word = strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return -1
		}
		return c
	}, strings.ToValidUTF8(word, ""))
	for len(word) > maxWord {
		_, size := utf8.DecodeLastRuneInString(word)
		word = word[:len(word)-size]
	}
	named := reason + ": " + word
	if _, known := b.Ignored[named]; word == "" || !known && len(b.Ignored) >= maxWords {
		named = reason
	}
	b.Ignore(named)
}

// Reject records why item index cannot be counted. A *canonical.FieldError names its field.
func (b *Batch) Reject(index int, err error) {
	r := Rejection{Index: index, Reason: err.Error()}
	if fe := (*canonical.FieldError)(nil); errors.As(err, &fe) {
		r.Field, r.Reason = fe.Field, fe.Detail
	}
	b.Rejected = append(b.Rejected, r)
}

// RejectedField is the field of the last rejection if that is the one of item index, so that an adapter can name it in the
// vendor's words; else nil.
func (b *Batch) RejectedField(index int) *string {
	last := len(b.Rejected) - 1
	if last < 0 || b.Rejected[last].Index != index {
		return nil
	}
	return &b.Rejected[last].Field
}

// Accept adds the events of item index, stamped with the source and the time of receipt. Where one of them breaks the
// contract the whole item is rejected, so that an item is never half counted.
func (b *Batch) Accept(s Source, e Envelope, index int, events ...canonical.Event) {
	at := len(b.Events)
	for _, ev := range events {
		ev.Source, ev.ReceivedAt, ev.SchemaVersion = s.Name, e.ReceivedAt, canonical.SchemaVersion
		ev.BatchIndex = index
		ev.DropPlaceholders(s.Rules)
		if err := ev.Validate(s.Rules); err != nil {
			b.Events = b.Events[:at]
			b.Reject(index, err)
			return
		}
		b.Events = append(b.Events, Decoded{index, ev})
	}
}

// Tell adds the reports of item index, stamped with the source and the time of receipt. Where one of them breaks the
// contract the whole item is rejected. An item may have reports and events, but not reports and an ignore.
func (b *Batch) Tell(s Source, e Envelope, index int, lives ...canonical.Life) {
	at := len(b.Lives)
	for _, l := range lives {
		l.Source, l.ReceivedAt = s.Name, e.ReceivedAt
		if err := l.Validate(); err != nil {
			b.Lives = b.Lives[:at]
			b.Reject(index, err)
			return
		}
		b.Lives = append(b.Lives, DecodedLife{index, l})
	}
}

// Errors of a whole request. Everything that goes wrong wraps one of them.
var (
	ErrUnreadable   = errors.New("the request cannot be read")
	ErrUnauthorized = errors.New("the signature or token does not match")
	ErrTooLarge     = errors.New("the request is too large")
	ErrBusy         = errors.New("the event log cannot take a durable write now")
)

var errEmptySecret = fmt.Errorf("%w: the secret is empty", ErrUnauthorized)

// ErrNotServed is an ErrUnreadable of a request that brings nothing: an SDK that sends its events here asks for flags or
// settings here as well, because it knows one address only. There is nothing to keep of it.
var ErrNotServed = fmt.Errorf("%w: nothing is served here, events are taken", ErrUnreadable)

// Unreadable wraps ErrUnreadable with what to fix.
func Unreadable(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrUnreadable, fmt.Sprintf(format, args...))
}

// Outcome is what became of a request. Err is nil once every accepted event is on disk, else it wraps
// one of the errors above.
type Outcome struct {
	Accepted, Rejected, Ignored int
	Err                         error
}

// Status is the HTTP status of a response: success, or what a sender should conclude from the error. What may pass is 503, after
// which every SDK tries again.
func (o Outcome) Status(success int) int {
	switch {
	case o.Err == nil:
		return success
	case errors.Is(o.Err, ErrTooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.Is(o.Err, ErrNotServed):
		return http.StatusNotFound
	case errors.Is(o.Err, ErrUnreadable):
		return http.StatusBadRequest
	case errors.Is(o.Err, ErrUnauthorized):
		return http.StatusUnauthorized
	}
	return http.StatusServiceUnavailable
}

// Response is an HTTP response. Package webhooks adds CORS, Retry-After and its own headers.
type Response struct {
	Status      int
	ContentType string
	Body        []byte
}
