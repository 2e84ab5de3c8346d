package config

import (
	"errors"
	"strings"
	"testing"
)

// A write key may be bound to sources and to web pages.
func TestBoundWriteKeys(t *testing.T) {
	cfg, err := fromFile("keys: {write: [" + plainKey + ", {key: browser-key-0123456789, sources: [api, shop], origins: ['https://Shop.example']}, {hash: '" +
		strings.TrimPrefix(hashedKey, hashMark) + "', sources: [shop]}]}")
	if err != nil {
		t.Fatal(err)
	}
	keys := cfg.Keys.Write
	if len(keys) != 3 || !keys[1].Matches("browser-key-0123456789") || !keys[2].Matches(plainKey) {
		t.Fatalf("read %v", keys)
	}
	for _, c := range []struct {
		key            int
		source, origin string
		fits           bool
	}{
		{0, "anything", "", true},
		{0, "anything", "https://evil.example", true},
		{1, "api", "https://shop.example", true},
		{1, "shop", "https://shop.example", true},
		{1, "api", "https://evil.example", false},
		{1, "api", "", false},
		{1, "other", "https://shop.example", false},
		{2, "shop", "", true},
		{2, "shop", "https://any.example", true},
		{2, "api", "", false},
	} {
		if got := keys[c.key].Fits(c.source, c.origin); got != c.fits {
			t.Errorf("key %d, source %s, origin %q: %v", c.key, c.source, c.origin, got)
		}
	}
}

// Secrets say what they prove; a plain one leaves that to the adapter.
func TestKindsOfSecrets(t *testing.T) {
	cfg, err := fromFile("sources: {gb: {vendor: a, secrets: [plain-secret-0123456, {signing: signing-secret-01234}, {client: client-key-0123456789}]}}")
	if err != nil {
		t.Fatal(err)
	}
	secrets := cfg.Sources["gb"].Secrets
	for i, want := range []SecretKind{Inferred, Signing, Client} {
		if secrets[i].Kind() != want {
			t.Errorf("secret %d is %q, want %q", i, secrets[i].Kind(), want)
		}
	}
	if string(secrets[2].Reveal()) != "client-key-0123456789" {
		t.Errorf("the third is %s", secrets[2].Reveal())
	}
}

// What is wrong with an entry is said with its number and never with its text.
func TestFaultsOfEntries(t *testing.T) {
	for file, want := range map[string]string{
		"keys: {write: [{key: hunter2}]}":                                   "keys.write (line 1 of t.yaml): entry 1: the key has 7 bytes, and fewer than 16 can be guessed",
		"keys: {write: [{sources: [a]}]}":                                   "keys.write (line 1 of t.yaml): entry 1: there is no key",
		"keys: {write: [{key: " + plainKey + ", sources: []}]}":             "entry 1: here belongs a list of plain values",
		"keys: {write: [{key: " + plainKey + ", origins: [shop.example]}]}": `entry 1: "shop.example" is not an origin`,
		"keys: {write: [{key: " + plainKey + ", origin: a}]}":               `entry 1: no member has the name "origin"`,
		"keys: {write: [{key: [a]}]}":                                       "entry 1: here belongs plain text",
		"keys: {read: [{key: " + plainKey + "}]}":                           "here belongs a list of plain values",
		"keys: {admin: ['                    ']}":                           "entry 1: the key begins or ends with a space",
		"keys: {admin: [aaaaaaaaaaaaaaaaaaaaaaaa]}":                         "entry 1: the key is one character, repeated",
		"listen: 0.0.0.0:1\nkeys: {read: [0123456789abcdef], write: [0123456789abcdef], admin: [0123456789abcdef]}\nsources: {gb: {vendor: a, secrets: [plainsecret]}}": "sources.gb.secrets (line 3 of t.yaml): a secret has fewer than 16 bytes, and 0.0.0.0:1 can be reached from other machines",
		"sources: {gb: {vendor: a, secrets: [s]}}":                                      "sources.gb.secrets (line 1 of t.yaml): entry 1: the secret has 1 bytes, and fewer than 8 can be guessed",
		"sources: {gb: {vendor: a, secrets: [{client: hunter2}]}}":                      "sources.gb.secrets (line 1 of t.yaml): entry 1: the secret has 7 bytes",
		"sources: {gb: {vendor: a, secrets: [{public: " + plainKey + "}]}}":             `entry 1: no kind of secret has the name "public"`,
		"sources: {gb: {vendor: a, secrets: [{client: " + plainKey + ", signing: b}]}}": "entry 1: one secret an entry",
		"tls: {cert: c.pem}":   "tls.cert (line 1 of t.yaml): its private key is missing; set tls.key as well",
		"tls: {key: c.pem}":    "tls.key (line 1 of t.yaml): its certificate is missing; set tls.cert as well",
		"editing: maybe":       `"maybe" is neither on nor off`,
		"declared_only: maybe": `"maybe" is neither true nor false`,
		"hosts: ['http://a']":  `entry 1: "http://a" is not a host name or an address`,
	} {
		_, err := fromFile(file)
		var faults Faults
		if !errors.As(err, &faults) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s\ngot  %v\nwant %s", file, err, want)
		}
	}
}

// A key of any kind closes editing to all that have no admin key.
func TestWhoMayEdit(t *testing.T) {
	for file, open := range map[string]bool{
		"log: {level: info}":                true,
		"editing: off":                      false,
		"keys: {write: [" + plainKey + "]}": false,
		"keys: {read: [" + plainKey + "]}":  false,
		"keys: {admin: [" + plainKey + "]}": false,
		"listen: 0.0.0.0:1\nediting: off\nkeys: {write: [" + plainKey + "], read: [" + plainKey + "]}": false,
	} {
		cfg, err := fromFile(file)
		if err != nil || cfg.EditsOpen() != open {
			t.Errorf("%s: open %v, %v", file, cfg.EditsOpen(), err)
		}
		possible := open || len(cfg.Keys.Admin) > 0
		if (cfg.EditingOff() == "") != possible {
			t.Errorf("%s: %q", file, cfg.EditingOff())
		}
	}
	cfg := Default()
	admin := Keys{Admin: []Key{must(ParseKey(plainKey))}}
	if cfg.Reopened(cfg.Keys) || !cfg.Reopened(admin) {
		t.Error("a first key closes what is open")
	}
	cfg.Keys = admin
	if cfg.Reopened(Keys{Admin: []Key{must(ParseKey(plainKey + "2"))}}) {
		t.Error("another key of the same kind closes nothing")
	}
}
