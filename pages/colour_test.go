package pages

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	block = regexp.MustCompile(`(?s):root[^{]*\{([^}]*)\}`)
	hue   = regexp.MustCompile(`--([a-z0-9-]+): (#[0-9a-f]{3,6});`)
)

// luminance is the relative luminance of WCAG 2.2.
func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	digits := strings.TrimPrefix(colour, "#")
	if len(digits) == 3 {
		digits = string([]byte{digits[0], digits[0], digits[1], digits[1], digits[2], digits[2]})
	}
	n, err := strconv.ParseUint(digits, 16, 32)
	if err != nil || len(digits) != 6 {
		t.Fatalf("%q is no colour", colour)
	}
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		c := float64(n>>(16-8*i)&0xff) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}

// Words can be read in every scheme (WCAG AA: 4.5), and pictures be told from what they stand on (3).
func TestContrast(t *testing.T) {
	text, err := embedded.ReadFile("assets/page.css")
	if err != nil {
		t.Fatal(err)
	}
	schemes := block.FindAllStringSubmatch(string(text), -1)
	if len(schemes) != 3 {
		t.Fatalf("%d schemes", len(schemes))
	}
	if schemes[1][1] != schemes[2][1] && strings.Join(strings.Fields(schemes[1][1]), "") != strings.Join(strings.Fields(schemes[2][1]), "") {
		t.Error("the dark scheme that is chosen is another one than the system's")
	}
	pairs := map[string]string{
		"ink": "page card tint", "soft": "page card tint gray-bg", "faint": "card page", "blue": "card page tint", "on-blue": "blue",
		"good": "good-bg card", "bad": "bad-bg card", "warn": "warn-bg", "cool": "cool-bg", "card": "ink",
	}
	pictures := "c0 c1 c2 c3 c4 c5 c6 c7 focus"
	for i, scheme := range schemes {
		colours := map[string]string{}
		for _, one := range hue.FindAllStringSubmatch(scheme[1], -1) {
			colours[one[1]] = one[2]
		}
		check := func(above, below string, least float64) {
			a, b := luminance(t, colours[above]), luminance(t, colours[below])
			if ratio := (max(a, b) + 0.05) / (min(a, b) + 0.05); ratio < least {
				t.Errorf("scheme %d: %s on %s has a contrast of %.2f, less than %v", i, above, below, ratio, least)
			}
		}
		for above, all := range pairs {
			for below := range strings.FieldsSeq(all) {
				check(above, below, 4.5)
			}
		}
		for above := range strings.FieldsSeq(pictures) {
			check(above, "card", 3)
		}
	}
}
