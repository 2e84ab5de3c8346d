package app

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/tracklayer/tracklayer/config"
	"github.com/tracklayer/tracklayer/problem"
)

// guarded answers only requests that were made on this machine and meant for it. It stands in front of a listener that
// needs no key for something: that is open to this machine alone, and a web page can make its own name point here, and a
// proxy makes everyone local.
func guarded(next http.Handler, listen config.HostPort, hosts []config.HostName) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !calls(r.Host, listen, hosts):
			problem.Write(w, problem.Problem{
				Status: http.StatusMisdirectedRequest, Title: "Misdirected request",
				Detail: "Without keys this is open only under a name of this very machine, such as http://127.0.0.1. Set keys.write, keys.read and keys.admin, or name the host in the setting hosts.",
			})
		case forwarded(r.Header):
			problem.Write(w, problem.Forbidden("This request came through a proxy, and without keys everyone behind it could read and change everything. Set keys.write, keys.read and keys.admin."))
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// forwarded reports whether a proxy passed a request on.
func forwarded(h http.Header) bool {
	return len(h["X-Forwarded-For"])+len(h["Forwarded"])+len(h["X-Real-Ip"]) > 0
}

// calls reports whether a Host header is a name by which this machine is called. A request without one is from no browser.
func calls(host string, listen config.HostPort, hosts []config.HostName) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	if host == "" || host == "localhost" || host == strings.ToLower(listen.Host()) {
		return true
	}
	if addr, err := netip.ParseAddr(host); err == nil && addr.Unmap().IsLoopback() {
		return true
	}
	return slices.ContainsFunc(hosts, func(h config.HostName) bool { return h.String() == host })
}

// fromHere refuses requests that a web page from elsewhere makes a browser send, of all methods that may change something.
func fromHere(next http.Handler) http.Handler {
	elsewhere := http.NewCrossOriginProtection()
	elsewhere.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		problem.Write(w, problem.Forbidden("A web page from elsewhere may not change anything here."))
	}))
	return elsewhere.Handler(next)
}
