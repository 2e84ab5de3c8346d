package canonical

import (
	"crypto/sha1" //nolint:gosec // RFC 9562 defines version 5 over SHA-1; it is a name here, not a secret
	"encoding/hex"
	"io"
	"strconv"
)

// namespace separates our derived ids from all other version 5 UUIDs. It is random, and frozen.
var namespace = [16]byte{0x6d, 0x1f, 0x0c, 0x5e, 0x93, 0x4b, 0x4c, 0x1d, 0x8a, 0x57, 0x0e, 0x2b, 0x7c, 0xd4, 0x61, 0xf9}

// DeriveID is a version 5 UUID (RFC 9562, 5.5) over the parts, each written with its length so that no two lists of
// parts run together. The same parts always give the same id.
func DeriveID(parts ...string) string {
	h := sha1.New() //nolint:gosec // see the import
	h.Write(namespace[:])
	var buf []byte
	for _, p := range parts {
		buf = strconv.AppendInt(buf[:0], int64(len(p)), 10)
		buf = append(append(buf, ':'), p...)
		h.Write(buf)
	}
	var id [16]byte
	copy(id[:], h.Sum(nil))
	return formatUUID(id, 5)
}

// NewID is a version 7 UUID (RFC 9562, 5.7) from a moment and a source of randomness.
func NewID(at Time, random io.Reader) (string, error) {
	var id [16]byte
	if _, err := io.ReadFull(random, id[6:]); err != nil {
		return "", err
	}
	for i := range 6 {
		id[i] = byte(at >> (40 - 8*i))
	}
	return formatUUID(id, 7), nil
}

func formatUUID(id [16]byte, version byte) string {
	id[6] = id[6]&0x0f | version<<4
	id[8] = id[8]&0x3f | 0x80
	var out [36]byte
	hex.Encode(out[0:], id[0:4])
	hex.Encode(out[9:], id[4:6])
	hex.Encode(out[14:], id[6:8])
	hex.Encode(out[19:], id[8:10])
	hex.Encode(out[24:], id[10:])
	out[8], out[13], out[18], out[23] = '-', '-', '-', '-'
	return string(out[:])
}

// Complete gives an event that came without an id the one it must have. An exposure, an end and a link are made by
// their fields, so their id is derived from them and a repetition folds. A conversion never is: two equal purchases
// are two purchases. It gets a fresh id, marked as the server's, because a retry will get another.
func (e *Event) Complete(now Time, random io.Reader) error {
	if e.ID != "" {
		return nil
	}
	if e.Kind == Converted {
		id, err := NewID(now, random)
		if err != nil {
			return err
		}
		e.ID, e.IDOrigin = id, FromServer
		return nil
	}
	e.ID = DeriveID(e.Source, e.Kind.String(), e.ExperimentID, e.Variant, e.UserID, e.AnonymousID, e.PreviousUserID,
		e.EndedReason, strconv.FormatInt(int64(e.At)-e.ClockOffset, 10))
	e.IDOrigin = FromContent
	return nil
}
