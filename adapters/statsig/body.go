package statsig

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/tracklayer/tracklayer/adapters"
)

// sideTraffic are the last path segments of what an SDK asks for when its whole API is pointed here (GO transport.go,
// WEB NetworkConfig.js): rules, values and id lists, which TrackLayer does not serve.
var sideTraffic = []string{"initialize", "get_id_lists", "download_config_specs", "get_config", "check_gate", "get_layer"}

// bodyOf is the JSON of a request. The JS client announces gzip by gz=1 in the query and by nothing else (WEB
// NetworkCore.js), so the magic bytes decide; se=1 is the JSON's base64 text reversed (js-client Network.js), which only
// /initialize is known to use.
func bodyOf(s adapters.Source, e adapters.Envelope) ([]byte, error) {
	last := e.Path[strings.LastIndexByte(e.Path, '/')+1:]
	if e.Method != http.MethodPost || slices.Contains(sideTraffic, last) || strings.Contains(e.Path, "/download_config_specs") {
		return nil, fmt.Errorf("%w; point the SDK's event logging here only", adapters.ErrNotServed)
	}
	body := e.Body
	if strings.Contains(e.RawQuery, "se=1") && e.Query().Get("se") == "1" {
		if plain, ok := unreverse(body); ok {
			body = plain
		}
	}
	text, err := inflate(body, s.Limits.MaxBody())
	if err != nil || len(text) == len(e.Body) {
		return text, err
	}
	return text, s.Limits.Check("", text)
}

func unreverse(body []byte) ([]byte, bool) {
	text := slices.Clone(bytes.TrimSpace(body))
	slices.Reverse(text)
	plain, err := base64.StdEncoding.DecodeString(string(text))
	return plain, err == nil
}

func inflate(body []byte, most int64) ([]byte, error) {
	switch {
	case bytes.HasPrefix(body, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, adapters.Unreadable("gzip: %v", err)
		}
		return readAll("gzip", z, most)
	case bytes.HasPrefix(body, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(bytes.NewReader(body), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(uint64(max(most, 8<<20))))
		if err != nil {
			return nil, adapters.Unreadable("zstd: %v", err)
		}
		defer z.Close()
		return readAll("zstd", z, most)
	}
	return body, nil
}

func readAll(coding string, r io.Reader, most int64) ([]byte, error) {
	plain, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return nil, adapters.Unreadable("%s: %v", coding, err)
	}
	if int64(len(plain)) > most {
		return nil, fmt.Errorf("%w: a body may unfold to %d bytes; send fewer events at a time", adapters.ErrTooLarge, most)
	}
	return plain, nil
}
