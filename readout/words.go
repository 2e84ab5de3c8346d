package readout

import (
	"strconv"
	"strings"
	"time"
)

// whole writes 12345 as 12,345.
func whole(n int64) string {
	text := strconv.FormatInt(n, 10)
	digits := strings.TrimPrefix(text, "-")
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return text[:len(text)-len(strings.TrimPrefix(text, "-"))] + digits
}

// many writes a number with its noun.
func many(n int64, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return whole(n) + " " + more
}

func users(n int64) string { return many(n, "user", "users") }

// short writes a number to three digits that count, without exponent where people would not use one.
func short(x float64) string {
	if x >= 1000 {
		return whole(int64(x + 0.5))
	}
	return strconv.FormatFloat(x, 'g', 3, 64)
}

// probability never rounds up to certainty.
func probability(p float64) string {
	text := strconv.FormatFloat(p, 'f', 4, 64)
	if p < 1 && text == "1.0000" {
		return "above 0.9999"
	}
	return strings.TrimRight(strings.TrimRight(text, "0"), ".")
}

// percent writes a share.
func percent(share float64) string { return short(100*share) + " %" }

// date writes days since 1970.
func date(days int64) string { return time.Unix(days*86400, 0).UTC().Format(time.DateOnly) }

// listed joins with commas and an and.
func listed(items []string) string {
	if len(items) < 2 {
		return strings.Join(items, "")
	}
	last := len(items) - 1
	return strings.Join(items[:last], ", ") + " and " + items[last]
}
