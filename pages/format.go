package pages

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/readout"
	"github.com/tracklayer/tracklayer/registry"
)

const (
	minus    = "−"
	noBreak  = "\u00a0" // between a number and its unit
	oneDayMs = 86_400_000
)

// figure is a number as people read it, or why there is none.
type figure struct {
	Text string // "": there is none
	Why  string // if there is none
}

// whole writes 12345 as 12,345.
func whole(n int64) string {
	text := strconv.FormatInt(n, 10)
	digits := strings.TrimPrefix(text, "-")
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	if n < 0 {
		return minus + digits
	}
	return digits
}

// many writes a number with its noun.
func many(n int64, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return whole(n) + " " + more
}

// fixed writes x with that many digits after the point, thousands apart.
func fixed(x float64, digits int) string {
	text := strconv.FormatFloat(math.Abs(x), 'f', digits, 64)
	integer, fraction, point := strings.Cut(text, ".")
	for i := len(integer) - 3; i > 0; i -= 3 {
		integer = integer[:i] + "," + integer[i:]
	}
	if point {
		integer += "." + fraction
	}
	if x < 0 && strings.ContainsAny(integer, "123456789") {
		return minus + integer
	}
	return integer
}

// percent writes a share with digits that tell rates of its size apart.
func percent(x float64) string {
	size := math.Abs(100 * x)
	switch {
	case size == 0 || size >= 10:
		return fixed(100*x, 1) + "%"
	case size >= 1:
		return fixed(100*x, 2) + "%"
	}
	return strconv.FormatFloat(100*x, 'g', 2, 64) + "%"
}

// signed writes a relative difference.
func signed(x float64) string {
	digits := 1
	if size := math.Abs(100 * x); size < 1 && size > 0 {
		digits = 2
	} else if size >= 1000 {
		digits = 0
	}
	text := fixed(100*x, digits) + "%"
	if x > 0 {
		return "+" + text
	}
	return text
}

// probability never rounds to certainty.
func probability(x float64) string {
	switch {
	case x > 0.999:
		return ">" + noBreak + "99.9%"
	case x < 0.001:
		return "<" + noBreak + "0.1%"
	}
	return fixed(100*x, 1) + "%"
}

// short writes a number of any size to three digits that count.
func short(x float64) string {
	size := math.Abs(x)
	switch {
	case size == 0:
		return "0"
	case size >= 1000:
		return fixed(x, 0)
	case size >= 100:
		return fixed(x, 1)
	case size >= 1:
		return fixed(x, 2)
	case size < 1e-4:
		return strings.Replace(strconv.FormatFloat(x, 'e', 1, 64), "-", minus, 1)
	}
	return strings.Replace(strconv.FormatFloat(x, 'g', 3, 64), "-", minus, 1)
}

// pValue writes a p value, of which tiny ones are all alike.
func pValue(x float64) string {
	if x < 0.0001 {
		return "<" + noBreak + "0.0001"
	}
	return strconv.FormatFloat(x, 'f', 4, 64)
}

// from writes a number that may be missing, for a reason under its name in the API.
func from(x *float64, write func(float64) string, reasons readout.Reasons, name string) figure {
	if x != nil {
		return figure{Text: write(*x)}
	}
	return figure{Why: because(reasons, name)}
}

// because is a reason in words.
func because(reasons readout.Reasons, name string) string {
	if why, ok := reasons[name]; ok {
		return spaced(string(why))
	}
	return "not known"
}

// span writes an interval of relative lifts.
func span(x *[2]float64, reasons readout.Reasons, name string) figure {
	if x == nil {
		return figure{Why: because(reasons, name)}
	}
	return figure{Text: signed(x[0]) + " … " + signed(x[1])}
}

// value writes a metric's number per user, a share if it is one.
func value(x float64, kind registry.MetricType) string {
	if kind == registry.Proportion {
		return percent(x)
	}
	return short(x)
}

func spaced(word string) string { return strings.ReplaceAll(word, "_", " ") }

// sentence is a word of the API as the beginning of a sentence.
func sentence(word string) string {
	text := spaced(word)
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// moment writes a time to the second.
func moment(t canonical.Time) string { return t.Time().Format("2 Jan 2006, 15:04:05") + " UTC" }

// stamp writes a time to the minute.
func stamp(t canonical.Time) string { return t.Time().Format("2 Jan 2006, 15:04") + " UTC" }

// ago says how long ago something was, roughly.
func ago(t, now time.Time) string {
	d := now.Sub(t)
	switch {
	case d < 2*time.Second:
		return "just now"
	case d < 2*time.Minute:
		return strconv.Itoa(int(d/time.Second)) + " seconds ago"
	case d < 2*time.Hour:
		return strconv.Itoa(int(d/time.Minute)) + " minutes ago"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d/time.Hour)) + " hours ago"
	}
	return whole(int64(d/(24*time.Hour))) + " days ago"
}

// date writes a day such as "2026-11-20" as people do; what is no day stays as it is.
func date(day string) string {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return day
	}
	return t.Format("2 Jan 2006")
}

// window writes how long after the exposure a conversion counts.
func window(w *registry.Window) string {
	if w == nil {
		return ""
	}
	d := time.Duration(*w)
	switch {
	case d == 0:
		return "no limit"
	case d%(24*time.Hour) == 0:
		return many(int64(d/(24*time.Hour)), "day", "days")
	case d%time.Hour == 0:
		return many(int64(d/time.Hour), "hour", "hours")
	}
	return d.String()
}

// clip cuts a text that is too long for its place.
func clip(text string, most int) string {
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	return string(runes[:most-1]) + "…"
}

// negative is a number with a hyphen for its sign.
var negative = regexp.MustCompile(`(^|[ (])-(\d)`)

// prose is a sentence of the API with typographic minus signs.
func prose(text string) string { return negative.ReplaceAllString(text, "${1}"+minus+"${2}") }

// reason is why something has a status, without the status that the API's sentence begins with.
func reason(status, why string) string {
	return strings.TrimPrefix(why, spaced(status)+": ")
}
