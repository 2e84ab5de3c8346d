package app

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// An address is slowed from its sixth failure in a minute, up to a second; another one is not.
func TestFailuresAreSlowedByAddress(t *testing.T) {
	var log bytes.Buffer
	f := newFailures(slog.New(slog.NewTextHandler(&log, nil)))
	now := time.Now()
	for i := 1; i <= 200; i++ {
		got := f.note("198.51.100.7", "key", now)
		want := time.Duration(0)
		if i > 5 {
			want = min(time.Second, 50*time.Millisecond<<min(i-6, 10))
		}
		if got != want {
			t.Errorf("failure %d waits %v, want %v", i, got, want)
		}
	}
	if f.note("198.51.100.8", "key", now) != 0 {
		t.Error("another address waits")
	}
	if n := strings.Count(log.String(), "wrong credentials"); n != 2 {
		t.Errorf("%d lines at once", n)
	}
	f.minute(now)
	if !strings.Contains(log.String(), "client=198.51.100.7 kind=key attempts=199") {
		t.Errorf("the minute's line: %s", log.String())
	}
	f.minute(now.Add(failuresEvery))
	if f.note("198.51.100.7", "key", now) != 0 {
		t.Error("a quiet minute is not forgotten")
	}
	for i := range 5000 {
		f.note(fmt.Sprintf("10.0.%d.%d", i/250, i%250), "key", now)
	}
	if n := len(f.all); n > maxAddresses+1 {
		t.Errorf("%d addresses are remembered", n)
	}
}

func TestClientsOfOneNetworkAreOne(t *testing.T) {
	for remote, want := range map[string]string{
		"198.51.100.7:1": "198.51.100.7", "[2001:db8:1:2:3:4:5:6]:1": "2001:db8:1:2::/64", "[::ffff:198.51.100.7]:1": "198.51.100.7", "[fe80::1%eth0]:9": "fe80::/64", "pipe": "pipe",
	} {
		if got := addressOf(remote); got != want {
			t.Errorf("%s is %s, want %s", remote, got, want)
		}
	}
}
