package core

import (
	"bytes"
	"encoding/binary"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core/person"
	"github.com/tracklayer/tracklayer/core/wire"
)

// The store's keys start with a letter for what they hold. Ids hold no control characters, so a zero byte ends them.
const (
	keyFact       = 'f' // unit, time, source, event id -> the event in its wire form
	keyEvent      = 'e' // source, event id -> where the fact lies, and the hashes of all its bodies
	keyDedup      = 'k' // unit, conversion event, dedup key or what is adjusted -> nothing
	keyOwnerEdge  = 'o' // anonymous id, user id, time, source, event id -> nothing: one report that they are one person
	keyOwner      = 'w' // anonymous id -> its owner
	keyUnlink     = 'u' // anonymous id, user id, time, source, event id -> nothing: links of the pair up to then are withdrawn
	keyOvergrown  = 'h' // user id that merges join with more ids than a person may have -> nothing
	keyMerge      = 'm' // user id, user id, time, source, event id -> nothing: one report, kept in both directions
	keyName       = 'n' // source, what it calls an experiment, the vendor's own name for it -> how many facts do
	keyPerson     = 'p' // unit -> person or redirect
	keyAggregate  = 'a' // experiment -> aggregate, without what the next three hold
	keyPart       = 'b' // experiment, run, kind, key -> an arm, an unknown label or a pair of arms
	keyCut        = 'c' // experiment, run, variant, metric, group, day, age -> what the sums of a metric grew by
	keyProduct    = 't' // experiment, run, variant, group -> the sums of products of every two metrics
	keyDefinition = 'r' // stream sequence -> the change as it is stored in the log
	keyReadout    = 'q' // experiment, SHA-256 -> sequence, and the readout as it is stored in the log
	keySeen       = 'v' // conversion event -> how many were received, and how many of them with which field
	keyLedger     = 'l' // day, source, kind -> entry
	keyLedgerDay  = 'i' // day, source -> the sum of its lines, without reasons
	keyDue        = 'd' // unit that waits for the background -> what is due
	keyMeta       = 's' // -> meta
	keyErasure    = 'x' // stream sequence -> the receipt as it is stored in the log
	keyGap        = 'g' // stream sequence -> the last one of the messages from here on that were gone before they were read
)

// Lookups are the letters of keys that are got one by one, and mostly are not there: a store may keep a filter for them.
const Lookups = string(keyEvent) + string(keyDedup) + string(keyOwner) + string(keyPerson) + string(keyOvergrown)

func unitKey(kind byte, u canonical.Unit) []byte {
	b := make([]byte, 0, 64+len(u.ID))
	return append(append(append(b, kind, byte(u.Kind)), u.ID...), 0)
}

func momentKey(b []byte, m person.Moment) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(m.At))
	return append(append(append(b, m.Source...), 0), m.ID...)
}

func factKey(e *canonical.Event) []byte {
	return momentKey(unitKey(keyFact, e.Unit()), person.MomentOf(e))
}

func eventKey(e *canonical.Event) []byte {
	b := make([]byte, 0, 2+len(e.Source)+len(e.ID))
	return append(append(append(append(b, keyEvent), e.Source...), 0), e.ID...)
}

func dedupKey(u canonical.Unit, e *canonical.Event) []byte {
	return append(append(append(unitKey(keyDedup, u), e.ConversionEvent...), 0), person.DedupOf(e).Key...)
}

// edgeKey is the prefix of all reports that a and b are one person; edgeKey(kind, a, "") of all reports about a.
func edgeKey(kind byte, a, b string) []byte {
	k := make([]byte, 0, 48+len(a)+len(b))
	k = append(append(append(k, kind), a...), 0)
	if b == "" {
		return k
	}
	return append(append(k, b...), 0)
}

// edgeOther is the second id of an edge's key.
func edgeOther(key []byte, prefix int) string {
	rest := key[prefix:]
	for i, c := range rest {
		if c == 0 {
			return string(rest[:i])
		}
	}
	return string(rest)
}

// name is what an event calls its experiment: all that the registry needs to say which one it is.
type name struct{ source, experiment, vendor string }

func (n name) key() []byte {
	b := make([]byte, 0, 8+len(n.source)+len(n.experiment)+len(n.vendor))
	return append(append(append(append(append(append(b, keyName), n.source...), 0), n.experiment...), 0), n.vendor...)
}

func decodeName(key []byte) (name, error) {
	parts := bytes.Split(key[1:], []byte{0})
	if len(parts) != 3 {
		return name{}, wire.ErrRecord
	}
	return name{string(parts[0]), string(parts[1]), string(parts[2])}, nil
}

// ownerRecord is what is known of whom an anonymous id belongs to.
type ownerRecord struct {
	user  string         // with the earliest link that holds; "": there is none
	at    canonical.Time // of that link
	users int64          // how many different users have a link to it that holds
	// ambiguous: events name the id without saying whether it is a user's or a visitor's. identified: besides, the id is
	// known as a user's.
	ambiguous, identified bool
	unlinked              bool // links to it were withdrawn
}

// owner is the user that the id belongs to, "" for none. An ambiguous id that is identified is itself a user.
func (o ownerRecord) owner(id string) string {
	if o.ambiguous && o.identified {
		return id
	}
	return o.user
}

// refused is how many users have a link to the id that merges no one.
func (o ownerRecord) refused() int64 {
	if o.ambiguous && o.identified {
		return o.users
	}
	return max(o.users-1, 0)
}

func (o ownerRecord) encode() []byte {
	b := binary.AppendVarint([]byte{wire.BoolByte(o.ambiguous) | wire.BoolByte(o.identified)<<1 | wire.BoolByte(o.unlinked)<<2}, int64(o.at))
	return wire.AppendText(binary.AppendVarint(b, o.users), o.user)
}

func decodeOwner(b []byte) (ownerRecord, error) {
	d := wire.Decoder{Rest: b}
	flags := d.Byte()
	o := ownerRecord{at: canonical.Time(d.Int()), users: d.Int(), ambiguous: flags&1 != 0, identified: flags&2 != 0, unlinked: flags&4 != 0}
	o.user = d.Text()
	if d.Bad {
		return o, wire.ErrRecord
	}
	return o, nil
}

// eventRecord is where an event's fact lies and which bodies came under its id.
type eventRecord struct {
	unit   canonical.Unit
	at     canonical.Time
	first  uint64     // stream sequence of the first delivery, whatever its body
	last   uint64     // of the newest one
	hashes [][16]byte // of all different bodies, sorted; nearly always one
}

func (r eventRecord) encode() []byte {
	b := binary.AppendVarint(wire.AppendUnit(nil, r.unit), int64(r.at))
	b = binary.AppendUvarint(binary.AppendUvarint(b, r.first), r.last-r.first)
	for _, h := range r.hashes {
		b = append(b, h[:]...)
	}
	return b
}

func decodeEventRecord(b []byte) (r eventRecord, err error) {
	d := wire.Decoder{Rest: b}
	r.unit, r.at, r.first = d.Unit(), canonical.Time(d.Int()), d.Uint()
	r.last = r.first + d.Uint()
	if d.Bad || len(d.Rest)%16 != 0 || len(d.Rest) == 0 {
		return r, wire.ErrRecord
	}
	for ; len(d.Rest) > 0; d.Rest = d.Rest[16:] {
		r.hashes = append(r.hashes, [16]byte(d.Rest))
	}
	return r, nil
}

// momentFrom reads what momentKey wrote.
func momentFrom(b []byte) person.Moment {
	m := person.Moment{At: canonical.Time(binary.BigEndian.Uint64(b))}
	m.Source = edgeOther(b, 8)
	m.ID = string(b[8+len(m.Source)+1:])
	return m
}
