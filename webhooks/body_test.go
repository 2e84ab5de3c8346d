package webhooks_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/webhooks"
)

// codings are written by the standard library where it can, so that the door's decoders meet somebody else's.
var codings = map[string]func(io.Writer) io.WriteCloser{
	"gzip": func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
	"zlib": func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) },
	"raw": func(w io.Writer) io.WriteCloser {
		z, err := flate.NewWriter(w, 5)
		if err != nil {
			panic(err)
		}
		return z
	},
	"br": func(w io.Writer) io.WriteCloser { return brotli.NewWriter(w) },
	"zstd": func(w io.Writer) io.WriteCloser {
		z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
		if err != nil {
			panic(err)
		}
		return z
	},
}

func compress(t testing.TB, coding, text string) string {
	t.Helper()
	var out bytes.Buffer
	w := codings[coding](&out)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func compressAll(t testing.TB, text string) string {
	t.Helper()
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(enc.EncodeAll([]byte(text), nil))
}

func TestEncodings(t *testing.T) {
	small := "[" + exposure + "]"
	large := "[" + strings.Repeat(exposure+",", 3000) + exposure + "]" // several chunks
	for _, body := range []string{small, large, small + strings.Repeat(" ", 64<<10-len(small)), small + strings.Repeat(" ", 128<<10-len(small))} {
		for name, c := range map[string][2]string{
			"none":          {body, ""},
			"identity":      {body, "identity"},
			"gzip":          {compress(t, "gzip", body), "gzip"},
			"x-gzip":        {compress(t, "gzip", body), "X-GZIP"},
			"gzip members":  {compress(t, "gzip", body[:50]) + compress(t, "gzip", body[50:]), "gzip"},
			"zlib":          {compress(t, "zlib", body), "deflate"},
			"raw deflate":   {compress(t, "raw", body), "deflate"},
			"br":            {compress(t, "br", body), "br"},
			"zstd":          {compress(t, "zstd", body), "zstd"},
			"zstd all":      {compressAll(t, body), "zstd"},
			"zstd frames":   {compressAll(t, body[:60]) + compress(t, "zstd", body[60:]), "zstd"},
			"zstd frames 2": {compressAll(t, body[:len(body)-3]) + compressAll(t, body[len(body)-3:]), "zstd"},
			"stacked":       {compress(t, "zstd", compress(t, "gzip", body)), "gzip, zstd"},
			"thrice":        {compress(t, "raw", compress(t, "zstd", compress(t, "gzip", body))), "gzip,identity,zstd , deflate"},
		} {
			r := newRig(t)
			if w := r.post(body[:0]+c[0], "Content-Encoding", c[1]); w.Code != 202 {
				t.Errorf("%s of %d bytes: %d %s", name, len(body), w.Code, w.Body)
			}
			if len(r.events) != 1 && len(r.events) != 3001 {
				t.Errorf("%s: %d events", name, len(r.events))
			}
			if len(c[0]) == len(body) {
				continue
			}
			r = newRig(t)
			coding := c[1]
			for _, torn := range []string{c[0][:len(c[0])-1], c[0][:len(c[0])/2], c[0][:1], c[0] + "x", "x" + c[0]} {
				if w := r.post(torn, "Content-Encoding", coding); w.Code != 400 || r.calls != 0 {
					t.Errorf("%s, torn to %d of %d: %d %s", name, len(torn), len(c[0]), w.Code, w.Body)
				}
				letter := string(r.letters[len(r.letters)-1].Request)
				if !strings.HasSuffix(letter, torn) || !strings.Contains(letter, "Content-Encoding: "+coding) {
					t.Errorf("%s: the letter cannot be tried again", name)
				}
			}
		}
	}
	r := newRig(t)
	for _, coding := range []string{"lzma", "compress", "gzip, lzma", "gzip,gzip,gzip,gzip", "gzip;q=1"} {
		if w := r.post(small, "Content-Encoding", coding); w.Code != 415 {
			t.Errorf("%s: %d", coding, w.Code)
		}
	}
	if w := r.post(compress(t, "zstd", compress(t, "gzip", small)), "Content-Encoding", "gzip", "Content-Encoding", "zstd"); w.Code != 202 {
		t.Errorf("two header lines: %d", w.Code)
	}
}

// TestStaleEncodings: a proxy that unpacks a body and leaves the header costs nothing, and what fails is kept so that it
// can be tried again.
func TestStaleEncodings(t *testing.T) {
	plain := "[" + exposure + "," + strings.Replace(exposure, `"u-12"`, "7", 1) + "]"
	cases := [][2]string{{"gzip, zstd", compress(t, "gzip", plain)}, {"gzip, br", compress(t, "br", plain)}}
	for _, coding := range []string{"gzip", "x-gzip", "zstd", "deflate", "br", "gzip, br", "br, gzip", "zstd, deflate"} {
		cases = append(cases, [2]string{coding, plain}, [2]string{coding, "\xef\xbb\xbf \n" + plain})
	}
	written := func(o *webhooks.Options) { o.WriteRequest = adapters.WriteRequest }
	for _, c := range cases {
		r := newRig(t, written)
		if w := r.post(c[1], "Content-Encoding", c[0]); w.Code != 202 || len(r.events) != 1 {
			t.Errorf("%s, %.20q: %d %s", c[0], c[1], w.Code, w.Body)
			continue
		}
		if result, err := r.door.Replay(t.Context(), r.letters[0]); err != nil || result.Rejected != 1 || result.Accepted != 0 {
			t.Errorf("%s, %.20q: replayed %+v, %v", c[0], c[1], result, err)
		}
	}
	for _, coding := range []string{"gzip", "zstd", "deflate", "br"} {
		r := newRig(t, written)
		if w := r.send("POST", "/webhooks/toy", "good=1\ngood 2", "Content-Encoding", coding); w.Code != 202 || len(r.events) != 1 {
			t.Errorf("%s, a form: %d %s", coding, w.Code, w.Body)
		}
	}
}

// Whatever comes as a compressed body, the answer is one of the few, and the log has what the answer says.
func FuzzEncodings(f *testing.F) {
	for _, c := range []string{"gzip", "zlib", "raw", "zstd", "br"} {
		f.Add([]byte(compress(f, c, exposure)), c)
	}
	f.Add([]byte(strings.Repeat(compressAll(f, "x")[:4]+"\x00\x00\x01\x00\x00", 12000)), "zstd")
	f.Add([]byte(compressAll(f, exposure)), "zstd, gzip")
	f.Fuzz(func(t *testing.T, body []byte, coding string) {
		if coding == "zlib" || coding == "raw" {
			coding = "deflate"
		}
		r := newRig(t, func(o *webhooks.Options) { o.Limits.Body = 200 << 10 })
		sent := bytes.Clone(body)
		w := r.post(string(body), "Content-Encoding", coding)
		switch w.Code {
		case 202, 400, 413, 415, 422:
		default:
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		if a := read(t, w); a.Accepted != len(r.events) {
			t.Fatalf("%s, stored %d", w.Body, len(r.events))
		}
		if len(r.letters) == 1 && strings.Contains(r.letters[0].Reason, "Content-Encoding") && !bytes.HasSuffix(r.letters[0].Request, sent) {
			t.Fatal("the letter is not what was sent")
		}
	})
}

// A rejected item of a compressed request is kept as it came, and can be read.
func TestLettersAreKeptAsTheyCame(t *testing.T) {
	r := newRig(t)
	sent := compress(t, "gzip", `{"event_name":7}`)
	r.post(sent, "Content-Encoding", "gzip", "Authorization", "Bearer s3cret", "Cookie", "s3cret",
		"User-Agent", "beacon/1", "X-Other", "no", "Content-Type", "text/plain")
	if len(r.letters) != 1 {
		t.Fatal("not kept")
	}
	want := "POST /v1/events?\nContent-Encoding: gzip\nContent-Type: text/plain\nUser-Agent: beacon/1\nX-Request-Id: "
	if letter := string(r.letters[0].Request); !strings.HasPrefix(letter, want) || !strings.HasSuffix(letter, "\n\n"+sent) ||
		strings.Contains(letter, "s3cret") || strings.Contains(letter, "X-Other") {
		t.Errorf("%s", letter)
	}
}

// packed is the request of a dead letter as adapters.WriteRequest writes it.
func packed(t *testing.T, coding, body string) []byte {
	t.Helper()
	e := adapters.Envelope{Method: "POST", Path: "/v1/events", Header: http.Header{}, Body: []byte(body)}
	if coding != "" {
		e.Header.Set("Content-Encoding", coding)
	}
	var out bytes.Buffer
	if err := adapters.WriteRequest(&out, e); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestUnpackedLettersCanBeRead(t *testing.T) {
	const body = `{"event_name":7}`
	for _, c := range []struct {
		name    string
		request []byte
		text    string
		whole   bool
	}{
		{"plain", packed(t, "", body), body, true},
		{"gzip", packed(t, "gzip", compress(t, "gzip", body)), body, true},
		{"zstd", packed(t, "zstd", compress(t, "zstd", body)), body, true},
		{"corrupt", packed(t, "gzip", "\x1f\x8b\x08x"), "\x1f\x8b\x08x", false},
		{"coded by the SDK", packed(t, "", compress(t, "gzip", body)), compress(t, "gzip", body), false},
		{"base64", packed(t, "", "eyJldmVudF9uYW1lIjo3fQ=="), "eyJldmVudF9uYW1lIjo3fQ==", false},
	} {
		text, whole := webhooks.Unpack(c.request, 1<<20, adapters.WriteRequest)
		if !strings.HasSuffix(string(text), "\r\n\r\n"+c.text) || whole != c.whole {
			t.Errorf("%s: %v %q", c.name, whole, text)
		}
	}
}

// TestABodyOfNothingIsNotKept: 14 bytes of white space, compressed, became a dead letter of 5 MiB.
func TestABodyOfNothingIsNotKept(t *testing.T) {
	r := newRig(t)
	for _, coding := range []string{"br", "gzip", "zstd"} {
		if w := r.post(compress(t, coding, strings.Repeat(" \n", 2<<20)), "Content-Encoding", coding); w.Code != 400 {
			t.Errorf("%s: %d %s", coding, w.Code, w.Body)
		}
	}
	if len(r.letters) > 0 {
		t.Errorf("%d letters", len(r.letters))
	}
	r.post(`[{"event_name":"` + strings.Repeat("x", 1<<20) + `"}]`)
	if len(r.letters) != 1 || len(r.letters[0].Request) > 10_000 {
		t.Errorf("a body that was not compressed is kept as it came")
	}
}

// allocated is how many bytes f asks of the heap, whether they are freed again or not.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestBombs(t *testing.T) {
	const limit = 1 << 20
	zeros := strings.Repeat("\x00", 16<<20)
	noise := strings.Repeat(strings.Repeat("abcdefgh", 1000)+exposure, 2000) // sequences rather than runs
	bombs := map[string][2]string{
		"stacked": {compress(t, "zstd", compress(t, "gzip", zeros)), "gzip, zstd"},
		"inner":   {compress(t, "gzip", compress(t, "zstd", zeros)), "zstd, gzip"},
	}
	for name, text := range map[string]string{"zeros": zeros, "noise": noise} {
		bombs["gzip "+name] = [2]string{compress(t, "gzip", text), "gzip"}
		bombs["zlib "+name] = [2]string{compress(t, "zlib", text), "deflate"}
		bombs["br "+name] = [2]string{compress(t, "br", text), "br"}
		bombs["raw "+name] = [2]string{compress(t, "raw", text), "deflate"}
		bombs["zstd "+name] = [2]string{compress(t, "zstd", text), "zstd"}
		bombs["zstd all "+name] = [2]string{compressAll(t, text), "zstd"}
		bombs["zstd frames "+name] = [2]string{strings.Repeat(compressAll(t, text[:limit-1]), 50), "zstd"}
	}
	bombs["many gzips"] = [2]string{strings.Repeat(compress(t, "gzip", zeros[:limit/2]), 50), "gzip"}
	for name, bomb := range bombs {
		r := newRig(t, func(o *webhooks.Options) { o.Limits.Body = limit })
		if len(bomb[0]) > limit {
			t.Fatalf("%s is no bomb: %d bytes", name, len(bomb[0]))
		}
		code := 0
		fire := func() { code = r.post(bomb[0], "Content-Encoding", bomb[1]).Code }
		fire() // the decoders' own tables, once
		cost := allocated(fire)
		most := uint64(limit + 2*len(bomb[0]) + 600<<10) // a chunk, a block, and what the decoder keeps for one
		if bomb[1] == "br" {
			most += 17 << 20 // the largest window that a sender may ask for
		}
		if code != 413 || cost > most || len(r.letters) != 0 {
			t.Errorf("%s of %d bytes: %d, %d KiB allocated", name, len(bomb[0]), code, cost>>10)
		}
	}
}

func TestBodyOverTheLimit(t *testing.T) {
	r := newRig(t, func(o *webhooks.Options) { o.Limits.Body = 1000 })
	long := strings.Repeat("x", 1001)
	if w := r.post(long); w.Code != 413 {
		t.Errorf("declared: %d", w.Code)
	}
	if w := r.post(long, "Content-Encoding", "gzip"); w.Code != 413 {
		t.Errorf("compressed: %d", w.Code)
	}
	req := httptest.NewRequest("POST", "/v1/events", iotest.OneByteReader(strings.NewReader(long)))
	req.ContentLength = -1
	w := httptest.NewRecorder()
	if r.ServeHTTP(w, req); w.Code != 413 || len(r.letters) != 0 {
		t.Errorf("not declared: %d", w.Code)
	}
	if a := read(t, w); !strings.Contains(a.Detail, "1000 bytes") {
		t.Errorf("%s", a.Detail)
	}
}

// A connection that breaks is no dead letter: the sender has no answer and comes again.
func TestCutConnection(t *testing.T) {
	for _, err := range []error{io.ErrUnexpectedEOF, iotest.ErrTimeout} {
		r := newRig(t)
		req := httptest.NewRequest("POST", "/v1/events", io.MultiReader(strings.NewReader(exposure), iotest.ErrReader(err)))
		w := httptest.NewRecorder()
		if r.ServeHTTP(w, req); w.Code != 400 || r.calls != 0 || len(r.letters) != 0 {
			t.Errorf("%v: %d, published %d times, %d letters", err, w.Code, r.calls, len(r.letters))
		}
	}
}

// Requests share their memory one after the other, never at the same time.
func TestRequestsDoNotMix(t *testing.T) {
	r := newRig(t)
	kinds := []string{"", "gzip", "zstd"}
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 20 {
				var events []string
				for j := range 1 + (i*37+g)%400 {
					id := fmt.Sprintf("u%d-%d-%d", g, i, j)
					events = append(events, fmt.Sprintf(`{"event_name":"experiment_converted","event_id":%q,"conversion_event":"x","user_id":%q,"converted_at":1795172400000,"attributes":{"id":%q}}`, id, id, id))
				}
				body, coding := "["+strings.Join(events, ",")+"]", kinds[i%len(kinds)]
				if coding != "" {
					body = compress(t, coding, body)
				}
				if w := r.post(body, "Content-Encoding", coding); w.Code != 202 || strings.Count(w.Body.String(), fmt.Sprintf(`"u%d-%d-`, g, i)) != len(events) {
					t.Errorf("%d %s", w.Code, w.Body)
				}
			}
		})
	}
	all.Wait()
	for _, e := range r.events {
		if e.UserID != e.ID || string(e.Attributes) != fmt.Sprintf(`{"id":%q}`, e.ID) {
			t.Fatalf("%s", e.AppendJSON(nil))
		}
	}
}
