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

// short writes a number with three significant digits, without an exponent from 1,000 on.
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
func percent(share float64) string { return short(100*share) + "%" }

// likelihood writes a probability in percent and never rounds it to certainty.
func likelihood(p float64) string {
	switch {
	case p > 0.999:
		return "> 99.9%"
	case p < 0.001:
		return "< 0.1%"
	}
	return strings.TrimSuffix(strconv.FormatFloat(100*p, 'f', 1, 64), ".0") + "%"
}

// shortDate writes a day such as 2026-12-04 as Dec 4.
func shortDate(day string) string {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return day
	}
	return t.Format("Jan 2")
}

// date writes days since 1970.
func date(days int64) string { return time.Unix(days*86400, 0).UTC().Format(time.DateOnly) }

// listed joins items with commas and "and".
func listed(items []string) string {
	if len(items) < 2 {
		return strings.Join(items, "")
	}
	last := len(items) - 1
	return strings.Join(items[:last], ", ") + " and " + items[last]
}
