package webhooks

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/problem"
)

// chunk is the piece in which bodies are read. Most bodies fit one, and then nothing is copied.
type chunk [64 << 10]byte

var chunks = sync.Pool{New: func() any { return new(chunk) }}

// buffers are the pooled memory that one request holds. It goes back when the answer is written: until then canonical
// events alias the body through their attributes.
type buffers struct {
	held []*chunk
	room [3]*chunk // so that held needs no memory of its own
	more *visit    // takes memory for one more chunk of a text that does not fit one; nil: there is no limit
}

func (b *buffers) take() *chunk {
	if b.held == nil {
		b.held = b.room[:0]
	}
	c := chunks.Get().(*chunk)
	b.held = append(b.held, c)
	return c
}

// free gives everything back. What was read must not be used any more.
func (b *buffers) free() { b.release(0) }

// release gives back what was taken after the first n chunks.
func (b *buffers) release(n int) {
	for i := n; i < len(b.held); i++ {
		chunks.Put(b.held[i])
		b.held[i] = nil
	}
	b.held = b.held[:n]
}

// readAll reads r to its end. A text that is longer than the limit is adapters.ErrTooLarge as soon as that is certain,
// at the cost of one chunk over the limit.
func (b *buffers) readAll(r io.Reader, limit int64) ([]byte, error) {
	first := len(b.held)
	var total int64
	for {
		if b.more != nil && len(b.held) > first {
			if err := b.more.grow(); err != nil {
				b.release(first)
				return nil, err
			}
		}
		c := b.take()
		n, err := fill(r, c[:])
		if total += int64(n); total > limit {
			b.release(first)
			return nil, tooLarge(limit)
		}
		if err == nil {
			continue
		}
		if err != io.EOF { //nolint:errorlint // a wrapped EOF is an end in the wrong place
			b.release(first)
			return nil, err
		}
		if len(b.held) == first+1 {
			return c[:n], nil
		}
		all := make([]byte, 0, total)
		for _, c := range b.held[first:] {
			all = append(all, c[:min(len(c), int(total)-len(all))]...)
		}
		b.release(first)
		return all, nil
	}
}

// fill reads until p is full. Unlike io.ReadFull it leaves the reader's own io.ErrUnexpectedEOF, which means that
// something is missing, apart from an io.EOF in the middle of p, which does not.
func fill(r io.Reader, p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = r.Read(p[n:])
		n += m
	}
	if n == len(p) && err == io.EOF {
		err = nil // told again by the next call
	}
	return n, err
}

func tooLarge(limit int64) error {
	return fmt.Errorf("%w: a body may have %d bytes, compressed or not; send fewer events at a time", adapters.ErrTooLarge, limit)
}

// errCut is a body that ended before it was complete: the connection broke, and the sender knows.
var errCut = adapters.Unreadable("the body ended before it was complete; send it again")

// corruptError is a body whose coding cannot be undone. The body as it came goes to the dead letters.
type corruptError struct {
	coding string
	raw    []byte
}

func (e *corruptError) Error() string {
	return fmt.Sprintf("%s: the body is not valid %s; name in Content-Encoding what it is compressed with, or leave both out",
		adapters.ErrUnreadable, e.coding)
}

func (e *corruptError) Unwrap() error { return adapters.ErrUnreadable }

// body reads and decompresses a request's body, and takes the memory to handle it. It fails with adapters.ErrTooLarge,
// errCut, a *corruptError, an *overload or a Problem for a coding that is not known.
func (d *Ingest) body(v *visit) ([]byte, error) {
	if v.r.Method == http.MethodGet || v.r.Method == http.MethodHead || v.r.Body == nil {
		if len(v.r.URL.RawQuery) < maxPlainQuery {
			return nil, nil
		}
		return nil, v.share.begin(v.r.Context(), d.Limits.Body) // an SDK may put a compressed body into its query
	}
	codings, err := codingsOf(v.r.Header.Values("Content-Encoding"))
	if err != nil {
		return nil, err
	}
	if v.r.ContentLength > d.Limits.Body {
		return nil, tooLarge(d.Limits.Body)
	}
	if err := v.share.await(v.r.Context(), v.r.ContentLength); err != nil {
		return nil, err
	}
	v.bufs.more, v.begun = v, true
	v.raw, err = v.bufs.readAll(v.r.Body, d.Limits.Body)
	if err != nil {
		if errors.Is(err, adapters.ErrTooLarge) || errors.Is(err, adapters.ErrBusy) {
			return nil, err
		}
		return nil, errCut
	}
	v.complete = true
	v.most = d.Limits.Body
	text, stale, err := d.inflate.undoAll(&v.bufs, codings, v.raw)
	v.bufs.more = nil
	if err != nil {
		return nil, err
	}
	v.stale, v.coded = stale, len(codings) > 0 && !stale
	size := int64(len(text))
	if unfolds(text) {
		size = d.Limits.Body
	}
	if err := v.share.begin(v.r.Context(), size); err != nil {
		return nil, err
	}
	v.share.shrink(size)
	d.meters.bytes.Observe(float64(len(text)))
	return text, nil
}

// grow takes memory for one more chunk. How much a compressed text holds is known when it is decompressed. Few hold more than
// a chunk; those that do wait until there is memory for the largest.
func (v *visit) grow() error {
	switch {
	case !v.complete:
		return v.share.more(int64(len(chunk{})))
	case v.share.pool != nil:
		return nil
	}
	return v.share.begin(v.r.Context(), v.most)
}

// maxPlainQuery is the longest query of a GET that holds no compressed body, in bytes.
const maxPlainQuery = 512

// unsupported is the answer to a coding or content type that is not read here.
func unsupported(format string, args ...any) error {
	return problem.UnsupportedMediaType(fmt.Sprintf(format, args...))
}
