package pages

import (
	"encoding/json"
	"math"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/tracklayer/tracklayer/readout"
)

// Wherever an address says to go after signing in, it is a place of ours.
func FuzzLocal(f *testing.F) {
	for _, s := range []string{"/experiments", "//a", "/\\a", "http://a", "/a?b=//c", "/%2f/a", "/%5ca", "\t//a", "/a b", "///a"} {
		f.Add(s)
	}
	base, err := url.Parse("http://here.example/sign-in")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, next string) {
		to, err := base.Parse(local(next))
		if err != nil || to.Host != "here.example" || to.Scheme != "http" {
			t.Errorf("%q leads to %v %v", next, to, err)
		}
	})
}

// read is a written number as a number again.
func read(t *rapid.T, text string) float64 {
	text = strings.NewReplacer(",", "", minus, "-", "+", "", "%", "").Replace(text)
	x, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatalf("%q is no number: %v", text, err)
	}
	return x
}

func TestNumbersAreNearWhatTheySay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64().Draw(t, "n")
		if got := read(t, whole(n)); math.Abs(got-float64(n)) > math.Abs(float64(n))*1e-15 {
			t.Errorf("whole(%d) says %v", n, got)
		}
		x := rapid.Float64Range(-50, 50).Draw(t, "x")
		if got := read(t, signed(x)) / 100; math.Abs(got-x) > 0.0051 || got*x < 0 {
			t.Errorf("signed(%v) says %v", x, got)
		}
		rate := rapid.Float64Range(0, 1).Draw(t, "rate")
		if got := read(t, percent(rate)) / 100; math.Abs(got-rate) > 0.05*rate+1e-12 {
			t.Errorf("percent(%v) says %v", rate, got)
		}
		if text := probability(rate); rate > 0 && rate < 1 && (strings.HasPrefix(text, "100") || text == "0.0%") {
			t.Errorf("probability(%v) is certain: %s", rate, text)
		}
		y := rapid.Float64Range(1e-3, 1e9).Draw(t, "y")
		if got := read(t, short(y)); math.Abs(got-y) > 0.006*y {
			t.Errorf("short(%v) says %v", y, got)
		}
	})
}

func TestNumbersByExample(t *testing.T) {
	for got, want := range map[string]string{
		whole(1234567): "1,234,567", whole(-999): minus + "999", whole(0): "0", fixed(-0.001, 1): "0.0", signed(0): "0.0%", signed(0.0042): "+0.42%",
		signed(-0.123): minus + "12.3%", percent(0.1234): "12.3%", percent(0.0123): "1.23%", percent(0.00012): "0.012%",
		probability(0.99999): ">" + noBreak + "99.9%", probability(0): "<" + noBreak + "0.1%", short(1234.5): "1,234", pValue(1e-9): "<" + noBreak + "0.0001",
		many(1, "day", "days"): "1 day", many(2, "day", "days"): "2 days", clip("abcdef", 4): "abc…", date("2026-11-20"): "20 Nov 2026", date("no day"): "no day",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Pictures of any numbers are whole: nothing in them is not a number or outside all bounds, and names stay text.
func TestPicturesAreSound(t *testing.T) {
	any64 := rapid.OneOf(rapid.Float64Range(-3, 3), rapid.Float64Range(-1e6, 1e6), rapid.SampledFrom([]float64{0, -1, 1, 1e-9, 1e9}))
	interval := rapid.Custom(func(t *rapid.T) *[2]float64 {
		if rapid.IntRange(0, 4).Draw(t, "missing") == 0 {
			return nil
		}
		a, b := any64.Draw(t, "a"), any64.Draw(t, "b")
		return &[2]float64{min(a, b), max(a, b)}
	})
	levels := rapid.Custom(func(t *rapid.T) readout.Levels {
		return readout.Levels{P80: interval.Draw(t, "80"), P90: interval.Draw(t, "90"), P95: interval.Draw(t, "95")}
	})
	rapid.Check(t, func(t *rapid.T) {
		var rows []forestRow
		for range rapid.IntRange(1, 4).Draw(t, "rows") {
			r := forestRow{name: rapid.String().Draw(t, "name"), colour: rapid.IntRange(0, 20).Draw(t, "colour")}
			r.of = readout.Intervals{Credible: levels.Draw(t, "credible"), Confidence: levels.Draw(t, "confidence"), Sequential: levels.Draw(t, "sequential")}
			if x := any64.Draw(t, "lift"); x != 0 {
				r.lift = &x
			}
			rows = append(rows, r)
		}
		text := string(forest(rows, "increase")) + string(mini(rows[0].lift, rows[0].of.Sequential))
		if strings.Contains(text, "NaN") || strings.Contains(text, "Inf") || strings.Count(text, "<text") != strings.Count(text, "</text>") {
			t.Errorf("picture %s", text)
		}
	})
}

func TestClipCutsNoLetter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, n := rapid.String().Draw(t, "text"), rapid.IntRange(1, 20).Draw(t, "n")
		if got := clip(text, n); !utf8.ValidString(got) || utf8.RuneCountInString(got) > n {
			t.Errorf("clip(%q, %d) is %q", text, n, got)
		}
	})
}

func TestDistance(t *testing.T) {
	for pair, want := range map[[2]string]int{{"", ""}: 0, {"abc", "abc"}: 0, {"", "abc"}: 3, {"kitten", "sitting"}: 3, {"chekout", "checkout"}: 1} {
		if got := distance(pair[0], pair[1]); got != want {
			t.Errorf("%v: %d, want %d", pair, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := rapid.StringN(0, 12, 60).Draw(t, "a"), rapid.StringN(0, 12, 60).Draw(t, "b"), rapid.StringN(0, 12, 60).Draw(t, "c")
		if distance(a, b) != distance(b, a) || distance(a, c) > distance(a, b)+distance(b, c) {
			t.Errorf("no distance: %q %q %q", a, b, c)
		}
	})
}

// TestNumbersAsTyped: a number is what was meant, or refused where that cannot be told; never another one.
func TestNumbersAsTyped(t *testing.T) {
	cases := []struct{ typed, member, want string }{
		{"0.9", "threshold", "0.9"},
		{" 1.5 ", "weight", "1.5"},
		{"1,5", "weight", "1.5"},
		{"99,90", "cap", "99.9"},
		{"0,05", "baseline", "0.05"},
		{"0,125", "baseline", "0.125"},
		{"1234,567", "cap", "1234.567"},
		{"1,2345", "cap", "1.2345"},
		{",5", "weight", "0.5"},
		{".5", "weight", "0.5"},
		{"-0,05", "effect", "-0.05"},
		{"\u22120.05", "effect", "-0.05"},
		{"+0.05", "effect", "0.05"},
		{"5%", "planned_effect", "0.05"},
		{"5 %", "planned_effect", "0.05"},
		{"95%", "threshold", "0.95"},
		{"0,25%", "max_expected_loss", "0.0025"},
		{"0.1\u00a0%", "baseline", "0.001"},
		{"50%", "weight", "0.5"},
		{"150%", "effect", "1.5"},
		{"-5%", "effect", "-0.05"},
		{"1,000", "min_units_per_variant", "1000"},
		{"12,000", "daily_users", "12000"},
		{"1,000,000", "cap", "1000000"},
		{"1,234.56", "cap", "1234.56"},
		{"1 000", "cap", "1000"},
		{"1\u202f000,5", "cap", "1000.5"},
		{"1'000", "daily_users", "1000"},
		{"007", "min_days", "7"},
		{"1e3", "cap", "1e3"},
		{"100.00", "cap", "100"},
		{"0", "weight", "0"},
		{"0,000", "effect", "0"},
		{"1,000", "cap", ""},
		{"12,345", "weight", ""},
		{"1.234,56", "cap", ""},
		{"1.234.567", "cap", ""},
		{"1,00,000", "cap", ""},
		{"1 5", "weight", ""},
		{"1 0000", "cap", ""},
		{"1,5", "x", "1.5"},
		{"5%", "cap", ""},
		{"5%", "min_days", ""},
		{"5%%", "effect", ""},
		{"heavy", "weight", ""},
		{"NaN", "weight", ""},
		{"Infinity", "cap", ""},
		{"0x10", "cap", ""},
		{"1.", "cap", ""},
		{"%", "effect", ""},
		{"-", "effect", ""},
		{"€5", "cap", ""},
		{"1,5,6", "cap", ""},
		{"1e", "cap", ""},
		{"5 EUR", "cap", ""},
		{"1_000", "cap", ""},
	}
	for _, c := range cases {
		got, fault := numberOf(c.typed, c.member)
		if string(got) != c.want || (fault == "") == (c.want == "") {
			t.Errorf("%q as %s: %q, fault %q; want %q", c.typed, c.member, got, fault, c.want)
		}
		if c.want != "" && !json.Valid([]byte(got)) {
			t.Errorf("%q: %q is not JSON", c.typed, got)
		}
	}
	if _, fault := numberOf("1,000", "cap"); !strings.Contains(fault, "write 1000 or 1.000") {
		t.Errorf("fault: %q", fault)
	}
}
