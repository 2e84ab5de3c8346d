package otel

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/field"
)

// verify accepts a key in a header that the exporter is configured to send (OTEL_EXPORTER_OTLP_HEADERS), or in the address
// where a page cannot set one. OTLP has neither signatures nor keys of its own.
func verify(_ adapters.Source, secret []byte, e adapters.Envelope) error {
	scheme, bearer, _ := strings.Cut(e.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		bearer = ""
	}
	if adapters.SameSecret(secret, strings.TrimSpace(bearer), e.Header.Get("Api-Key"), e.Header.Get("X-Api-Key"), e.Query().Get("key")) {
		return nil
	}
	return fmt.Errorf("%w: neither a bearer token, Api-Key, X-Api-Key nor key= in the address", adapters.ErrUnauthorized)
}

// reply answers in the request's encoding (OTLP specification, OTLP/HTTP Response): 200 with an ExportLogsServiceResponse,
// which says how many records were rejected; else a Status. Exporters try again after 429, 502, 503 and 504 alone.
func reply(e adapters.Envelope, o adapters.Outcome) adapters.Response {
	asJSON := isJSON(e)
	r := adapters.Response{Status: o.Status(http.StatusOK), ContentType: "application/x-protobuf"}
	if asJSON {
		r.ContentType = "application/json"
	}
	switch {
	case o.Err == nil:
		r.Body = response(asJSON, o.Rejected)
	case errors.Is(o.Err, adapters.ErrUnreadable):
		r.Body = status(asJSON, o.Err.Error())
	default:
		r.Body = status(asJSON, http.StatusText(r.Status))
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
	partial := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), uint64(rejected))
	partial = appendText(partial, 2, rejectedMessage)
	return appendText(nil, 1, string(partial))
}

// status is a google.rpc.Status with its message (2) alone: the specification makes the code optional.
func status(asJSON bool, message string) []byte {
	if !asJSON {
		return appendText(nil, 2, message)
	}
	return append(field.AppendText([]byte(`{"message":`), message), '}')
}

func appendText(dst []byte, number protowire.Number, s string) []byte {
	return protowire.AppendString(protowire.AppendTag(dst, number, protowire.BytesType), s)
}
