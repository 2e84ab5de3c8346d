package adapters_test

import (
	"bytes"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/canonical"
)

func TestReadRequest(t *testing.T) {
	want := adapters.Envelope{
		Method: "POST", Path: "/events/bulk/a%20b", RawQuery: "x=1&y", ReceivedAt: 7,
		Header: http.Header{"Content-Type": {"application/json"}, "X-Launchdarkly-Payload-Id": {"p:1"}, "Accept": {"a", "b"}},
		Body:   []byte("[]\n\n{}\n"),
	}
	text := "POST /events/bulk/a%20b?x=1&y HTTP/1.1\ncontent-type: application/json\nX-LaunchDarkly-Payload-ID:p:1 \naccept: a\nAccept:b\n\n[]\n\n{}\n"
	for _, text := range []string{text, strings.Replace(strings.ReplaceAll(text, "\n", "\r\n"), "\r\n[]\r\n\r\n{}\r\n", "\r\n[]\n\n{}\n", 1)} {
		got, err := adapters.ReadRequest(strings.NewReader(text), 7)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("ReadRequest(%q)\n = %+v, %v\nwant %+v", text, got, err, want)
		}
	}
}

func TestReadRequestCutsAtContentLength(t *testing.T) {
	for length, want := range map[string]string{"2": "[]", "3": "[]\n", "900": "[]\n", "0": ""} {
		e, err := adapters.ReadRequest(strings.NewReader("POST / HTTP/1.1\nContent-Length: "+length+"\n\n[]\n"), 0)
		if err != nil || string(e.Body) != want {
			t.Errorf("Content-Length %s: body %q, %v; want %q", length, e.Body, err, want)
		}
	}
}

func TestReadRequestSaysWhatItCannotRead(t *testing.T) {
	for _, text := range []string{
		"", "\n", "POST", "POST /", "POST  HTTP/1.1", "POST / FTP/1.1", "PO,ST / HTTP/1.1", "POST / x HTTP/1.1",
		"POST / HTTP/1.1\nno header\n\n", "POST / HTTP/1.1\n: x\n\n", "POST / HTTP/1.1\nContent-Length: -1\n\n",
	} {
		if _, err := adapters.ReadRequest(strings.NewReader(text), 0); !errors.Is(err, adapters.ErrUnreadable) {
			t.Errorf("ReadRequest(%q): %v, want ErrUnreadable", text, err)
		}
	}
}

// TestWriteRequestIsTheInverse covers also a body that was decompressed after its length was written down.
func TestWriteRequestIsTheInverse(t *testing.T) {
	for _, e := range []adapters.Envelope{
		{Method: "GET", Path: "/a/env.gif", RawQuery: "d=W10%3D", Header: http.Header{}, Body: []byte{}},
		{Method: "POST", Path: "/", Header: http.Header{"A": {"1", "2"}, "B": {""}}, Body: []byte("\r\n\n \x00\xff")},
		{Method: "POST", Path: "/bulk", Header: http.Header{"Content-Length": {"3"}}, Body: []byte("[1,2,3]")},
	} {
		var text bytes.Buffer
		if err := adapters.WriteRequest(&text, e); err != nil {
			t.Fatalf("WriteRequest(%+v): %v", e, err)
		}
		got, err := adapters.ReadRequest(bytes.NewReader(text.Bytes()), canonical.Time(0))
		if err != nil {
			t.Fatalf("ReadRequest(%q): %v", text.String(), err)
		}
		if e.Header.Get("Content-Length") != "" {
			e.Header.Set("Content-Length", "7")
		}
		if !reflect.DeepEqual(got, e) {
			t.Errorf("%q reads as\n     %+v\nwant %+v", text.String(), got, e)
		}
	}
}

func TestWriteRequestRefusesWhatItCouldNotReadBack(t *testing.T) {
	for _, e := range []adapters.Envelope{
		{Method: "", Path: "/"},
		{Method: "GE T", Path: "/"},
		{Method: "GET", Path: "/a b"},
		{Method: "GET", Path: "/a?b"},
		{Method: "GET", Path: "/", RawQuery: "a\nb"},
		{Method: "GET", Path: "/", Header: http.Header{"A": {"1\r\nB: 2"}}},
		{Method: "GET", Path: "/", Header: http.Header{"A b": {"1"}}},
	} {
		var text bytes.Buffer
		if err := adapters.WriteRequest(&text, e); err == nil || text.Len() > 0 {
			t.Errorf("WriteRequest(%+v) wrote %q, error %v", e, text.String(), err)
		}
	}
}

func TestBatchAppendJSON(t *testing.T) {
	var b adapters.Batch
	if got, want := string(b.AppendJSON(nil)), "{\"events\":[\n],\"rejected\":[],\"ignored\":{}}"; got != want {
		t.Errorf("empty batch: %q, want %q", got, want)
	}
	b.Ignore("summary")
	b.Ignore("summary")
	b.Reject(3, &canonical.FieldError{Field: "key", Detail: "is required"})
	b.Events = []adapters.Decoded{{Index: 1, Event: canonical.Event{
		Kind: canonical.Converted, ID: "p:1", Source: "s", SchemaVersion: 1, UserID: "u", ConversionEvent: "c", At: canonical.MinTime, ReceivedAt: canonical.MinTime,
	}}}
	want := `{"events":[
{"event_name":"experiment_converted","event_id":"p:1","source":"s","schema_version":1,"user_id":"u","conversion_event":"c","converted_at":"2000-01-01T00:00:00Z","received_at":"2000-01-01T00:00:00Z"}
],"rejected":[
{"index":3,"field":"key","reason":"is required"}
],"ignored":{"summary":2}}`
	if got := string(b.AppendJSON(nil)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
