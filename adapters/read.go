package adapters

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tracklayer/tracklayer/canonical"
)

// timeLayouts are the forms of time that vendors' servers read besides RFC 3339. A form without a zone is UTC.
var timeLayouts = [...]string{
	time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04:05Z0700", "2006-01-02 15:04:05Z07:00",
	"2006-01-02 15:04:05Z0700", "2006-01-02 15:04:05Z07", "2006-01-02 15:04:05 Z07:00", "2006-01-02 15:04:05 Z0700", "2006-01-02 15:04:05 MST",
	"2006-01-02T15:04Z07:00", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02",
	time.RFC1123Z, time.RFC1123,
}

// ParseTime reads a time as vendors write it: RFC 3339, the same without a zone (then UTC), with a space in place of the T
// or with an offset such as +0000, a date alone, the form of HTTP headers, and Unix seconds, milliseconds, microseconds or
// nanoseconds as text. Fractions of a millisecond are cut. It fails on anything else; a caller must then reject the item
// and name the field, not use the time of receipt.
func ParseTime(text string) (canonical.Time, error) {
	text = strings.TrimSpace(text)
	if t, err := ParseUnix(text); err == nil {
		return t, nil
	}
	for _, layout := range timeLayouts {
		t, err := time.Parse(layout, text)
		if err == nil && (layout != "2006-01-02 15:04:05 MST" || strings.HasSuffix(text, "UTC") || strings.HasSuffix(text, "GMT")) {
			return canonical.TimeOf(t), nil
		}
	}
	return 0, fmt.Errorf("%.40q is no time; RFC 3339 such as \"2026-11-20T10:00:00Z\" or Unix time is read", text)
}

// Bounds of ParseUnix: the same number cannot be a plausible time in two units, as 2000 to 2100 is in each unit a range of
// its own.
const (
	maxSeconds = 1e11
	maxMillis  = 1e14
	maxMicros  = 1e17
)

// ParseUnix reads the text of a number as Unix time. The unit follows from the magnitude: seconds below 1e11, then
// milliseconds below 1e14, microseconds below 1e17, else nanoseconds.
func ParseUnix(number string) (canonical.Time, error) {
	f, err := strconv.ParseFloat(number, 64)
	if err != nil || f != f || f < 0 || f > 1e20 {
		return 0, fmt.Errorf("%.40q is no Unix time", number)
	}
	if n, err := strconv.ParseInt(number, 10, 64); err == nil { // exact where it can be
		switch {
		case n < maxSeconds:
			return canonical.Time(n * 1000), nil
		case n < maxMillis:
			return canonical.Time(n), nil
		case n < maxMicros:
			return canonical.Time(n / 1000), nil
		}
		return canonical.Time(n / 1_000_000), nil
	}
	switch {
	case f < maxSeconds:
		return canonical.Time(f * 1000), nil
	case f < maxMillis:
		return canonical.Time(f), nil
	case f < maxMicros:
		return canonical.Time(f / 1000), nil
	}
	return canonical.Time(f / 1_000_000), nil
}

// Currency is text as an ISO 4217 code, in upper case, or "" if it has not the form of one: a sign, a number, a word. A
// conversion is never refused for its currency.
func Currency(text string) string {
	code := strings.ToUpper(strings.TrimSpace(text))
	if !canonical.IsCurrency(code) {
		return ""
	}
	return code
}
