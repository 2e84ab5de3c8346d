package adapters_test

import (
	"testing"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/canonical"
)

func TestTimesAsVendorsWriteThem(t *testing.T) {
	const noon = "2026-11-20T12:00:00Z"
	cases := map[string]string{
		noon: noon, "2026-11-20T12:00:00": noon, "2026-11-20 12:00:00": noon, "2026-11-20T12:00:00+0000": noon, "2026-11-20T14:00:00+02:00": noon,
		"2026-11-20 12:00:00+00": noon, "2026-11-20 14:00:00 +0200": noon, "2026-11-20 12:00:00 UTC": noon, "2026-11-20 12:00:00.123456": "2026-11-20T12:00:00.123Z",
		"2026-11-20 12:00:00 CET": "", "2026-11-20": "2026-11-20T00:00:00Z", "2026-11-20T12:00": noon, "Fri, 20 Nov 2026 12:00:00 GMT": noon,
		"1795176000": noon, "1795176000000": noon, "1795176000000000": noon, "1795176000000000000": noon, "1795176000.5": "2026-11-20T12:00:00.5Z",
		" 1795176000 ": noon, "": "", "yesterday": "", "NaN": "", "-5": "", "20.11.2026": "", "1e400": "",
	}
	for text, want := range cases {
		got, err := adapters.ParseTime(text)
		if want == "" {
			if err == nil {
				t.Errorf("%q is read as %s, want an error", text, got)
			}
			continue
		}
		if expected, _ := canonical.ParseTime(want); err != nil || got != expected {
			t.Errorf("%q is %s, %v, want %s", text, got, err, want)
		}
	}
}

func TestCurrencies(t *testing.T) {
	for text, want := range map[string]string{"usd": "USD", " Eur ": "EUR", "€": "", "$": "", "R$ ": "", "840": "", "": "", "US$": "", "dollars": ""} {
		if got := adapters.Currency(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}
