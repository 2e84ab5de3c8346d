package webhooks

import (
	"errors"
	"math"

	"github.com/klauspost/compress/zstd"
)

// block is the most that one block of zstd holds, and so the most that is written before the decoder looks at its limit
// again.
const block = 128 << 10

// maxFrames is how many frames a text may have; who writes one a flush has as many as events, and few of those.
const maxFrames = 10_000

var errFrames = errors.New("too many frames")

// unzstd tries a chunk first, which most bodies fit, and then as much as the blocks can hold. The decoder cannot say
// whether a text is corrupt or its room too small, so the second room is one that is never too small.
func (f *inflate) unzstd(b *buffers, text []byte) ([]byte, error) {
	size := zstdSize(text)
	if len(size.windows) > maxFrames {
		return nil, errFrames
	}
	if len(size.windows) > 0 {
		restore := f.narrow(text, size.windows)
		defer restore()
	}
	if size.said > f.limit {
		return nil, tooLarge(f.limit)
	}
	first := len(b.held)
	room := b.take()[:0]
	out, err := f.zstd.DecodeAll(text, room)
	if err == nil && int64(len(out)) <= f.limit {
		return out, nil
	}
	b.release(first)
	switch {
	case err == nil:
		return nil, tooLarge(f.limit)
	case size.most <= int64(cap(room)) || size.said > size.most:
		return nil, err
	}
	if b.more != nil {
		if err := b.more.grow(); err != nil {
			return nil, err
		}
	}
	out, err = f.zstd.DecodeAll(text, make([]byte, 0, min(size.most, f.window)+block+16))
	if errors.Is(err, zstd.ErrDecoderSizeExceeded) || int64(len(out)) > f.limit {
		return nil, tooLarge(f.limit)
	}
	return out, err
}

// narrow lowers the windows that a text asks for to one that its limit needs, and gives back what undoes it. Encoders
// ask for 8 MiB whatever they have to write, and the decoder would refuse to look at so much; but nothing can point back
// further than the limit in a text that may not be longer.
func (f *inflate) narrow(text []byte, at []int) func() {
	asked := make([]byte, len(at))
	for i, pos := range at {
		asked[i] = text[pos]
		if windowOf(text[pos]) > f.window {
			text[pos] = f.descriptor
		}
	}
	return func() {
		for i, pos := range at {
			text[pos] = asked[i]
		}
	}
}

// windowOf is the size that a window descriptor means (RFC 8878, 3.1.1.1.2).
func windowOf(descriptor byte) int64 {
	base := int64(1) << (10 + descriptor>>3)
	return base + base/8*int64(descriptor&7)
}

// windowFor is the smallest window that is no smaller than the limit, nor than a block.
func windowFor(limit int64) (size int64, descriptor byte) {
	for descriptor < math.MaxUint8 && windowOf(descriptor) < max(limit, block) {
		descriptor++
	}
	return windowOf(descriptor), descriptor
}

// extent is what can be known of a compressed text without decoding it.
type extent struct {
	most    int64 // that its blocks can hold
	said    int64 // that its frames say that they hold, as far as they say it
	windows []int // where its window descriptors stand
}

// zstdSize walks over the frames and blocks of a text (RFC 8878, 3.1.1), as far as they are whole.
func zstdSize(text []byte) (e extent) {
	const magicAndFlags = 5
	for pos := 0; pos < len(text) && len(e.windows) <= maxFrames; {
		var h zstd.Header
		if err := h.Decode(text[pos:]); err != nil {
			return e
		}
		if !h.Skippable && !h.SingleSegment {
			e.windows = append(e.windows, pos+magicAndFlags)
		}
		if h.HasFCS {
			e.said += int64(min(h.FrameContentSize, math.MaxInt32<<8))
		}
		pos += h.HeaderSize
		if h.Skippable {
			pos += int(h.SkippableSize)
			continue
		}
		for last := false; !last && pos+3 <= len(text); {
			head := int(text[pos]) | int(text[pos+1])<<8 | int(text[pos+2])<<16
			size := head >> 3
			last = head&1 != 0
			switch head >> 1 & 3 {
			case 0: // as it is
				e.most += int64(size)
			case 1: // one byte, repeated
				e.most += int64(size)
				size = 1
			default:
				e.most += block
			}
			pos += 3 + size
		}
		if h.HasCheckSum {
			pos += 4
		}
	}
	return e
}
