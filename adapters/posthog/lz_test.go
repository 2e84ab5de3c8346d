package posthog

import (
	"strings"
	"testing"
)

// The texts were packed by lz-string 1.5.0 with compressToBase64.
func TestLZ(t *testing.T) {
	for packed, want := range map[string]string{
		"Q===":     "",
		"IZA=":     "a",
		"IY18ZVA=": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"N4IgpgbmB2AuIC4QAcCuAnAxgCwIYGcwQAaFdAe2THVgEsx9FQJcAbVIhARgF8eg": `{"event":"purchase","properties":{"value":1}}`,
		"NIE4rgZgpgBIyOQ0Lwbg2naA":                         "Käufe ✓ 💶",
		"IYIwxqHpPXUNo+TUvczase33BOR+xhJ5Zlp1FNVtD9TdLJQA": strings.Repeat("abcabcabcabcabcabcabc", 20),
	} {
		if got, ok := lzFromBase64(packed, 1<<20); !ok || string(got) != want {
			t.Errorf("%q: %q %v, want %q", packed, got, ok, want)
		}
	}
	for _, bad := range []string{"", "!", "A", "////", "N4"} {
		if got, ok := lzFromBase64(bad, 1<<20); ok && len(got) > 0 {
			t.Errorf("%q is %q", bad, got)
		}
	}
}
