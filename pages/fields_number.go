package pages

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

// wholes are the members that are whole numbers, so that a comma before three digits stands between thousands.
var wholes = []string{"min_units_per_variant", "min_days", "daily_users"}

// shares are the members that may be typed in percent.
var shares = []string{"threshold", "max_expected_loss", "planned_effect", "baseline", "effect", "weight"}

var (
	pointed   = regexp.MustCompile(`^-?(\d+|\d*\.\d+)([eE][+-]?\d+)?$`)
	commaed   = regexp.MustCompile(`^-?\d*,\d+$`)
	thousands = regexp.MustCompile(`^-?[1-9]\d{0,2}(,\d{3})+(\.\d+)?$`)
	spacious  = regexp.MustCompile(`^-?[1-9]\d{0,2}( \d{3})+([.,]\d+)?$`)
)

// anySpace are the spaces and marks that people write between thousands, and the other minus.
var anySpace = strings.NewReplacer("\u00a0", " ", "\u202f", " ", "\u2009", " ", "'", " ", "\u2019", " ", "\u2212", "-")

// numberOf reads a number as people type it: with a decimal point or a decimal comma, with separators between thousands,
// and, if it is a share, in percent. It says what is wrong with text that can mean two numbers or none.
func numberOf(text, member string) (n json.Number, fault string) {
	v := strings.TrimPrefix(anySpace.Replace(strings.TrimSpace(text)), "+")
	percent := strings.HasSuffix(v, "%")
	if percent {
		if !slices.Contains(shares, member) {
			return "", "must be a number without a percent sign, such as 12.5"
		}
		v = strings.TrimSpace(strings.TrimSuffix(v, "%"))
	}
	whole := slices.Contains(wholes, member)
	switch {
	case pointed.MatchString(v):
	case thousands.MatchString(v) && (whole || strings.Count(v, ",") > 1 || strings.Contains(v, ".")):
		v = strings.ReplaceAll(v, ",", "")
	case thousands.MatchString(v):
		return "", "can mean two numbers: write " + strings.ReplaceAll(v, ",", "") + " or " + strings.Replace(v, ",", ".", 1)
	case commaed.MatchString(v):
		v = strings.Replace(v, ",", ".", 1)
	case spacious.MatchString(v):
		v = strings.ReplaceAll(strings.Replace(v, ",", ".", 1), " ", "")
	default:
		return "", "must be a number, such as 0.9 or 1234.5: with a decimal point, and nothing between the thousands"
	}
	return json.Number(canonicalNumber(v, percent)), ""
}

// canonicalNumber is a number's text as JSON has it, divided by a hundred if it is in percent. It shifts the decimal point
// rather than calculating, so that 0.1% is 0.001 to the last digit.
func canonicalNumber(v string, percent bool) string {
	sign := ""
	if rest, negative := strings.CutPrefix(v, "-"); negative {
		sign, v = "-", rest
	}
	exponent := ""
	if at := strings.IndexAny(v, "eE"); at >= 0 {
		v, exponent = v[:at], v[at:]
	}
	whole, fraction, _ := strings.Cut(v, ".")
	if percent {
		whole = "00" + whole
		whole, fraction = whole[:len(whole)-2], whole[len(whole)-2:]+fraction
	}
	if whole = strings.TrimLeft(whole, "0"); whole == "" {
		whole = "0"
	}
	if fraction = strings.TrimRight(fraction, "0"); fraction != "" {
		whole += "." + fraction
	}
	return sign + whole + exponent
}
