package posthog

import (
	"strconv"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/field"
	"github.com/tracklayer/tracklayer/canonical"
)

// clock compares the sender's clock with ours: sent_at in the body, _ in the query, or, in capture V1, a header
// (rust/capture/src/timestamp.rs). A time of sending that cannot be read corrects nothing.
func (d *decoder) clock() int64 {
	text := d.envelope.Header.Get(stampHeader)
	if text == "" {
		text = d.req.sentAt.text
	}
	if text == "" {
		text = d.envelope.Query().Get("_")
	}
	if text == "" {
		return 0
	}
	sent, err := moment{text: text}.time()
	if err != nil || sent < canonical.MinTime {
		return 0
	}
	return canonical.ClockOffset(sent, d.envelope.ReceivedAt)
}

// future is how far ahead a time may lie before it is taken for the time of arrival.
const future = 23 * 60 * 60 * 1000

// longest is how long an event may have waited in a browser, in milliseconds: a year.
const longest = 366 * 86_400_000

// time is the event's own time (rust/capture/src/timestamp.rs): its offset before it was sent, else its timestamp, else
// $time, the latter two corrected by the sender's clock; or, of what has none, the time of arrival. What was added to the
// sender's own time is noted, so that the same event arriving again is the same event. A time that cannot be read is a
// fault.
func (d *decoder) time(e *event, c *canonical.Event) error {
	if e.offset.set {
		return d.offset(e, c)
	}
	stamp, path, arrival := e.at, "timestamp", d.envelope.ReceivedAt
	if !stamp.set {
		stamp, path = e.clock, "properties.$time"
	}
	if !stamp.set {
		c.At, c.ClockOffset = arrival, int64(arrival)-1
		return nil
	}
	at, err := stamp.time()
	if err != nil {
		return field.Fault(path, err.Error())
	}
	if c.At = at; d.skew != 0 && !e.noSkew && min(at, at+canonical.Time(d.skew)) >= canonical.MinTime { // no clock is off by decades
		c.At += canonical.Time(d.skew)
		c.ClockOffset = d.skew
	}
	if c.At > arrival+future {
		c.ClockOffset += int64(arrival - c.At)
		c.At = arrival
	}
	return nil
}

// time reads a moment: a text in any form that vendors write, or a number in Unix time.
func (m moment) time() (canonical.Time, error) {
	if m.number {
		return adapters.ParseUnix(m.text)
	}
	if at, err := canonical.ParseTime(m.text); err == nil { // nearly always
		return at, nil
	}
	return adapters.ParseTime(m.text)
}

// offset is the time of an event that names the milliseconds before it was sent.
func (d *decoder) offset(e *event, c *canonical.Event) error {
	f, err := strconv.ParseFloat(e.offset.text, 64)
	if err != nil || !(f >= -longest && f <= longest) {
		return field.Fault("offset", "must be a number of milliseconds, a year at most")
	}
	n := canonical.Time(f)
	c.At = d.envelope.ReceivedAt - n
	if sent, err := adapters.ParseTime(d.envelope.Query().Get("_")); err == nil && sent > canonical.MinTime+longest {
		c.ClockOffset = d.skew
		c.At = sent - n + canonical.Time(d.skew)
		return nil
	}
	c.ClockOffset = int64(c.At) - 1 // the sender names no time at all
	return nil
}
