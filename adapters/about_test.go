package adapters_test

import (
	"testing"

	"github.com/tracklayer/tracklayer/adapters"
)

func TestRoutes(t *testing.T) {
	for _, c := range []struct {
		route, path string
		want        bool
	}{
		{"/bulk", "/bulk", true},
		{"/bulk", "/bulk/", false},
		{"/bulk", "/bulk/more", false},
		{"/", "", true},
		{"/", "/", true},
		{"/", "/x", false},
		{"/a/{env}.gif", "/a/65.gif", true},
		{"/a/{env}.gif", "/a/.gif", false},
		{"/a/{env}.gif", "/a/65.png", false},
		{"/a/{env}.gif", "/a/6/5.gif", false},
		{"/{region}/t", "/eu01/t", true},
		{"/{region}/t", "//t", false},
		{"*", "", true},
		{"*", "/any/path", true},
	} {
		if got := (adapters.Route{Method: "POST", Path: c.route}).Matches("POST", c.path); got != c.want {
			t.Errorf("%s matches %q: %t", c.route, c.path, got)
		}
	}
	if (adapters.Route{Method: "POST", Path: "*"}).Matches("GET", "/") {
		t.Error("another method matches")
	}
}

// TestEmptySecret: it would verify everything.
func TestEmptySecret(t *testing.T) {
	a := adapters.Adapter{Open: func(adapters.Settings) (adapters.Decoder, error) {
		return adapters.Decoder{Verify: func(adapters.Source, []byte, adapters.Envelope) error { return nil }}, nil
	}}
	d, err := adapters.Open(a, nil)
	if err != nil {
		t.Fatal(err)
	}
	if d.Verify(adapters.Source{}, nil, adapters.Envelope{}) == nil || d.Verify(adapters.Source{}, []byte("x"), adapters.Envelope{}) != nil {
		t.Error("an empty secret verifies, or another does not")
	}
}

func TestStatus(t *testing.T) {
	for want, err := range map[int]error{
		202: nil, 400: adapters.Unreadable("x"), 401: adapters.ErrUnauthorized, 404: adapters.ErrNotServed, 413: adapters.ErrTooLarge, 503: adapters.ErrBusy,
	} {
		if got := (adapters.Outcome{Err: err}).Status(202); got != want {
			t.Errorf("%v is %d, want %d", err, got, want)
		}
	}
}
