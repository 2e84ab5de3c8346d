package canonical_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tracklayer/tracklayer/canonical"
)

const received = canonical.Time(1795339273032)

func genID(t *rapid.T, label string) string {
	return rapid.OneOf(
		rapid.StringMatching(`[a-z0-9:_.*> -]{1,40}[a-z]`),
		rapid.StringMatching(`[\p{L}\p{N}"\\/]{1,30}x`),
		rapid.SampledFrom([]string{"u-12", "zoë:42%/日本", `quo"te\`, "<b>", "\u2028", "a.b.c"}),
	).Draw(t, label)
}

func maybe(t *rapid.T, label string) string {
	if rapid.Bool().Draw(t, label+"?") {
		return genID(t, label)
	}
	return ""
}

// genEvent draws any valid event.
func genEvent(t *rapid.T) canonical.Event {
	e := canonical.Event{
		Kind:          rapid.SampledFrom([]canonical.Kind{canonical.Exposed, canonical.Converted, canonical.EndedEarly, canonical.Linked}).Draw(t, "kind"),
		ID:            genID(t, "id"),
		Source:        "launchdarkly",
		ReceivedAt:    received,
		SchemaVersion: canonical.SchemaVersion,
		UserID:        genID(t, "user"),
		AnonymousID:   maybe(t, "anonymous"),
		At:            canonical.Time(rapid.Int64Range(int64(canonical.MinTime), int64(received)+86400000).Draw(t, "at")),
		ClockOffset:   rapid.SampledFrom([]int64{0, 0, 90000, -3600000}).Draw(t, "offset"),
	}
	if rapid.Bool().Draw(t, "attributes") {
		e.Attributes = json.RawMessage(`{"user_agent":"curl/8","n":[1,2,{"é":null}]}`)
	}
	switch e.Kind {
	case canonical.Converted:
		e.ConversionEvent = genID(t, "event")
		if rapid.Bool().Draw(t, "named") {
			e.ExperimentID, e.Variant = genID(t, "experiment"), genID(t, "variant")
		}
		if rapid.Bool().Draw(t, "worth") {
			e.Value = canonical.Micro(rapid.Int64Range(-1e18, 1e18).Draw(t, "value"))
			e.Currency = "EUR"
		}
		e.DedupKey = maybe(t, "dedup")
		e.Channel = rapid.SampledFrom([]canonical.Channel{"", canonical.Server, canonical.Client}).Draw(t, "channel")
	case canonical.Linked:
		if e.AnonymousID == "" {
			e.PreviousUserID = "previous-" + genID(t, "previous")
		}
	default:
		e.ExperimentID, e.Variant = genID(t, "experiment"), genID(t, "variant")
		e.SourceExperiment, e.SourceVariant = maybe(t, "source experiment"), maybe(t, "source variant")
		if e.Kind == canonical.EndedEarly {
			e.EndedReason = genID(t, "reason")
		}
	}
	return e
}

func TestWireFormIsLossless(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := genEvent(t)
		if err := e.Validate(canonical.DefaultRules()); err != nil {
			t.Skip(err) // a drawn id may be a non-id
		}
		wire := e.AppendJSON(nil)
		if !json.Valid(wire) {
			t.Fatalf("not JSON: %s", wire)
		}
		back, err := canonical.ParseWire(wire)
		if err != nil {
			t.Fatalf("%s: %v", wire, err)
		}
		if again := back.AppendJSON(nil); !bytes.Equal(wire, again) {
			t.Fatalf("wrote %s\nread  %s", wire, again)
		}
		if back.Unit() != e.Unit() || back.Subject("t") != e.Subject("t") || back.Value != e.Value || back.At != e.At {
			t.Fatalf("%+v is not %+v", back, e)
		}
	})
}

func TestBodyLeavesOutTheDelivery(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := genEvent(t)
		late := e
		late.ReceivedAt += 5000
		late.ClockOffset += 120000
		late.At += 120000
		if !bytes.Equal(e.AppendBody(nil), late.AppendBody(nil)) {
			t.Fatalf("a second delivery has another body:\n%s\n%s", e.AppendBody(nil), late.AppendBody(nil))
		}
	})
}

func TestParseNamesTheField(t *testing.T) {
	good := map[string]any{
		"event_name": "experiment_converted", "event_id": "c-1", "conversion_event": "purchase", "user_id": "u-12", "value": 49.90,
		"currency": "EUR", "dedup_key": "order-981", "channel": "server", "converted_at": "2026-11-20T11:00:00Z", "experiment_id": "e", "variant": "v",
	}
	wrong := map[string][]any{
		"event_name": {"purchase", 7, []any{}}, "event_id": {7, true, strings.Repeat("x", 201), "a\nb"}, "conversion_event": {nil, "", 1},
		"user_id": {12, "null", "Undefined", "[object Object]", "00000000-0000-0000-0000-000000000000", "0", "\u0085", map[string]any{}, nil, ""},
		"value":   {"abc", "NaN", true, 1e13, map[string]any{}}, "currency": {"EURO", 1, "€€€"}, "dedup_key": {[]any{}, strings.Repeat("é", 101)},
		"channel": {"web", 1}, "experiment_id": {1, nil}, "variant": {true, nil},
		"converted_at": {"yesterday", "1999-12-31T23:59:59Z", 915148800000, "2026-11-25T00:00:00Z", nil, true, 1e300},
	}
	if _, err := check(good); err != nil {
		t.Fatalf("the good event: %v", err)
	}
	for field, values := range wrong {
		for _, v := range values {
			bad := map[string]any{}
			for k, g := range good {
				bad[k] = g
			}
			bad[field] = v
			_, err := check(bad)
			var fe *canonical.FieldError
			if !errors.As(err, &fe) || fe.Field != field {
				t.Errorf("%s = %v: got %v, want a fault of that field", field, v, err)
			}
		}
	}
}

func check(m map[string]any) (canonical.Event, error) {
	data, err := json.Marshal(m)
	if err != nil {
		return canonical.Event{}, err
	}
	e, err := canonical.Parse(data)
	if err != nil {
		return e, err
	}
	e.ReceivedAt = received
	return e, e.Validate(canonical.DefaultRules())
}

func TestSendersCannotSpeakForTheGateway(t *testing.T) {
	e, err := canonical.Parse([]byte(`{"event_name":"identity_linked","user_id":"u","anonymous_id":"a","linked_at":1795339273031,
		"source":"evil","received_at":"2030-01-01T00:00:00Z","id_origin":"server","schema_version":9,"clock_offset_ms":5,"made_up":[{}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if e.Source != "" || e.ReceivedAt != 0 || e.IDOrigin != "" || e.SchemaVersion != canonical.SchemaVersion || e.ClockOffset != 0 {
		t.Fatalf("taken from the sender: %+v", e)
	}
}

func TestComplete(t *testing.T) {
	link := canonical.Event{Kind: canonical.Linked, Source: "s", UserID: "u", AnonymousID: "a", At: received, ReceivedAt: received}
	twin := link
	twin.ReceivedAt += 1000
	twin.ClockOffset, twin.At = 60000, twin.At+60000
	for _, e := range []*canonical.Event{&link, &twin} {
		if err := e.Complete(received, nil); err != nil {
			t.Fatal(err)
		}
	}
	if link.ID != twin.ID || link.IDOrigin != canonical.FromContent || len(link.ID) != 36 || link.ID[14] != '5' {
		t.Fatalf("derived ids %q and %q", link.ID, twin.ID)
	}
	random := bytes.NewReader(bytes.Repeat([]byte{1, 2, 3}, 20))
	a := canonical.Event{Kind: canonical.Converted, UserID: "u", ConversionEvent: "purchase", At: received}
	b := a
	for _, e := range []*canonical.Event{&a, &b} {
		if err := e.Complete(received, random); err != nil {
			t.Fatal(err)
		}
	}
	if a.ID == b.ID || a.ID[14] != '7' || a.IDOrigin != canonical.FromServer {
		t.Fatalf("two purchases have ids %q and %q", a.ID, b.ID)
	}
	if err := (&canonical.Event{Kind: canonical.Converted}).Complete(received, bytes.NewReader(nil)); err == nil {
		t.Fatal("no randomness, no error")
	}
}

func TestNumberAgainstRationals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(
			rapid.StringMatching(`-?(0|[1-9][0-9]{0,13})(\.[0-9]{1,12})?([eE][+-]?[0-9]{1,2})?`),
			rapid.StringMatching(`-?[0-9]{1,4}\.[0-9]{5}[0-9](5|50|49|51)0{0,3}`),
		).Draw(t, "text")
		want, ok := new(big.Rat).SetString(text)
		if !ok {
			t.Fatalf("%q is no rational", text)
		}
		want.Mul(want, big.NewRat(canonical.Million, 1))
		rounded := roundHalfEven(want)
		limit := big.NewInt(canonical.MaxNumber * canonical.Million)
		n, err := canonical.ParseNumber(text)
		if rounded.CmpAbs(limit) > 0 {
			if err == nil {
				t.Fatalf("%s accepted as %s", text, n)
			}
			return
		}
		if err != nil || n.Big().Cmp(rounded) != 0 {
			t.Fatalf("%s: %d millionths (%v), want %s", text, n.Micros, err, rounded)
		}
		back, err := canonical.ParseNumber(n.String())
		if err != nil || back != n {
			t.Fatalf("%s written as %s read as %s (%v)", text, n, back, err)
		}
	})
	for _, bad := range []string{"", "-", ".", "NaN", "Infinity", "1e", "1.2.3", "0x10", "1_000", " 1", "1e999999999999999999999", "1000000000000.000001", "9230000000000", "-9999999999999"} {
		if n, err := canonical.ParseNumber(bad); err == nil {
			t.Errorf("%q accepted as %s", bad, n)
		}
	}
}

func roundHalfEven(r *big.Rat) *big.Int {
	double := new(big.Rat).Mul(r, big.NewRat(2, 1))
	if double.IsInt() && double.Num().Bit(0) == 1 { // exactly a half: the even neighbour
		down := new(big.Int).Div(double.Num(), big.NewInt(2)) // floor
		if down.Bit(0) == 1 {
			down.Add(down, big.NewInt(1))
		}
		return down
	}
	half := new(big.Rat).Add(r, big.NewRat(1, 2))
	return new(big.Int).Div(half.Num(), half.Denom()) // floor(r + 1/2)
}

func TestSumIsAGroup(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ns := rapid.SliceOfN(rapid.Int64(), 1, 200).Draw(t, "ns")
		var s canonical.Sum
		want := new(big.Int)
		for _, n := range ns {
			s = s.Plus(canonical.SumOf(n))
			want.Add(want, big.NewInt(n))
		}
		if s.Big().Cmp(want) != 0 || s.String() != want.String() {
			t.Fatalf("%v sums to %s, want %s", ns, s, want)
		}
		raw, _ := s.AppendBinary(nil)
		var back canonical.Sum
		if err := back.UnmarshalBinary(raw); err != nil || back != s {
			t.Fatalf("%s read back as %s (%v)", s, back, err)
		}
		for _, n := range ns {
			s = s.Minus(canonical.SumOf(n))
		}
		if !s.IsZero() {
			t.Fatalf("taking everything back leaves %s", s)
		}
	})
}

func TestTimeAgainstTheStandardLibrary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := canonical.Time(rapid.Int64Range(-62135596800000, 253402300799999).Draw(t, "ms"))
		layout := "2006-01-02T15:04:05Z"
		if at%1000 != 0 {
			layout = "2006-01-02T15:04:05.000Z"
		}
		if got, want := at.String(), at.Time().Format(layout); got != want {
			t.Fatalf("%d is %s, want %s", int64(at), got, want)
		}
		back, err := canonical.ParseTime(at.String())
		if err != nil || back != at {
			t.Fatalf("%s read as %d (%v)", at, int64(back), err)
		}
	})
	if at, err := canonical.ParseTime("2026-11-20T12:30:00.5+02:00"); err != nil || at.Time() != time.Date(2026, 11, 20, 10, 30, 0, 5e8, time.UTC) {
		t.Fatalf("an offset: %s (%v)", at, err)
	}
	if at, err := canonical.ParseMillis("1.795339273031e12"); err != nil || at != 1795339273031 {
		t.Fatalf("a float: %d (%v)", int64(at), err)
	}
}

func TestTokens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.OneOf(rapid.StringN(0, 60, 200), rapid.StringMatching(`[_%.A-F0-9*> ]{0,8}`)).Draw(t, "id")
		token := canonical.Token(id)
		if token == "" || strings.ContainsAny(token, ".*> \t\r\n\x00") {
			t.Fatalf("%q became %q", id, token)
		}
		if back, err := canonical.ParseToken(token); err != nil || back != id {
			t.Fatalf("%q became %q and back %q (%v)", id, token, back, err)
		}
	})
	for _, bad := range []string{"", "%", "%4", "%zz", "%61", "a.b", "a b", "%5f"} {
		if id, err := canonical.ParseToken(bad); err == nil {
			t.Errorf("%q read as %q", bad, id)
		}
	}
}

func TestBucketsAreEven(t *testing.T) {
	var n [256]int
	const units = 256 * 400
	for i := range units {
		n[canonical.Unit{Kind: canonical.User, ID: "user-" + big.NewInt(int64(i)).String()}.Bucket()]++
	}
	for b, c := range n {
		if c < 280 || c > 520 {
			t.Errorf("bucket %02x holds %d of %d units", b, c, units)
		}
	}
	if (canonical.Unit{Kind: canonical.User, ID: "x"}).Bucket() == (canonical.Unit{Kind: canonical.Anonymous, ID: "x"}).Bucket() {
		t.Error("the two spaces of ids share a bucket for x")
	}
}

// FuzzParse: whatever a sender writes gives an event or an error that says what to do, and a valid event is writable.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"event_name":"experiment_exposed","event_id":"e-1","experiment_id":"x","variant":"b","anonymous_id":"a-77","user_id":"u-12","exposed_at":"2026-11-20T10:00:00Z","attributes":{"a":1}}`))
	f.Add([]byte(`{"event_name":"experiment_converted","conversion_event":"purchase","user_id":"u","value":"49.90","currency":"eur","converted_at":1795339273031}`))
	f.Add([]byte(`{"event_name":"experiment_ended_early","experiment_id":"x","variant":"b","user_id":"u","ended_reason":"r","ended_at":1.795e12}`))
	f.Add([]byte(`{"event_name":"identity_linked","user_id":"u","previous_user_id":"v","linked_at":"2026-11-20T10:00:00Z"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := canonical.Parse(data)
		if err != nil {
			if err.Error() == "" {
				t.Fatal("an error without words")
			}
			return
		}
		e.Source, e.ReceivedAt = "s", received
		if e.Validate(canonical.DefaultRules()) != nil {
			return
		}
		if err := e.Complete(received, strings.NewReader("0123456789")); err != nil {
			t.Fatal(err)
		}
		wire := e.AppendJSON(nil)
		back, err := canonical.ParseWire(wire)
		if err != nil || !bytes.Equal(back.AppendJSON(nil), wire) {
			t.Fatalf("%s read back as %s (%v)", wire, back.AppendJSON(nil), err)
		}
		if s := e.Subject("t"); strings.Count(s, ".") != 4 || strings.ContainsAny(s, "*> ") {
			t.Fatalf("subject %q", s)
		}
	})
}

var sample = []byte(`{"event_name":"experiment_converted","event_id":"c-1","conversion_event":"purchase","user_id":"u-12","value":49.90,"currency":"EUR","dedup_key":"order-981","channel":"server","converted_at":"2026-11-20T11:00:00Z"}`)

func BenchmarkParse(b *testing.B) {
	b.SetBytes(int64(len(sample)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := canonical.Parse(sample); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkValidate(b *testing.B) {
	e, _ := canonical.Parse(sample)
	e.ReceivedAt = received
	rules := canonical.DefaultRules()
	b.ReportAllocs()
	for b.Loop() {
		if err := e.Validate(rules); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendJSON(b *testing.B) {
	e, _ := canonical.Parse(sample)
	e.ReceivedAt, e.Source = received, "api"
	buf := e.AppendJSON(nil)
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		buf = e.AppendJSON(buf[:0])
	}
}

func BenchmarkParseWire(b *testing.B) {
	e, _ := canonical.Parse(sample)
	e.ReceivedAt, e.Source = received, "api"
	wire := e.AppendJSON(nil)
	b.SetBytes(int64(len(wire)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := canonical.ParseWire(wire); err != nil {
			b.Fatal(err)
		}
	}
}
