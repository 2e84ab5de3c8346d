package sums

import "github.com/tracklayer/tracklayer/core/wire"

// EncodeWide is the stored form of a wide integer.
func EncodeWide(w Wide) []byte { return appendWide(nil, w) }

// DecodeWide reads it and returns how many bytes are left.
func DecodeWide(b []byte) (w Wide, rest int, ok bool) {
	d := wire.Decoder{Rest: b}
	w = readWide(&d)
	return w, len(d.Rest), !d.Bad
}
