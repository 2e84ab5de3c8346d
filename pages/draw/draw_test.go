package draw

import (
	"html/template"
	"math"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestTicksAreRoundAndInside(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lo := rapid.Float64Range(-1e6, 1e6).Draw(t, "lo")
		hi := lo + rapid.Float64Range(1e-6, 1e6).Draw(t, "width")
		all := ticks(lo, hi, 5)
		if len(all) > 12 {
			t.Errorf("%d ticks from %v to %v", len(all), lo, hi)
		}
		for _, x := range all {
			if slack := (hi - lo) * 1e-6; x < lo-slack || x > hi+slack {
				t.Errorf("%v is not between %v and %v", x, lo, hi)
			}
		}
	})
}

// whole checks that a picture is one SVG in which every text is closed and every number is one.
func whole(t *rapid.T, picture template.HTML) {
	text := string(picture)
	if strings.Contains(text, "NaN") || strings.Contains(text, "Inf") {
		t.Errorf("a number is none: %s", text)
	}
	if strings.Count(text, "<svg") != 1 || strings.Count(text, "<text") != strings.Count(text, "</text>") || !strings.HasSuffix(text, "</svg>") {
		t.Errorf("the picture is not whole: %s", text)
	}
	if strings.Contains(text, "<b>") {
		t.Errorf("a name is not escaped: %s", text)
	}
}

func TestPicturesOverDaysAreWhole(t *testing.T) {
	number := rapid.OneOf(rapid.Float64Range(-3, 3), rapid.Float64Range(-1e6, 1e6), rapid.SampledFrom([]float64{0, math.NaN(), 1e9}))
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 20).Draw(t, "days")
		row := func(name string) []float64 { return rapid.SliceOfN(number, n, n).Draw(t, name) }
		a := Axes{Low: -1, High: 1, Label: Axis, Points: make([]string, n)}
		for i := range n {
			a.Places = append(a.Places, "<b>"+strconv.Itoa(i))
			a.Points[i] = "<b>"
		}
		track := Track{Colour: 9, Lift: row("lift"), Low: row("low"), Top: row("top"), Marks: make([]string, n)}
		track.Marks[n-1] = "win"
		whole(t, Tracks(a, []Track{track}, "<b>", "<b>"))
		whole(t, Lines(a, []Line{{Ys: row("line")}}, "<b>", "<b>"))
		whole(t, Whiskers(a, []Whisker{{Place: n - 1, At: 0.1, Half: 0.2}}, "<b>", "<b>"))
		if room := Room([]Track{track}); room < 0.05 || room > 5 {
			t.Errorf("room %v", room)
		}
	})
}

// TestALineIsAtItsNumbers: the lowest number is at the bottom, the highest at the top, and a missing one breaks the line.
func TestALineIsAtItsNumbers(t *testing.T) {
	a := Axes{Places: []string{"a", "b", "c", "d"}, Low: 0, High: 10, Label: Axis}
	text := string(Lines(a, []Line{{Colour: 1, Thin: true, Ys: []float64{0, 10, math.NaN(), 5}}}, "Users", "in words"))
	for _, want := range []string{`<path d="M56 194L193.3 10M468 102" class="curve thin c1"/>`, `aria-label="Users in words"`, `>d</text>`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
	if strings.Contains(text, "hit") {
		t.Error("places that say nothing are drawn")
	}
}

// TestIntervalsEndWhereTheyEnd: an interval reaches from its low end to its high one, and has an arrow if it goes on outside.
func TestIntervalsEndWhereTheyEnd(t *testing.T) {
	lift := 0.1
	inside := Levels{P95: &[2]float64{-0.1, 0.3}}
	outside := Levels{P95: &[2]float64{-100, 100}, P80: &[2]float64{0.05, 0.15}}
	small := string(Mini(&lift, inside, "Lift:", "in words"))
	if strings.Count(small, "<rect") != 1 || strings.Contains(small, "<path") || !strings.Contains(small, "<circle") {
		t.Errorf("mini: %s", small)
	}
	text := string(Forest([]Treatment{{Name: "<b>", Colour: 1, Lift: &lift, Intervals: []Interval{{"credible", outside}}}}, "right is better", "Lift.", ""))
	if strings.Count(text, "<path") != 2 || !strings.Contains(text, "&lt;b&gt;") || strings.Count(text, "<rect") != 2 {
		t.Errorf("forest: %s", text)
	}
	if Forest(nil, "", "", "") != "" || Mini(nil, Levels{}, "", "") != "" {
		t.Error("nothing has a picture")
	}
}

// TestDensitiesAreOfTheirHills: the top of each hill is at its mean.
func TestDensitiesAreOfTheirHills(t *testing.T) {
	h := Hill{A: 31, B: 71, Mean: 31.0 / 102, SD: 0.045}
	most, at := 0.0, 0.0
	area := 0.0
	for x := 0.0005; x < 1; x += 0.001 {
		area += 0.001 * h.density(x)
		if y := h.density(x); y > most {
			most, at = y, x
		}
	}
	if math.Abs(area-1) > 1e-6 || math.Abs(at-0.3) > 0.001 { // the mode of Beta(31, 71) is 30/100
		t.Errorf("area %v, mode %v", area, at)
	}
	text := string(Densities([]Hill{h, {Colour: 1, Mean: 0.5, SD: 0.1}}, true, Axis, "in words"))
	if strings.Count(text, `class="hill c`) != 2 || !strings.Contains(text, "in words") {
		t.Errorf("densities: %s", text)
	}
	if Densities([]Hill{h}, true, Axis, "") != "" {
		t.Error("one hill alone has a picture")
	}
}

// TestPulse: every minute is one bar, and the busiest is the highest.
func TestPulse(t *testing.T) {
	text := string(Pulse([]int64{0, 2, 4}, "6 requests", "by minute"))
	for _, want := range []string{`height="1" class="none"`, `height="14" class="some"`, `height="26" class="some"`, `aria-label="6 requests by minute"`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
}
