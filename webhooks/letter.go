package webhooks

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/canonical"
)

// keptHeaders are what a dead letter keeps beside the headers that the adapter reads.
var keptHeaders = []string{"Content-Type", "User-Agent", "X-Request-Id"}

// secretHeaders are what no dead letter keeps, whichever adapter asks for it.
var secretHeaders = []string{"Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie", headerKey}

// kept is the request's headers by an allow-list, its id, and a Content-Encoding that its body does not have.
func (v *visit) kept(names []string) http.Header {
	h := only(v.r.Header, names)
	if v.stale {
		h["Content-Encoding"] = v.r.Header["Content-Encoding"]
	}
	h["X-Request-Id"] = []string{v.id}
	return h
}

// withCoding is the envelope of a body whose coding cannot be undone: the body as it came, and what it claims to be.
func withCoding(e adapters.Envelope, from http.Header, raw []byte) adapters.Envelope {
	e.Body = raw
	e.Header["Content-Encoding"] = from["Content-Encoding"]
	return e
}

// withoutSecrets is a query without the write key, and without any parameter whose value is one of the secrets. The
// rest stays as it was written.
func withoutSecrets(query string, secrets [][]byte) string {
	if query == "" {
		return ""
	}
	kept := make([]string, 0, 8)
	for part := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(part, "=")
		if name, err := url.QueryUnescape(name); err == nil && name == paramKey {
			continue
		}
		if !isSecret(value, secrets) {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, "&")
}

func isSecret(escaped string, secrets [][]byte) bool {
	value, err := url.QueryUnescape(escaped)
	if err != nil {
		value = escaped
	}
	for _, s := range secrets {
		if len(s) > 0 && value == string(s) {
			return true
		}
	}
	return false
}

// keepLetter stores a request, of which letter says what is wrong. An error wraps adapters.ErrBusy.
func (d *Ingest) keepLetter(v *visit, e adapters.Envelope, letter canonical.DeadLetter) error {
	if letter.Rejected == 0 && e.RawQuery == "" && len(bytes.TrimSpace(e.Body)) == 0 {
		return nil // there is nothing to keep
	}
	d.pack(v, &e)
	var text bytes.Buffer
	if err := d.WriteRequest(&text, e); err != nil {
		return fmt.Errorf("%w: write a dead letter: %w", adapters.ErrBusy, err)
	}
	letter.Source, letter.ReceivedAt, letter.Request = v.meter.name, v.at, text.Bytes()
	if err := d.DeadLetters.StoreDeadLetter(v.r.Context(), letter); err != nil {
		return fmt.Errorf("%w: keep a dead letter: %w", adapters.ErrBusy, err)
	}
	v.meter.deadLetters.Inc()
	d.Log.LogAttrs(v.r.Context(), slog.LevelInfo, "dead letter kept", slog.String("request_id", v.id),
		slog.String("source", v.meter.name), slog.Int("rejected", letter.Rejected))
	return nil
}

// minPacked is the smallest body that is compressed for a dead letter, in bytes.
const minPacked = 4 << 10

// pack puts the body as it came into an envelope for the dead letters if it was compressed, or compresses it: what a few
// bytes unfold to must not take its room on the disk.
func (d *Ingest) pack(v *visit, e *adapters.Envelope) {
	switch {
	case v.coded:
		e.Body = v.raw
		e.Header["Content-Encoding"] = v.r.Header["Content-Encoding"]
	case len(e.Header["Content-Encoding"]) > 0 && !v.stale: // it is not what it claims to be, and is kept as it came
	case len(e.Body) >= minPacked:
		e.Body = d.inflate.pack.EncodeAll(e.Body, nil)
		e.Header["Content-Encoding"] = []string{"zstd"}
	}
}

// batchOf is a number, not 0, that tells requests of one millisecond apart, made of the request's id.
func batchOf(request string) uint16 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(request)) // a hash takes everything
	sum := h.Sum32()
	return max(uint16(sum>>16)^uint16(sum), 1)
}

// store makes a parcel durable and returns the sequence of its last message, 0 without an event. How many items were
// rejected and ignored, and why, is stored with the events, for the ledger; a request that comes again was received twice
// and counts so. The dead letter goes first: if the second write fails the request comes again, and then a letter that is
// kept twice does no harm, while an event whose id was drawn here would count twice. An error wraps adapters.ErrBusy.
func (d *Ingest) store(v *visit, p *parcel, envelope func() adapters.Envelope) (uint64, error) {
	if len(p.faults) > 0 {
		letter := canonical.DeadLetter{Reason: p.faults[0].String(), Rejected: len(p.faults), Items: make([]int, len(p.faults))}
		for i, f := range p.faults {
			letter.Items[i] = f.index
		}
		if err := d.keepLetter(v, envelope(), letter); err != nil {
			return 0, err
		}
	}
	var rejected []canonical.Rejected
	if len(p.faults)+len(p.ignored) > 0 {
		if r, some := d.uncounted(v, p); some {
			rejected = []canonical.Rejected{r}
		}
	}
	if len(p.events)+len(rejected) == 0 {
		return 0, nil
	}
	if len(p.events) > 1 {
		batch := batchOf(v.id)
		for i := range p.events {
			p.events[i].Batch = batch
		}
	}
	seq, err := d.Publisher.Publish(canonical.WithSender(v.r.Context(), d.senderOf(v)), p.events, rejected...)
	if err != nil {
		return 0, fmt.Errorf("%w: publish: %w", adapters.ErrBusy, err)
	}
	if len(p.events) == 0 {
		return 0, nil
	}
	return seq, nil
}
