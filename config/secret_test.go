package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

func TestNothingPrintsASecret(t *testing.T) {
	cfg, err := fromFile(`
nats: {url: "nats://bob:hunter2hunter2hunter2@a:4222"}
keys: {write: [hunter2hunter2hunter2], read: [hunter2hunter2hunter2], admin: [hunter2hunter2hunter2]}
sources: {shop: {vendor: shop, secrets: [hunter2hunter2hunter2]}}
`)
	if err != nil {
		t.Fatal(err)
	}
	var logged bytes.Buffer
	source := cfg.Sources["shop"]
	for _, logger := range []*slog.Logger{slog.New(slog.NewTextHandler(&logged, nil)), slog.New(slog.NewJSONHandler(&logged, nil))} {
		logger.Info("start", "config", cfg, "secret", source.Secrets[0], "key", cfg.Keys.Write[0], "url", cfg.NATS.URL)
	}
	printed := []string{logged.String()}
	for _, v := range []any{cfg, &cfg, source, source.Secrets, source.Secrets[0], &source.Secrets[0], cfg.Keys, cfg.NATS} {
		printed = append(printed, string(must(json.Marshal(v))), string(must(yaml.Marshal(v))))
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			printed = append(printed, fmt.Sprintf(verb, v))
		}
	}
	for _, text := range printed {
		if strings.Contains(text, "hunter2") || strings.Contains(text, fmt.Sprintf("%x", "hunter2")) {
			t.Errorf("a secret got out: %s", text)
		}
	}
	if got := source.Secrets[0].String(); got != "[redacted]" {
		t.Errorf("String() = %q", got)
	}
	if got := string(must(json.Marshal(source.Secrets))); got != `["[redacted]"]` {
		t.Errorf("JSON = %s", got)
	}
	if !strings.Contains(logged.String(), "secret=[redacted]") || !strings.Contains(logged.String(), `"secret":"[redacted]"`) {
		t.Errorf("logged %s", logged.String())
	}
	if got := cfg.NATS.URL.Reveal(); got != "nats://bob:hunter2hunter2hunter2@a:4222" {
		t.Errorf("the address to dial is %q", got)
	}
}

func TestKeyMatches(t *testing.T) {
	plain, hashed := must(ParseKey(plainKey)), must(ParseKey(hashedKey))
	upper := must(ParseKey("sha256:" + strings.ToUpper(strings.TrimPrefix(hashedKey, "sha256:"))))
	for _, key := range []Key{plain, hashed, upper} {
		for presented, want := range map[string]bool{
			plainKey: true, hashedKey: false, plainKey + " ": false, plainKey[1:]: false, strings.ToUpper(plainKey): false, "": false,
		} {
			if got := key.Matches(presented); got != want {
				t.Errorf("%v.Matches(%q) = %v", key, presented, got)
			}
		}
	}
	other := must(ParseKey("another-key-of-ours"))
	if !AnyMatches([]Key{other, plain}, plainKey) || !AnyMatches([]Key{plain, other}, plainKey) {
		t.Error("AnyMatches misses a key of the list")
	}
	if AnyMatches([]Key{other}, plainKey) || AnyMatches(nil, "") || (Key{}).Matches("") {
		t.Error("a key matches that is not there")
	}
	if got := plain.String(); got != "sha256:9f9f5111…" {
		t.Errorf("String() = %q", got)
	}
}

func TestKeyForms(t *testing.T) {
	for _, text := range []string{"", plainKey[1:], "sha256:", hashedKey + "00", hashedKey[:len(hashedKey)-1], hashedKey[:len(hashedKey)-1] + "x"} {
		if key, err := ParseKey(text); err == nil {
			t.Errorf("%q was taken as %v", text, key)
		}
	}
}
