package posthog

import (
	"strings"
	"unicode/utf16"
)

// lzAlphabet is the order of lz-string's own base64 (pieroxy/lz-string libs/lz-string.js keyStrBase64).
const lzAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="

// lzFromBase64 undoes lz-string's compressToBase64, which posthog-js before 1.20 packs its form field with: an LZ78 code
// of 16-bit units whose codes grow by a bit whenever the dictionary fills them, lowest bit first. False: it is none, or
// unfolds to more than limit bytes.
func lzFromBase64(text string, limit int) ([]byte, bool) {
	r := &lzBits{text: strings.ReplaceAll(text, " ", "+")}
	var first []uint16
	switch r.take(2) {
	case 0:
		first = []uint16{uint16(r.take(8))}
	case 1:
		first = []uint16{uint16(r.take(16))}
	case 2:
		return nil, true // the empty text
	default:
		return nil, false
	}
	const literals = 3 // codes 0 to 2 say that a unit of 8 bits, one of 16, or the end follows
	words := [][]uint16{nil, nil, nil, first}
	out := append([]uint16(nil), first...)
	previous, width, room := first, uint(3), 4
	for len(out)*2 <= limit && !r.bad {
		code := int(r.take(width))
		switch code {
		case 0, 1:
			words = append(words, []uint16{uint16(r.take(uint(8 << code)))})
			code = len(words) - 1
			room--
		case 2:
			return []byte(string(utf16.Decode(out))), !r.bad
		}
		if room == 0 {
			room = 1 << width
			width++
		}
		var word []uint16
		switch {
		case code < len(words) && code >= literals:
			word = words[code]
		case code == len(words):
			word = append(append([]uint16(nil), previous...), previous[0])
		default:
			return nil, false
		}
		out = append(out, word...)
		words = append(words, append(append([]uint16(nil), previous...), word[0]))
		previous = word
		if room--; room == 0 {
			room = 1 << width
			width++
		}
		if width > 30 {
			return nil, false
		}
	}
	return nil, false
}

// lzBits reads bits of lz-string's base64: six a character, the highest first.
type lzBits struct {
	text string
	used uint // bits
	bad  bool
}

// take reads n bits, the lowest of the value first.
func (r *lzBits) take(n uint) (value uint32) {
	for i := range n {
		pos := int(r.used / 6)
		at := -1
		if pos < len(r.text) {
			at = strings.IndexByte(lzAlphabet[:64], r.text[pos])
		}
		if at < 0 {
			r.bad = true
			return 0
		}
		if at>>(5-r.used%6)&1 != 0 {
			value |= 1 << i
		}
		r.used++
	}
	return value
}
