package hostile

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	block = "nats/jetstream/$G/streams/TRACKLAYER_EVENTS/msgs/*.blk"
	index = "nats/jetstream/$G/streams/TRACKLAYER_EVENTS/msgs/index.db"
)

// filled is a stopped node that has counted so many users.
func filled(t *testing.T, users int, padding string) *node {
	t.Helper()
	n := newNode(t)
	n.padding = padding
	n.begin()
	seq := n.expose(0, users)
	if got := n.exposed(seq); got != int64(users) {
		t.Fatalf("%d users before any damage", got)
	}
	n.end()
	return n
}

// wants fails unless a command ended with the code and its output has all of the texts.
func wants(t *testing.T, what string, code, want int, out string, texts ...string) {
	t.Helper()
	if code != want {
		t.Errorf("%s: exit code %d, want %d\n%s", what, code, want, out)
	}
	for _, text := range texts {
		if !strings.Contains(out, text) {
			t.Errorf("%s: no %q in\n%s", what, text, out)
		}
	}
	if strings.Contains(out, "goroutine ") {
		t.Errorf("%s: a panic reached the operator:\n%s", what, out)
	}
}

// unindex removes JetStream's index: without it all blocks are read again at the start.
func (n *node) unindex() {
	n.tb.Helper()
	if err := os.Remove(n.one(index)); err != nil {
		n.tb.Fatal(err)
	}
}

// TestFlippedBytesInTheMiddleOfTheLog: JetStream drops what follows flipped bytes in a file that it has to read again.
// The loss is an error, a metric, a line of readiness and a failed audit, and no advice and no command completes it.
func TestFlippedBytesInTheMiddleOfTheLog(t *testing.T) {
	const users = 6000
	n := filled(t, users, strings.Repeat("x", 2000)) // more than the 8 MiB of one file
	n.edit(n.one(block[:len(block)-len("*.blk")]+"1.blk"), flip)
	n.unindex()
	code, out := n.run("audit")
	wants(t, "audit", code, 1, out, "the LOG is damaged", "Do not rebuild")
	code, out = n.run("audit", "--from-log")
	wants(t, "audit --from-log", code, 1, out, "the LOG is damaged", "Do not rebuild")
	if strings.Contains(out, "rebuild makes") {
		t.Errorf("audit advises to complete the loss:\n%s", out)
	}
	code, out = n.run("rebuild")
	wants(t, "rebuild", code, 1, out, "not rebuilt", "are missing on the log", `accepted events of source "api"`, "persons", "--force")

	n.begin()
	n.until("readiness tells of the damage", func() bool { _, text := n.readyz(); return strings.Contains(text, "damaged: ") })
	for _, path := range []string{"/", "/experiments", "/experiments/x", "/units", "/sources", "/sign-in"} {
		if _, text := get(n.addr, path); !strings.Contains(text, "Damaged: ") {
			t.Errorf("the page %s says nothing of the damage", path)
		}
	}
	missing := n.metric("tracklayer_core_missing_records")
	if missing < 100 || missing >= users {
		t.Errorf("%g records are missing", missing)
	}
	seq := n.expose(users, 1000)
	if got := n.exposed(seq); got != users+1000 {
		t.Errorf("%d users, want all that were ever counted and the new ones", got)
	}
	n.end()
	if got := strings.Count(n.out.String(), "level=ERROR msg=\"damaged: "); got != 1 {
		t.Errorf("the log has the damage %d times:\n%s", got, n.out)
	}

	code, out = n.run("rebuild", "--force")
	wants(t, "rebuild --force", code, 0, out, "Accepted as lost", "state.before-")
	n.one("state.before-*")
	code, out = n.run("audit", "--from-log")
	wants(t, "audit after the loss was accepted", code, 0, out, "Equal")
	n.begin()
	if got := n.exposed(seq); got != users+1000-int64(missing) {
		t.Errorf("%d users after the loss of %g was accepted", got, missing)
	}
	n.end()
}

// TestOneUnreadableMessage: JetStream has a checksum for each message and passes over one that does not fit. That is a
// gap like any other.
func TestOneUnreadableMessage(t *testing.T) {
	n := filled(t, 2000, "")
	n.edit(n.one(block), flip)
	code, out := n.run("audit", "--from-log")
	wants(t, "audit --from-log", code, 1, out, "the LOG is damaged: ")
	code, out = n.run("rebuild")
	wants(t, "rebuild", code, 1, out, "not rebuilt")
	if err := os.RemoveAll(n.one("state")); err != nil {
		t.Fatal(err)
	}
	n.begin()
	n.until("readiness tells of the damage", func() bool { _, text := n.readyz(); return strings.Contains(text, "damaged: ") })
	if got := n.metric("tracklayer_core_missing_records"); got < 1 || got > 2 {
		t.Errorf("%g records are missing", got)
	}
	n.end()
}

// TestTheEndOfTheLogIsCut: a log that ends earlier than it did is not taken for the whole, by a state that is ahead of
// it, nor by the mark beside the log if there is no state.
func TestTheEndOfTheLogIsCut(t *testing.T) {
	n := filled(t, 3000, "")
	n.edit(n.one(block), flip)
	n.unindex()
	n.launch()
	if err := n.cmd.Wait(); err == nil {
		t.Error("started with a state that is ahead of its log")
	}
	n.cmd = nil
	wants(t, "serve", 1, 1, n.out.String(), "are not on the log", "from a backup", "to_seq=3000")
	code, out := n.run("rebuild")
	wants(t, "rebuild", code, 1, out, "at the end of the log that were stored once", "-3000")
	if err := os.RemoveAll(n.one("state")); err != nil {
		t.Fatal(err)
	}
	n.begin()
	if _, text := n.readyz(); !strings.Contains(text, "damaged: ") {
		n.until("readiness tells of the damage", func() bool { _, text := n.readyz(); return strings.Contains(text, "damaged: ") })
	}
	n.end()
	code, out = n.run("audit")
	wants(t, "audit", code, 1, out, "the LOG is damaged: ")
}

// TestTheLogIsGone: neither a start nor a rebuild makes an empty log in the place of one that was lost.
func TestTheLogIsGone(t *testing.T) {
	n := filled(t, 100, "")
	if err := os.RemoveAll(n.one("nats")); err != nil {
		t.Fatal(err)
	}
	code, out := n.run("serve", "--listen", n.addr, "--admin-listen", n.admin)
	wants(t, "serve", code, 1, out, "the log is gone", "from a backup")
	code, out = n.run("rebuild")
	wants(t, "rebuild", code, 1, out, "not rebuilt: there is no log")
	code, out = n.run("audit")
	wants(t, "audit", code, 1, out, "the log is gone")
	if _, err := os.Stat(filepath.Join(n.data, "nats")); !os.IsNotExist(err) {
		t.Error("an empty log was made")
	}
}

// TestDamagedState: whatever happens to the files of the state, events are taken, the state is made again, and the
// damaged one stays beside it.
func TestDamagedState(t *testing.T) {
	for _, c := range []struct {
		name   string
		silent bool // Pebble takes it for the end of a file that was being written, and has no table then
		damage func(n *node)
	}{
		{"a table is cut", false, func(n *node) { n.edit(n.one("state/*.sst"), func(b []byte) []byte { return b[:len(b)/2] }) }},
		{"a table is flipped", false, func(n *node) { n.edit(n.one("state/*.sst"), flip) }},
		{"a table is deleted", false, func(n *node) { _ = os.Remove(n.one("state/*.sst")) }},
		{"a table is empty", false, func(n *node) { n.edit(n.one("state/*.sst"), func([]byte) []byte { return nil }) }},
		{"the manifest is deleted", false, func(n *node) { _ = os.Remove(n.one("state/MANIFEST-*")) }},
		{"the manifest is flipped", true, func(n *node) { n.edit(n.one("state/MANIFEST-*"), flip) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := filled(t, 1000, "")
			c.damage(n)
			n.begin()
			seq := n.expose(1000, 100)
			if got := n.exposed(seq); got != 1100 {
				t.Errorf("%d users after the damage", got)
			}
			n.until("the state is whole", func() bool {
				_, text := n.readyz()
				return text == "ready\n" && n.exposed(seq) == 1100
			})
			n.end()
			if wants(t, "serve", 0, 0, n.out.String()); !c.silent {
				wants(t, "serve", 0, 0, n.out.String(), "the state is damaged", "set_aside=")
				n.one("state.damaged-*")
			}
			code, out := n.run("audit", "--from-log")
			wants(t, "audit", code, 0, out, "Equal")

			c.damage(n)
			code, out = n.run("rebuild")
			wants(t, "rebuild", code, 0, out, "made again from 1100 records")
			code, out = n.run("audit", "--from-log")
			wants(t, "audit after a rebuild", code, 0, out, "Equal")
		})
	}
}

// TestErasureIsNoDamage: messages that left the log with a receipt are no loss, for a state that never read them either.
func TestErasureIsNoDamage(t *testing.T) {
	n := filled(t, 100, "")
	n.begin()
	for _, path := range []string{"/v1/units/user/u-0", "/v1/units/user/u-50", "/v1/units/user/u-99"} {
		req, err := http.NewRequest(http.MethodDelete, "http://"+n.addr+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("DELETE %s: %s", path, resp.Status)
		}
	}
	n.end()
	if err := os.RemoveAll(n.one("state")); err != nil {
		t.Fatal(err)
	}
	n.begin()
	seq := n.expose(100, 1)
	if got := n.exposed(seq); got != 98 {
		t.Errorf("%d users, want 98", got)
	}
	n.until("all is well", func() bool { _, text := n.readyz(); return text == "ready\n" })
	if got := n.metric("tracklayer_core_missing_records"); got != 0 {
		t.Errorf("%g records are missing", got)
	}
	n.end()
	if strings.Contains(n.out.String(), "damaged") {
		t.Errorf("an erasure is taken for damage:\n%s", n.out)
	}
	for _, command := range [][]string{{"audit"}, {"audit", "--from-log"}, {"rebuild"}, {"audit"}} {
		code, out := n.run(command...)
		wants(t, strings.Join(command, " "), code, 0, out)
	}
}
