package webhooks

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"

	"github.com/tracklayer/tracklayer/adapters"
)

// maxCodings is how many codings may lie on one another. No sender needs two; the limit keeps a body from costing more
// than a few times its size.
const maxCodings = 3

// codingsOf reads Content-Encoding: the codings in the order in which they were applied.
func codingsOf(header []string) ([]string, error) {
	if len(header) == 0 {
		return nil, nil
	}
	var codings []string
	for part := range strings.SplitSeq(strings.Join(header, ","), ",") {
		switch coding := strings.ToLower(strings.TrimSpace(part)); coding {
		case "", "identity":
			continue
		case "x-gzip":
			codings = append(codings, "gzip")
		case "gzip", "zstd", "deflate", "br":
			codings = append(codings, coding)
		default:
			return nil, unsupported("Content-Encoding %.40q is not read here; send gzip, zstd, deflate, br or identity", coding)
		}
		if len(codings) > maxCodings {
			return nil, unsupported("more than %d codings lie on one another in Content-Encoding; one is enough", maxCodings)
		}
	}
	return codings, nil
}

// inflate undoes content codings with decoders that are used again and again: a fresh one costs more memory than most
// bodies have bytes.
type inflate struct {
	limit   int64
	gzips   sync.Pool
	zlibs   sync.Pool
	deflate sync.Pool
	brotlis sync.Pool

	pack       *zstd.Encoder // for dead letters
	zstd       *zstd.Decoder
	window     int64 // the smallest window of zstd that is no smaller than the limit
	descriptor byte  // of that window
}

func newInflate(limit int64) (*inflate, error) {
	f := &inflate{limit: limit}
	f.window, f.descriptor = windowFor(limit)
	// DecodeAll writes straight into the memory it is given, and asks after every block whether that was too much.
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecodeAllCapLimit(true), zstd.WithDecoderMaxMemory(uint64(f.window)))
	if err != nil {
		return nil, fmt.Errorf("a decoder for zstd: %w", err)
	}
	f.zstd = dec
	f.pack, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(128<<10))
	if err != nil {
		return nil, fmt.Errorf("an encoder for zstd: %w", err)
	}
	return f, nil
}

var errTrailing = errors.New("bytes after the end of the compressed text")

// undoAll undoes the codings of a body, the last one first. A coding that the body does not have is passed over: proxies
// unpack bodies and leave the header. Stale says that it did so. It fails with adapters.ErrTooLarge or a *corruptError.
func (f *inflate) undoAll(b *buffers, codings []string, raw []byte) (text []byte, stale bool, err error) {
	text = raw
	for i := len(codings) - 1; i >= 0 && len(text) > 0; i-- {
		if lacksMagic(codings[i], text) {
			stale = true
			continue
		}
		plain, err := f.undo(b, codings[i], text)
		switch {
		case err == nil:
			text = plain
		case errors.Is(err, adapters.ErrBusy):
			return nil, false, err
		case isPlainText(text):
			stale = true
		case errors.Is(err, adapters.ErrTooLarge):
			return nil, false, err
		default:
			return nil, false, &corruptError{codings[i], raw}
		}
	}
	return text, stale, nil
}

var (
	magicGzip = []byte{0x1f, 0x8b}
	magicZstd = []byte{0x28, 0xb5, 0x2f, 0xfd}
)

// lacksMagic reports that the text begins otherwise than every text in the coding does (RFC 1952, 2.3.1; RFC 8878, 3.1.1
// and 3.1.2). A text that is too short to have all of it does not lack it.
func lacksMagic(coding string, text []byte) bool {
	switch coding {
	case "gzip":
		return !bytes.HasPrefix(text, magicGzip[:min(len(text), len(magicGzip))])
	case "zstd":
		skippable := len(text) >= 4 && text[0]&0xf0 == 0x50 && text[1] == 0x2a && text[2] == 0x4d && text[3] == 0x18
		return !skippable && !bytes.HasPrefix(text, magicZstd[:min(len(text), len(magicZstd))])
	}
	return false
}

// isPlainText reports whether a text is JSON or a form, as far as its first bytes tell, and has nothing that text has not.
// Compressed text nearly always has.
func isPlainText(text []byte) bool {
	if !utf8.Valid(text) || bytes.ContainsFunc(text, func(c rune) bool { return c < ' ' && c != '\t' && c != '\r' && c != '\n' }) {
		return false
	}
	start := bytes.TrimLeft(bytes.TrimPrefix(text, bomUTF8), " \t\r\n")
	if len(start) > 0 && isOpening(start[0]) {
		return true
	}
	name, _, found := bytes.Cut(start, []byte{'='})
	return found && len(name) > 0 && !bytes.ContainsFunc(name, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("_-.%[]", c)
	})
}

// undo decompresses text, which is not empty. Past the limit it stops with adapters.ErrTooLarge.
func (f *inflate) undo(b *buffers, coding string, text []byte) ([]byte, error) {
	src := bytes.NewReader(text)
	var out []byte
	var err error
	switch {
	case coding == "zstd":
		return f.unzstd(b, text)
	case coding == "gzip":
		out, err = f.ungzip(b, src)
	case coding == "br":
		out, err = f.unbrotli(b, src)
	case isZlib(text):
		out, err = f.unzlib(b, src)
	default:
		out, err = f.unflate(b, src)
	}
	if err == nil && src.Len() > 0 {
		err = errTrailing
	}
	return out, err
}

// isZlib reports whether text starts with the header of RFC 1950. HTTP's "deflate" means that, but many clients send
// RFC 1951 without it. No encoder writes one that could be mistaken: it would have to begin with a stored block whose
// padding is not zero.
func isZlib(text []byte) bool {
	return len(text) >= 2 && text[0]&0x0f == 8 && (uint(text[0])<<8|uint(text[1]))%31 == 0
}

func (f *inflate) ungzip(b *buffers, src io.Reader) ([]byte, error) {
	z, _ := f.gzips.Get().(*gzip.Reader)
	if z == nil {
		z = new(gzip.Reader)
	}
	defer f.gzips.Put(z)
	if err := z.Reset(src); err != nil {
		return nil, err
	}
	return b.readAll(z, f.limit)
}

func (f *inflate) unbrotli(b *buffers, src io.Reader) ([]byte, error) {
	z, _ := f.brotlis.Get().(*brotli.Reader)
	if z == nil {
		z = new(brotli.Reader)
	}
	defer f.brotlis.Put(z)
	if err := z.Reset(src); err != nil {
		return nil, err
	}
	return b.readAll(z, f.limit)
}

func (f *inflate) unzlib(b *buffers, src io.Reader) ([]byte, error) {
	z, _ := f.zlibs.Get().(io.Reader)
	var err error
	if z == nil {
		z, err = zlib.NewReader(src)
	} else {
		err = z.(zlib.Resetter).Reset(src, nil)
	}
	if err != nil {
		return nil, err
	}
	defer f.zlibs.Put(z)
	return b.readAll(z, f.limit)
}

func (f *inflate) unflate(b *buffers, src io.Reader) ([]byte, error) {
	z, _ := f.deflate.Get().(io.Reader)
	if z == nil {
		z = flate.NewReader(src)
	} else if err := z.(flate.Resetter).Reset(src, nil); err != nil {
		return nil, err
	}
	defer f.deflate.Put(z)
	return b.readAll(z, f.limit)
}
