package otel

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/tracklayer/tracklayer/adapters"
)

// verify accepts a key in a header that the exporter was told to send (OTEL_EXPORTER_OTLP_HEADERS), or in the address
// where a page cannot set one. OTLP has neither signatures nor keys of its own.
func verify(_ adapters.Source, secret []byte, e adapters.Envelope) error {
	if len(secret) == 0 {
		return fmt.Errorf("%w: the secret is empty", adapters.ErrUnauthorized)
	}
	scheme, bearer, _ := strings.Cut(e.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		bearer = ""
	}
	// All are compared always, and through a hash, so that time tells neither which of them failed nor any length.
	byBearer := adapters.SameSecret(secret, strings.TrimSpace(bearer))
	byHeader, byOther := adapters.SameSecret(secret, e.Header.Get("Api-Key")), adapters.SameSecret(secret, e.Header.Get("X-Api-Key"))
	byQuery := adapters.SameSecret(secret, e.Query().Get("key"))
	if byBearer || byHeader || byOther || byQuery {
		return nil
	}
	return fmt.Errorf("%w: neither a bearer token, Api-Key, X-Api-Key nor key= in the address", adapters.ErrUnauthorized)
}

// reply answers in the request's encoding (OTLP specification, OTLP/HTTP Response): 200 with an ExportLogsServiceResponse,
// which says how many records were rejected; else a Status. Exporters try again after 429, 502, 503 and 504 alone.
func reply(e adapters.Envelope, o adapters.Outcome) adapters.Response {
	asJSON := isJSON(e)
	r := adapters.Response{Status: http.StatusOK, ContentType: "application/x-protobuf"}
	if asJSON {
		r.ContentType = "application/json"
	}
	switch {
	case o.Err == nil:
		r.Body = response(asJSON, o.Rejected)
		return r
	case errors.Is(o.Err, adapters.ErrTooLarge):
		r.Status = http.StatusRequestEntityTooLarge
	case errors.Is(o.Err, adapters.ErrNotServed):
		r.Status = http.StatusNotFound
	case errors.Is(o.Err, adapters.ErrUnreadable):
		r.Status = http.StatusBadRequest
	case errors.Is(o.Err, adapters.ErrUnauthorized):
		r.Status = http.StatusUnauthorized
	default:
		r.Status = http.StatusServiceUnavailable
	}
	r.Body = status(asJSON, http.StatusText(r.Status))
	if errors.Is(o.Err, adapters.ErrUnreadable) {
		r.Body = status(asJSON, o.Err.Error())
	}
	return r
}

const rejectedMessage = "Some evaluations cannot be counted; the dead letters say why."

// response is an ExportLogsServiceResponse: partial_success (1) with rejected_log_records (1) and error_message (2), left
// out where nothing was rejected.
func response(asJSON bool, rejected int) []byte {
	if rejected == 0 {
		if asJSON {
			return []byte("{}")
		}
		return nil
	}
	if asJSON {
		return fmt.Appendf(nil, `{"partialSuccess":{"rejectedLogRecords":"%d","errorMessage":%q}}`, rejected, rejectedMessage)
	}
	partial := appendVarint([]byte{1 << 3}, uint64(rejected))
	partial = appendText(partial, 2, rejectedMessage)
	return appendText(nil, 1, string(partial))
}

// status is a google.rpc.Status with its message (2) alone: the specification makes the code optional.
func status(asJSON bool, message string) []byte {
	if !asJSON {
		return appendText(nil, 2, message)
	}
	text, err := json.Marshal(message)
	if err != nil { // a string
		text = []byte(strconv.Quote("error"))
	}
	return fmt.Appendf(nil, `{"message":%s}`, text)
}

func appendVarint(dst []byte, n uint64) []byte {
	for n >= 0x80 {
		dst = append(dst, byte(n)|0x80)
		n >>= 7
	}
	return append(dst, byte(n))
}

func appendText(dst []byte, number byte, s string) []byte {
	return append(appendVarint(append(dst, number<<3|bytesType), uint64(len(s))), s...)
}
