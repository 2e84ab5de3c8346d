package config

import "testing"

func TestIsLoopback(t *testing.T) {
	for text, want := range map[string]bool{
		"127.0.0.1:1": true, "127.9.9.9:1": true, "[::1]:1": true, "localhost:1": true, "LocalHost:1": true, "[::ffff:127.0.0.1]:1": true,
		":1": false, "0.0.0.0:1": false, "[::]:1": false, "192.168.0.1:1": false, "localhost.example:1": false, "127.example:1": false,
	} {
		address, err := ParseHostPort(text)
		if err != nil || address.IsLoopback() != want {
			t.Errorf("%s: %v, %v; want %v", text, address.IsLoopback(), err, want)
		}
		if again := must(ParseHostPort(address.String())); again != address {
			t.Errorf("%s came back as %s", text, again)
		}
	}
	if (HostPort{}).IsLoopback() || (HostPort{}).String() != "" {
		t.Error("no address counts as one")
	}
}

func TestHostPortRefuses(t *testing.T) {
	for _, text := range []string{"", "a", "80", "a:", "a:b", "a:-1", "a:65536", "a b:1", "a/b:1", "::1:80", "user@a:1"} {
		if address, err := ParseHostPort(text); err == nil {
			t.Errorf("%q was taken as %v", text, address)
		}
	}
}

func TestSizeForms(t *testing.T) {
	for text, want := range map[string]string{
		"5MiB": "5MiB", "5 MiB": "5MiB", "1024": "1KiB", "1048576B": "1MiB", "2048MiB": "2GiB", "1kB": "1000B", "1500KB": "1500000B",
		"1MB": "1000000B", "1GB": "1000000000B", "0": "0B", "1025": "1025B",
	} {
		var size Size
		if err := size.UnmarshalText([]byte(text)); err != nil || size.String() != want {
			t.Errorf("%s: got %s, %v; want %s", text, size, err, want)
		}
	}
	for _, text := range []string{"", "MiB", "-1", "1.5MiB", "5mib", "5M", "1  B", "9223372036854775807", "9007199254740992KiB"} {
		var size Size
		if err := size.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q was taken as %s", text, size)
		}
	}
}

func TestServerURLPrintsNoPassword(t *testing.T) {
	url := must(ParseServerURL("nats://bob:pw@a:4222,tls://b,nats://token@c"))
	if got := url.String(); got != "nats://redacted@a:4222,tls://b,nats://redacted@c" {
		t.Errorf("String() = %q", got)
	}
	if _, err := ParseServerURL("nats://bob:hunter2@:4222"); err == nil || err.Error() != "it is not a URL with a host" {
		t.Errorf("got %v", err)
	}
}

func TestOriginForms(t *testing.T) {
	for text, want := range map[string]bool{
		"*": true, "https://a.example": true, "http://localhost:3000": true, "http://[::1]:3000": true,
		"": false, "a.example": false, "https://a/": false, "https://a?b": false, "https://u@a": false, "ftp://a": false, "https://": false, "*.a": false,
	} {
		var origin Origin
		if err := origin.UnmarshalText([]byte(text)); (err == nil) != want {
			t.Errorf("%q: %v", text, err)
		}
	}
}
