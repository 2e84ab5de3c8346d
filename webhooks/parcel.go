package webhooks

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/problem"
)

// parcel is what one request carries, between its body and its answer. Parcels are pooled: at the rates of an ingest endpoint,
// memory for events, places and answers would be most of its work.
type parcel struct {
	source string // of POST /v1/events
	text   []byte
	form   form
	items  []span // of POST /v1/events: where each item lies
	sentAt span   // where the time of sending stands, empty if nowhere

	offset int64 // milliseconds by which the sender's clock is behind ours, if that is worth correcting
	events []canonical.Event
	faults []fault // by index
	answer []byte

	ignored map[string]int // items that are not meant to count, by reason
	skipped []skip         // of POST /v1/events: which of them are ignored
}

// skip is an item that is not meant to count.
type skip struct {
	index  int
	reason string
}

// fault says why an item cannot be counted.
type fault struct {
	index  int
	field  string
	detail string
}

func (f fault) String() string {
	if f.field == "" {
		return f.detail
	}
	return f.field + ": " + f.detail
}

var parcels = sync.Pool{New: func() any { return new(parcel) }}

// maxPooled is the largest parcel, in events, that is kept for another request.
const maxPooled = 2048

func newParcel() *parcel { return parcels.Get().(*parcel) }

// free gives the parcel back. Its events, and what they point to, must not be used any more.
func (p *parcel) free() {
	if cap(p.items) > maxPooled || cap(p.events) > maxPooled || cap(p.faults) > maxPooled || cap(p.answer) > 512<<10 {
		return
	}
	clear(p.events)
	clear(p.faults)
	*p = parcel{items: p.items[:0], events: p.events[:0], faults: p.faults[:0], answer: p.answer[:0], skipped: p.skipped[:0]}
	parcels.Put(p)
}

// shed gives back the memory of a large parcel's events. Only its answer can be used afterwards.
func (p *parcel) shed() {
	if cap(p.items) > maxPooled || cap(p.events) > maxPooled {
		p.text, p.items, p.events, p.faults = nil, nil, nil, nil
	}
}

// read takes a body apart: every item becomes an event or a fault, in order. It fails, wrapping adapters.ErrUnreadable
// or adapters.ErrTooLarge, where nothing of the body can count.
func (d *Ingest) read(p *parcel, text []byte, asLines bool, at canonical.Time) error {
	if isUTF16(text) {
		return errUTF16
	}
	p.text = bytes.TrimPrefix(text, bomUTF8)
	split := p.splitJSON
	if asLines {
		split = p.splitLines
	}
	if err := split(d.Limits.BatchEvents); err != nil {
		return err
	}
	if err := p.readSentAt(at); err != nil {
		return err
	}
	p.events = slices.Grow(p.events, len(p.items))
	for i := range p.items {
		if err := d.readItem(p, i, at); err != nil {
			return err
		}
	}
	return nil
}

// readItem reads, corrects and checks one item. What is not JSON is a fault of the item, as its borders are known.
func (d *Ingest) readItem(p *parcel, i int, at canonical.Time) error {
	raw := p.text[p.items[i].from:p.items[i].to]
	if int64(len(raw)) > d.Limits.Event {
		p.reject(i, "", fmt.Sprintf("is %d bytes, an event may have %d; leave out attributes", len(raw), d.Limits.Event))
		return nil
	}
	p.events = append(p.events, canonical.Event{})
	e := &p.events[len(p.events)-1]
	err := error(nil)
	if *e, err = canonical.Parse(raw); err == nil {
		e.Source, e.ReceivedAt = p.source, at
		if p.offset != 0 && e.At != 0 {
			e.At, e.ClockOffset = e.At+canonical.Time(p.offset), p.offset
		}
		e.BatchIndex = i
		e.DropPlaceholders(d.Rules)
		if err = e.Validate(d.Rules); err == nil {
			if reason := d.ignores(e); reason != "" {
				p.events = p.events[:len(p.events)-1]
				p.skip(i, reason)
				return nil
			}
			if err = e.Complete(at, d.Random); err != nil {
				return fmt.Errorf("%w: draw an id: %w", adapters.ErrBusy, err)
			}
			return nil
		}
	}
	p.events = p.events[:len(p.events)-1]
	if fe, ok := errors.AsType[*canonical.FieldError](err); ok {
		p.reject(i, fe.Field, fe.Detail)
	} else {
		p.reject(i, "", whyNotJSON(raw))
	}
	return nil
}

// skip counts an item that is not meant to count.
func (p *parcel) skip(i int, reason string) {
	if p.ignored == nil {
		p.ignored = map[string]int{}
	}
	p.ignored[reason]++
	p.skipped = append(p.skipped, skip{i, reason})
}

func (p *parcel) reject(i int, field, detail string) {
	p.faults = append(p.faults, fault{i, field, detail})
}

// readSentAt compares the sender's clock with ours where the sender says when it sent.
func (p *parcel) readSentAt(at canonical.Time) error {
	raw := p.text[p.sentAt.from:p.sentAt.to]
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	var sent canonical.Time
	var err error
	if raw[0] == '"' {
		var text string
		if err = json.Unmarshal(raw, &text); err == nil {
			sent, err = canonical.ParseTime(text)
		}
	} else {
		sent, err = canonical.ParseMillis(string(raw))
	}
	if err != nil || sent < -1e15 || sent > 1e15 {
		const detail = `must be RFC 3339 such as "2026-11-20T10:00:00Z", or Unix milliseconds`
		return &sentAtError{problem.BadRequest("sent_at "+detail, problem.FieldError{Pointer: "/sent_at", Detail: detail})}
	}
	p.offset = canonical.ClockOffset(sent, at)
	return nil
}

// sentAtError is a time of sending that cannot be read: an unreadable request that names the place.
type sentAtError struct{ problem.Problem }

func (e *sentAtError) Unwrap() []error { return []error{adapters.ErrUnreadable, e.Problem} }

// appendResults writes the members of the answer, without its braces.
func (p *parcel) appendResults(dst []byte, seq uint64) []byte {
	dst = strconv.AppendInt(append(dst, `"accepted":`...), int64(len(p.events)), 10)
	dst = strconv.AppendInt(append(dst, `,"rejected":`...), int64(len(p.faults)), 10)
	if len(p.skipped) > 0 {
		dst = strconv.AppendInt(append(dst, `,"ignored":`...), int64(len(p.skipped)), 10)
	}
	dst = strconv.AppendUint(append(dst, `,"stream_seq":`...), seq, 10)
	dst = append(dst, `,"results":[`...)
	events, faults, skipped := p.events, p.faults, p.skipped
	for i := range p.items {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendInt(append(dst, `{"index":`...), int64(i), 10)
		if len(faults) > 0 && faults[0].index == i {
			dst = appendString(append(dst, `,"status":"rejected","error":{"field":`...), faults[0].field)
			dst = append(appendString(append(dst, `,"detail":`...), faults[0].detail), `}}`...)
			faults = faults[1:]
			continue
		}
		if len(skipped) > 0 && skipped[0].index == i {
			dst = append(append(append(dst, `,"status":"ignored","reason":"`...), skipped[0].reason...), `"}`...)
			skipped = skipped[1:]
			continue
		}
		dst = append(appendString(append(dst, `,"event_id":`...), events[0].ID), `,"status":"accepted"}`...)
		events = events[1:]
	}
	return append(dst, ']')
}

// appendString writes a JSON string. Ids are plain nearly always, and then nothing is allocated.
func appendString(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x7f {
			quoted, _ := json.Marshal(s) // a string is always JSON
			return append(dst, quoted...)
		}
	}
	return append(append(append(dst, '"'), s...), '"')
}
