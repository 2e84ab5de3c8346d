package config

import (
	"strings"
	"testing"
)

// companions are the variables without which a setting makes no sense.
func companions(key string) (environ []string) {
	switch {
	case strings.HasPrefix(key, "nats.") && key != "nats.url":
		return []string{"TRACKLAYER_NATS_URL=nats://a"}
	case key == "limits.address_header":
		return []string{"TRACKLAYER_LIMITS_ADDRESS_FROM=::1"}
	case key == "limits.address_from":
		return []string{"TRACKLAYER_LIMITS_ADDRESS_HEADER=X-Real-Ip"}
	case key == "tls.cert":
		return []string{"TRACKLAYER_TLS_KEY=k.pem"}
	case key == "tls.key":
		return []string{"TRACKLAYER_TLS_CERT=c.pem"}
	case !strings.HasPrefix(key, "pages."):
		return nil
	}
	if key != "pages.proxy_header" {
		environ = append(environ, "TRACKLAYER_PAGES_PROXY_HEADER=X-User")
	}
	if key != "pages.proxy_from" {
		environ = append(environ, "TRACKLAYER_PAGES_PROXY_FROM=::1")
	}
	return environ
}

func TestNetworks(t *testing.T) {
	for text, want := range map[string]string{
		"10.0.0.0/8": "10.0.0.0/8", "127.0.0.1": "127.0.0.1/32", "::1": "::1/128", "::ffff:10.0.0.1": "10.0.0.1/32", "fd00::/8": "fd00::/8",
		"10.0.0.1/8": "", "example.com": "", "": "", "10.0.0.0/33": "", "fe80::1%eth0": "", "0.0.0.0/0": "0.0.0.0/0",
	} {
		var n Network
		err := n.UnmarshalText([]byte(text))
		if (err == nil) != (want != "") || err == nil && n.String() != want {
			t.Errorf("%q is %v, %v; want %q", text, n, err, want)
		}
	}
}

func TestHeaderNames(t *testing.T) {
	for text, good := range map[string]bool{"X-Forwarded-User": true, "": true, "X User": false, "Authorization": false, "cookie": false, "X:Y": false, "X\r\nY": false} {
		var h HeaderName
		if err := h.UnmarshalText([]byte(text)); (err == nil) != good {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// Half a trust is refused, and the message says what is missing.
func TestHalfATrust(t *testing.T) {
	for file, key := range map[string]string{
		"pages: {proxy_header: X-User}": "pages.proxy_header", "pages: {proxy_from: [10.0.0.0/8]}": "pages.proxy_from", "pages: {proxy_editors: [ada]}": "pages.proxy_editors",
	} {
		_, _, err := Load([]string{"-config=t.yaml"}, nil, files(map[string]string{"t.yaml": file}))
		if err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%s: %v", file, err)
		}
	}
}
