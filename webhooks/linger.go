package webhooks

import (
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// Bounds of what is read of a body after its request was refused. A sender that still writes when the connection is closed
// may get a reset in place of the answer, and then it does not know why and sends the same again.
const (
	lingerBytes = 64 << 20
	lingerTime  = 2 * time.Second
	lingerMost  = 64 // requests at once; the connections of others are closed
)

// lingering counts the requests of an Ingest whose bodies are being discarded.
type lingering struct{ n atomic.Int64 }

// early prepares an answer that may be written before the body was read. Without it the server closes the body when the
// answer begins.
func (v *visit) early() {
	if !v.complete && v.r.Body != nil && v.r.ContentLength != 0 {
		v.full = http.NewResponseController(v.w).EnableFullDuplex() == nil
	}
}

// linger discards what the sender of a refused request still writes, once the answer is on its way.
func (d *Ingest) linger(v *visit) {
	if !v.full || !v.begun && v.r.Header.Get("Expect") != "" { // a sender that asks first has not sent anything
		return
	}
	defer d.lingering.n.Add(-1)
	if d.lingering.n.Add(1) > lingerMost {
		return
	}
	c := http.NewResponseController(v.w)
	if c.Flush() != nil || c.SetReadDeadline(time.Now().Add(lingerTime)) != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, v.r.Body, lingerBytes) // until the end of the body, the time is over or the sender has gone
}
