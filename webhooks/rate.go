package webhooks

import (
	"hash/maphash"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/tracklayer/tracklayer/problem"
)

// Rates bound how many events a sender may send in a second. A body counts at least one event a KiB, and a request at least
// one. 0 is no limit.
type Rates struct {
	Address int            // events a second of one client address: IPv4, or the /64 of IPv6
	Shared  int            // events a second of one write key, and of one source
	Exempt  []netip.Prefix // addresses without a limit of their own

	// Header names the header in which a proxy adds the address of its client, such as X-Forwarded-For. It is believed
	// from the addresses in From. "": the address is the connection's.
	Header string
	From   []netip.Prefix
}

// burst is how many seconds' worth of events a sender may send at once.
const burst = 5

// bytesPerEvent is how much of a body counts as one event.
const bytesPerEvent = 1 << 10

// buckets are token buckets by sender. A bucket may go below empty by one request, because what a request carries is known
// once it is decoded; the sender then waits.
type buckets struct {
	mu    sync.Mutex
	seed  maphash.Seed
	by    map[uint64]*bucket
	sweep int64 // when the full ones are removed next
}

type bucket struct {
	tokens float64
	at     int64 // nanoseconds
	rate   float64
}

// maxBuckets bounds the table. Past it new senders share one bucket of their kind until others have been quiet.
const maxBuckets = 1 << 16

func (b *buckets) full(k *bucket, now int64) bool {
	k.tokens = min(k.tokens+k.rate*float64(now-k.at)/1e9, k.rate*burst)
	k.at = now
	return k.tokens >= k.rate*burst
}

// take removes n tokens and reports whether there were any before. If there were none it removes nothing, unless force is set.
func (b *buckets) take(kind, name string, rate int, now int64, n int, force bool) bool {
	if rate <= 0 {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.by == nil {
		b.by, b.seed = map[uint64]*bucket{}, maphash.MakeSeed()
	}
	id := maphash.String(b.seed, kind+"\x00"+name)
	k := b.by[id]
	if k == nil {
		if len(b.by) >= maxBuckets {
			b.clean(now)
		}
		if len(b.by) >= maxBuckets {
			id = maphash.String(b.seed, kind)
			k = b.by[id]
		}
		if k == nil {
			k = &bucket{tokens: float64(rate) * burst, at: now, rate: float64(rate)}
			b.by[id] = k
		}
	}
	b.full(k, now)
	if k.tokens <= 0 && !force {
		return false
	}
	k.tokens -= float64(n)
	return true
}

// clean removes the buckets that are full, at most once a second.
func (b *buckets) clean(now int64) {
	if now < b.sweep {
		return
	}
	b.sweep = now + int64(time.Second)
	for id, k := range b.by {
		if b.full(k, now) {
			delete(b.by, id)
		}
	}
}

var errRate = &overload{
	"rate", http.StatusTooManyRequests,
	"This sender sends more events a second than limits.rate or limits.rate_shared allows. Send larger batches less often, or the rest later.",
}

// arrive refuses a request whose sender is over a rate, and names the sender to the log. It comes before the body is read.
func (d *Ingest) arrive(v *visit, source string) error {
	v.from = d.Rates.addressOf(v.r)
	v.source, v.key = source, presentedKey(v.r)
	if !d.charge(v, 1, false) {
		return errRate
	}
	return nil
}

// charge counts n events against all rates of a sender.
func (d *Ingest) charge(v *visit, n int, force bool) bool {
	if d.Rates.Address <= 0 && d.Rates.Shared <= 0 {
		return true
	}
	now := time.Now().UnixNano()
	ok := true
	if !within(v.from, d.Rates.Exempt) {
		ok = d.buckets.take("address", v.from.String(), d.Rates.Address, now, n, force)
	}
	if (ok || force) && v.key != "" && d.WriteKey != nil {
		ok = d.buckets.take("key", v.key, d.Rates.Shared, now, n, force)
	}
	if ok || force {
		ok = d.buckets.take("source", v.source, d.Rates.Shared, now, n, force)
	}
	return ok
}

// weigh counts what a decoded request carries. It was let in, so it is not refused any more.
func (d *Ingest) weigh(v *visit, items, bytes int) {
	d.charge(v, max(items, bytes/bytesPerEvent), true)
}

// senderOf names the sender of a request among those that wait for the log.
func (d *Ingest) senderOf(v *visit) uint64 {
	var h maphash.Hash
	h.SetSeed(d.seed)
	from := v.from.As16()
	_, _ = h.Write(from[:]) // a hash takes everything
	_, _ = h.WriteString(v.source)
	_ = h.WriteByte(0)
	_, _ = h.WriteString(v.key)
	return h.Sum64()
}

// presentedKey is the write key that a request shows, whether it is one or not.
func presentedKey(r *http.Request) string {
	if key := r.Header.Get(headerKey); key != "" {
		return key
	}
	if key := problem.Bearer(r.Header.Get("Authorization")); key != "" {
		return key
	}
	return queryKey(r)
}

// addressOf is the client's address. Of the addresses that proxies added, the last one counts that is not itself a proxy's:
// the ones before it may be the client's own invention.
func (r *Rates) addressOf(req *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(req.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	from := peer.Addr().Unmap()
	if r.Header != "" && within(from, r.From) {
		list := strings.Split(strings.Join(req.Header.Values(r.Header), ","), ",")
		for i := len(list) - 1; i >= 0; i-- {
			addr, ok := parseAddr(list[i])
			if !ok {
				break
			}
			if from = addr; !within(from, r.From) {
				break
			}
		}
	}
	if from.Is6() {
		if p, err := from.WithZone("").Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return from
}

// parseAddr reads an address as proxies write it, with or without a port.
func parseAddr(text string) (netip.Addr, bool) {
	text = strings.TrimSpace(text)
	if a, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return a.Unmap(), true
	}
	a, err := netip.ParseAddrPort(text)
	return a.Addr().Unmap(), err == nil
}

func within(a netip.Addr, ranges []netip.Prefix) bool {
	for _, p := range ranges {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
