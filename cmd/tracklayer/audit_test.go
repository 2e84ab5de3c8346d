package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tracklayer/tracklayer/app/apptest"
	"github.com/tracklayer/tracklayer/store"
)

// TestAuditFromTheLog: a state that agrees with itself and not with its log is found out, in words that name nobody.
func TestAuditFromTheLog(t *testing.T) {
	dir := t.TempDir()
	p := begin(t, dir)
	apptest.Send(t, http.MethodPost, "http://"+p.Addr()+"/v1/events", apptest.Crowd)
	stop(t, p)
	if code, out := onFolder(t, "audit", "--from-log", "--data-dir", dir); code != 0 || !strings.Contains(out, "Equal") {
		t.Fatalf("a sound state: %d %s", code, out)
	}
	for _, damage := range []struct{ prefix, says string }{{"l", "ledger lines: "}, {"k", "dedup keys: "}, {"a", "aggregates: "}} {
		t.Run(damage.says, func(t *testing.T) {
			drop(t, filepath.Join(dir, "state"), damage.prefix)
			code, out := onFolder(t, "audit", "--from-log", "--data-dir", dir)
			if code != 1 || !strings.Contains(out, damage.says) && damage.prefix != "a" || strings.Contains(out, "gone-") {
				t.Errorf("%d %s", code, out)
			}
			if _, err := os.Stat(filepath.Join(dir, "state.auditing")); !os.IsNotExist(err) {
				t.Errorf("the state beside it is left: %v", err)
			}
			if code, out := onFolder(t, "rebuild", "--data-dir", dir); code != 0 {
				t.Fatal(out)
			}
		})
	}
}

// drop deletes the first record of a kind.
func drop(t *testing.T, state, prefix string) {
	t.Helper()
	db, err := store.Open(state, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tx := db.Begin()
	defer tx.Discard()
	var first []byte
	for record, failed := range tx.Scan([]byte(prefix)) {
		first, err = append(first, record.Key...), failed
		break
	}
	if err == nil && first != nil {
		err = tx.Delete(first)
	}
	if err == nil {
		err = tx.Commit()
	}
	if err != nil || first == nil {
		t.Fatal("nothing was damaged", err)
	}
}
