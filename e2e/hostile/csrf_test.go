package hostile

import (
	"fmt"
	"strings"
	"testing"
)

// TestOpenMeansThisMachine: without keys, a name that a web page made to point here opens nothing on any listener, and
// neither does a proxy.
func TestOpenMeansThisMachine(t *testing.T) {
	s := start(t, "hosts: [tracklayer.test]")
	check(t, []question{{"declare", "POST", s.url("/v1/experiments"), definition, nil, 201}})
	_, port, _ := strings.Cut(s.addr, ":")
	paths := []struct{ method, path, body string }{
		{"GET", s.url("/v1/experiments"), ""},
		{"POST", s.url("/v1/experiments"), definition},
		{"DELETE", s.url("/v1/units/user/u-1"), ""},
		{"GET", s.url("/experiments"), ""},
		{"POST", s.url("/v1/events"), exposure},
		{"POST", s.url("/webhooks/launchdarkly/bulk"), "[]"},
		{"GET", s.adminURL("/metrics"), ""},
		{"GET", s.adminURL("/debug/pprof/"), ""},
		{"GET", s.adminURL("/deadletters"), ""},
	}
	for _, host := range []string{"evil.example", "evil.example:" + port, "127.0.0.1.evil.example", "[::ffff:8.8.8.8]", "192.168.1.5"} {
		for _, p := range paths {
			check(t, []question{{"Host " + host, p.method, p.path, p.body, []string{"Host", host}, 421}})
		}
	}
	for _, header := range []string{"X-Forwarded-For", "Forwarded", "X-Real-IP"} {
		for _, p := range paths {
			check(t, []question{{header, p.method, p.path, p.body, []string{header, "203.0.113.5"}, 403}})
		}
	}
	for _, host := range []string{"localhost:" + port, "LOCALHOST", "127.0.0.1", "[::1]:" + port, "tracklayer.test", "tracklayer.test:8080"} {
		check(t, []question{{"Host " + host, "GET", s.url("/v1/experiments"), "", []string{"Host", host}, 200}})
	}
}

// TestAPageFromElsewhereChangesNothing: of everything a web page can make a browser send without asking, only events are
// taken, because that is how browsers' clients send them.
func TestAPageFromElsewhereChangesNothing(t *testing.T) {
	s := start(t, "")
	check(t, []question{
		{"declare", "POST", s.url("/v1/experiments"), definition, nil, 201},
		{"a letter", "POST", s.url("/v1/events"), `{"event_name":"experiment_exposed"}`, nil, 422},
	})
	for _, from := range [][]string{
		{"Origin", "http://evil.example", "Content-Type", "text/plain"},
		{"Origin", "null", "Content-Type", "application/x-www-form-urlencoded"},
		{"Sec-Fetch-Site", "cross-site", "Content-Type", "text/plain"},
		{"Sec-Fetch-Site", "same-site", "Origin", "http://127.0.0.1:1", "Content-Type", "application/json"},
	} {
		name := fmt.Sprint(from)
		for _, p := range []struct{ method, url string }{
			{"POST", s.adminURL("/deadletters/1/replay")},
			{"POST", s.url("/v1/experiments")},
			{"POST", s.url("/v1/experiments/checkout/stop")},
			{"POST", s.url("/v1/experiments/checkout/archive")},
			{"DELETE", s.url("/v1/units/user/u-1")},
			{"PUT", s.url("/v1/filters")},
			{"POST", s.url("/experiments/checkout/do/stop")},
		} {
			check(t, []question{{name, p.method, p.url, "", from, 403}})
		}
		// A report of a vendor that a page forges is no report.
		ask(t, nil, question{name, "POST", s.url("/webhooks/growthbook"), `{"event":"experiment.updated","object":"experiment","created":1795340900000,"data":{"object":{"id":"exp_1","trackingKey":"checkout","status":"stopped"},"previous_attributes":{"status":"running"}},"id":"` + name + `"}`, from, 0})
	}
	check(t, []question{
		{"a browser's event", "POST", s.url("/v1/events"), exposure, []string{"Origin", "https://shop.example", "Sec-Fetch-Site", "cross-site"}, 202},
	})
	if _, _, text := ask(t, nil, question{"read", "GET", s.url("/v1/experiments/checkout"), "", nil, 200}); !strings.Contains(text, `"status":"running"`) {
		t.Errorf("a page stopped it: %s", text)
	}
	if _, header, _ := ask(t, nil, question{"read", "GET", s.url("/v1/experiments"), "", []string{"Origin", "https://shop.example"}, 200}); header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("a page may read the answers")
	}
}

// TestAProxysUserIsNamedOnce: a header that came from outside beside the proxy's own is refused.
func TestAProxysUserIsNamedOnce(t *testing.T) {
	key := drawKey(t)
	s := start(t, "keys: {read: ["+key+"], admin: ["+key+"]}\npages: {proxy_header: X-Forwarded-User, proxy_from: [127.0.0.1]}")
	check(t, []question{
		{"one", "GET", s.url("/experiments"), "", []string{"X-Forwarded-User", "ana"}, 200},
		{"two", "GET", s.url("/experiments"), "", []string{"X-Forwarded-User", "attacker", "X-Forwarded-User", "ana"}, 403},
		{"none", "GET", s.url("/experiments"), "", nil, 303},
	})
}
