package otel_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	logs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/adaptertest"
	"github.com/tracklayer/tracklayer/adapters/otel"
)

// TestBothEncodingsSayTheSame writes every golden in JSON as protobuf, with the code that is generated from OTLP's own
// definitions, and decodes that: the batch must be the same.
func TestBothEncodingsSayTheSame(t *testing.T) {
	compared := 0
	for _, g := range adaptertest.Goldens(t, "testdata") {
		if g.Name == "made-browser" || !bytes.HasPrefix(g.Envelope.Body, []byte("{")) {
			continue
		}
		request, ok := generated(t, g.Envelope.Body)
		if !ok {
			continue // it is one on purpose that OTLP does not allow
		}
		want, err := g.Decode(otel.Adapter)
		if err != nil {
			continue
		}
		compared++
		e := g.Envelope
		e.Header = e.Header.Clone()
		e.Header.Set("Content-Type", "application/x-protobuf")
		if e.Body, err = proto.Marshal(request); err != nil {
			t.Fatal(err)
		}
		got, err := adaptertest.Open(t, otel.Adapter, g.Options).Decode(g.Source(otel.Adapter), e)
		if err != nil {
			t.Errorf("%s: %v", g.Name, err)
		}
		if a, b := want.AppendJSON(nil), got.AppendJSON(nil); !bytes.Equal(a, b) {
			t.Errorf("%s: in protobuf it says\n%s\nin JSON\n%s", g.Name, b, a)
		}
	}
	if compared < 4 {
		t.Errorf("only %d were compared", compared)
	}
}

// generated reads a request in JSON into the generated type. Protobuf's own JSON has bytes in base64, OTLP's ids in hex.
func generated(t *testing.T, body []byte) (*logs.ExportLogsServiceRequest, bool) {
	t.Helper()
	var tree any
	if err := json.Unmarshal(body, &tree); err != nil {
		return nil, false
	}
	toBase64(tree)
	text, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	var request logs.ExportLogsServiceRequest
	err = protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(text, &request)
	return &request, err == nil
}

func toBase64(tree any) {
	switch node := tree.(type) {
	case []any:
		for _, child := range node {
			toBase64(child)
		}
	case map[string]any:
		for name, child := range node {
			if id, ok := child.(string); ok && (name == "traceId" || name == "spanId") {
				if raw, err := hex.DecodeString(id); err == nil {
					node[name] = base64.StdEncoding.EncodeToString(raw)
				}
			}
			toBase64(child)
		}
	}
}

// TestReplyIsOTLP reads every answer with the generated types.
func TestReplyIsOTLP(t *testing.T) {
	for _, c := range []struct {
		label    string
		rejected int
	}{{"application/json", 0}, {"application/json; charset=utf-8", 3}, {"application/x-protobuf", 0}, {"application/x-protobuf", 300}} {
		e := adapters.Envelope{Header: map[string][]string{"Content-Type": {c.label}}}
		r := plain.Reply(e, adapters.Outcome{Accepted: 1, Rejected: c.rejected})
		var said logs.ExportLogsServiceResponse
		err := proto.Unmarshal(r.Body, &said)
		if strings.Contains(c.label, "json") {
			err = protojson.Unmarshal(r.Body, &said)
		}
		if err != nil || r.Status != 200 || !strings.HasPrefix(c.label, r.ContentType) || said.GetPartialSuccess().GetRejectedLogRecords() != int64(c.rejected) ||
			(said.GetPartialSuccess().GetErrorMessage() != "") != (c.rejected > 0) || (said.PartialSuccess != nil) != (c.rejected > 0) {
			t.Errorf("%+v: %d %s %q: %v", c, r.Status, r.ContentType, r.Body, err)
		}
	}
}

// oneRequest is a body with one record made into bodies with 512 of them, by their labels.
func oneRequest(tb testing.TB, body []byte) (map[string][]byte, bool) {
	tb.Helper()
	var tree map[string]any
	if err := json.Unmarshal(body, &tree); err != nil {
		return nil, false
	}
	scope := tree["resourceLogs"].([]any)[0].(map[string]any)["scopeLogs"].([]any)[0].(map[string]any)
	record := scope["logRecords"].([]any)[0]
	many := make([]any, 512)
	for i := range many {
		many[i] = record
	}
	scope["logRecords"] = many
	asJSON, err := json.Marshal(tree)
	if err != nil {
		return nil, false
	}
	toBase64(scope["logRecords"].([]any)[0])
	text, err := json.Marshal(tree)
	if err != nil {
		return nil, false
	}
	var request logs.ExportLogsServiceRequest
	if err := protojson.Unmarshal(text, &request); err != nil {
		return nil, false
	}
	asProtobuf, err := proto.Marshal(&request)
	return map[string][]byte{"application/json": asJSON, "application/x-protobuf": asProtobuf}, err == nil
}
