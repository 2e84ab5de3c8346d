package canonical

import (
	"errors"
	"strconv"
	"time"
)

// Time is a moment in UTC, in milliseconds since 1970. The zero value means that no time was given: the moment
// itself lies outside the accepted range.
type Time int64

// MinTime is the earliest moment an event may name.
const MinTime Time = 946684800000 // 2000-01-01T00:00:00Z

// MaxAhead is how far an event's own time may lie after its receipt.
const MaxAhead = 24 * time.Hour

// TimeOf cuts a time.Time to milliseconds.
func TimeOf(t time.Time) Time { return Time(t.UnixMilli()) }

// Time is t as a time.Time in UTC.
func (t Time) Time() time.Time { return time.UnixMilli(int64(t)).UTC() }

// String is RFC 3339 in UTC, with milliseconds where there are any.
func (t Time) String() string { return string(t.appendTo(nil)) }

// Add moves t by d, cut to milliseconds.
func (t Time) Add(d time.Duration) Time { return t + Time(d.Milliseconds()) }

func (t Time) appendTo(dst []byte) []byte {
	days := int64(t) / 86400000
	rest := int64(t) % 86400000
	if rest < 0 {
		days, rest = days-1, rest+86400000
	}
	y, m, d := civil(days)
	if y < 0 || y > 9999 { // outside RFC 3339; no valid event gets here
		return t.Time().AppendFormat(dst, time.RFC3339)
	}
	dst = appendDigits(dst, y, 4)
	dst = appendDigits(append(dst, '-'), m, 2)
	dst = appendDigits(append(dst, '-'), d, 2)
	sec := int(rest / 1000)
	dst = appendDigits(append(dst, 'T'), sec/3600, 2)
	dst = appendDigits(append(dst, ':'), sec/60%60, 2)
	dst = appendDigits(append(dst, ':'), sec%60, 2)
	if ms := int(rest % 1000); ms != 0 {
		dst = appendDigits(append(dst, '.'), ms, 3)
	}
	return append(dst, 'Z')
}

func appendDigits(dst []byte, n, width int) []byte {
	for div := pow10[width-1]; div > 0; div /= 10 {
		dst = append(dst, byte('0'+n/div%10))
	}
	return dst
}

var pow10 = [...]int{1, 10, 100, 1000}

// civil turns days since 1970 into a date of the proleptic Gregorian calendar (Howard Hinnant, "chrono-compatible
// low-level date algorithms", civil_from_days). Every event is written with two times; time.Format costs five times
// as much.
func civil(days int64) (year, month, day int) {
	z := days + 719468
	era := z / 146097
	if z < 0 {
		era = (z - 146096) / 146097
	}
	doe := z - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	m := mp + 3
	if mp >= 10 {
		m = mp - 9
	}
	y := yoe + era*400
	if m <= 2 {
		y++
	}
	return int(y), int(m), int(doy - (153*mp+2)/5 + 1)
}

var errTime = errors.New(`must be RFC 3339 such as "2026-11-20T10:00:00Z", or Unix milliseconds`)

// ParseTime reads RFC 3339; fractions of a millisecond are cut.
func ParseTime(s string) (Time, error) {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return 0, errTime
	}
	return TimeOf(t), nil
}

// ParseMillis reads the text of a JSON number as Unix milliseconds. Senders that keep time in floating point write
// fractions and exponents; fractions of a millisecond are cut.
func ParseMillis(number string) (Time, error) {
	if n, err := strconv.ParseInt(number, 10, 64); err == nil {
		return Time(n), nil
	}
	f, err := strconv.ParseFloat(number, 64)
	if err != nil || f < -1e15 || f > 1e15 {
		return 0, errTime
	}
	return Time(int64(f)), nil
}

// MarshalText writes RFC 3339.
func (t Time) MarshalText() ([]byte, error) { return t.appendTo(nil), nil }

// UnmarshalText reads RFC 3339.
func (t *Time) UnmarshalText(b []byte) (err error) {
	*t, err = ParseTime(string(b))
	return err
}

// Limits of ClockOffset, in milliseconds.
const (
	// aheadTolerance is how far a sender's clock may be ahead of ours before it is corrected: less does not matter.
	aheadTolerance = 5_000
	// behindTolerance is how far a sender's clock may seem to be behind before it is corrected: a request that waited for a
	// network looks the same for as long as the wait lasts.
	behindTolerance = 3_600_000
)

// ClockOffset is what to add to the times of a request that says when it was sent, in milliseconds; 0 if the clock of its
// sender may well be right. A clock that is ahead is certain, because no request is received before it is sent. One that
// is behind cannot be told from a slow upload, so only more than an hour is corrected: a shift by a delay of minutes would
// move an exposure past its own conversion.
func ClockOffset(sent, received Time) int64 {
	offset := int64(received - sent)
	if offset < -aheadTolerance || offset > behindTolerance {
		return offset
	}
	return 0
}
