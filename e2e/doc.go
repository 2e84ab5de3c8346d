// Package e2e tests TrackLayer from outside: it builds the binary, runs it as a process of its own, and talks to it
// over HTTP with hand-made requests and with the vendors' real SDKs. It must not import what it tests, and nothing may
// import it.
package e2e
