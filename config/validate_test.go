package config

import (
	"errors"
	"strings"
	"testing"
)

func TestDefaultsAreValid(t *testing.T) {
	if err := Default().Validate(); err != nil {
		t.Error(err)
	}
}

// What is open to other machines needs keys, and the sentence says which.
func TestListeningWide(t *testing.T) {
	const (
		write = "anyone could write events; set keys.write or keys.write_file (or secrets for every source), or listen on 127.0.0.1"
		edit  = "no key may change experiments or erase units: a write key is public and never does; set keys.admin or keys.admin_file, or editing: off, or listen on 127.0.0.1"
		read  = "anyone could read the results; set keys.read or keys.read_file, or listen on 127.0.0.1"
	)
	key := "[" + plainKey + "]"
	cases := []struct {
		name, file string
		want       []string
	}{
		{"no keys", "listen: :8080", []string{write, read, edit}},
		{"write key only", "listen: :8080\nkeys: {write: " + key + "}", []string{read, edit}},
		{"read key only", "listen: :8080\nkeys: {read: " + key + "}", []string{write, edit}},
		{"both keys", "listen: :8080\nkeys: {read: " + key + ", write: " + key + "}", []string{edit}},
		{"both keys, editing off", "listen: :8080\nediting: off\nkeys: {read: " + key + ", write: " + key + "}", nil},
		{"all keys", "listen: :8080\nkeys: {read: " + key + ", write: " + key + ", admin: " + key + "}", nil},
		{"every source has secrets", "listen: :8080\nkeys: {read: " + key + ", admin: " + key + "}\nsources: {a: {vendor: a, secrets: [" + plainKey + "]}}", nil},
		{"one source has none", "listen: :8080\nkeys: {read: " + key + ", admin: " + key + "}\nsources: {a: {vendor: a, secrets: [" + plainKey + "]}, b: {vendor: b}}", []string{write}},
		{"no source", "listen: :8080\nkeys: {read: " + key + ", admin: " + key + "}\nsources: {}", []string{write}},
		{"loopback", "listen: 127.0.0.1:8080", nil},
		{"wide admin", "admin_listen: 0.0.0.0:1", []string{"could use the profiler; set keys.admin or keys.admin_file, or listen on 127.0.0.1"}},
		{"wide admin with key", "admin_listen: 0.0.0.0:1\nkeys: {admin: " + key + "}", nil},
		{"a bad key is one fault", "admin_listen: 0.0.0.0:1\nkeys: {admin: [short]}", []string{"keys.admin (line 2 of t.yaml): entry 1"}},
		{"bad keys are one fault", "listen: :8080\nkeys: 3", []string{"here belongs a mapping"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := fromFile(c.file)
			var faults Faults
			errors.As(err, &faults)
			if len(faults) != len(c.want) {
				t.Fatalf("got %v, want %d faults", err, len(c.want))
			}
			for i, want := range c.want {
				if !strings.Contains(faults[i].Error(), want) {
					t.Errorf("got %v\nwant %s", faults[i], want)
				}
			}
		})
	}
}

func TestOpenDoors(t *testing.T) {
	cfg := Default()
	if !cfg.WritesOpen() || !cfg.ReadsOpen() || !cfg.AdminOpen() {
		t.Error("on loopback without keys all endpoints are open")
	}
	keyed := cfg
	keyed.Keys = Keys{Write: []WriteKey{{Key: Key{set: true}}}, Read: []Key{{set: true}}, Admin: []Key{{set: true}}}
	wide := cfg
	wide.Listen = must(ParseHostPort(":0"))
	wide.AdminListen = wide.Listen
	for name, closed := range map[string]Config{"keys": keyed, "wide": wide} {
		if closed.WritesOpen() || closed.ReadsOpen() || closed.AdminOpen() {
			t.Errorf("%s: an endpoint is open", name)
		}
	}
}

// A Config that was put together by hand is checked as strictly.
func TestValidateByHand(t *testing.T) {
	cfg := Config{Sources: map[string]Source{"Bad Name": {Forward: "x"}}}
	err := cfg.Validate()
	for _, want := range []string{
		"listen (as given): there is no address", "admin_listen (as given): there is no address", "data_dir (as given)",
		"shutdown_timeout (as given)", "nats.prefix (as given)", "nats.replicas (as given)", "limits.body (as given)", "limits.event (as given)",
		"limits.batch_events (as given)", "sources.Bad Name (as given)", "sources.Bad Name.vendor (as given)", "sources.Bad Name.forward (as given)",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no fault %q in:\n%v", want, err)
		}
	}
}

func TestEmbeddedServerRules(t *testing.T) {
	_, err := fromFile("nats: {replicas: 3, creds_file: c}")
	for _, want := range []string{"nats.replicas (line 1 of t.yaml): the embedded server is alone", "nats.creds_file (line 1 of t.yaml): the embedded server needs no credentials"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no fault %q in:\n%v", want, err)
		}
	}
	if _, err := fromFile("nats: {url: 'nats://a', replicas: 3, creds_file: c}"); err != nil {
		t.Error(err)
	}
}
