package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/tracklayer/tracklayer/app/apptest"
)

// holding are the files below dir that hold the text.
func holding(t *testing.T, dir, text string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if bytes.Contains(raw, []byte(text)) {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestErasure: a person is gone from every file, what is left agrees with itself, and the receipt says what happened.
func TestErasure(t *testing.T) {
	dir := t.TempDir()
	p := begin(t, dir)
	status, sent := apptest.Send(t, http.MethodPost, "http://"+p.Addr()+"/v1/events", apptest.Crowd)
	if status != http.StatusAccepted || sent["rejected"] != 1.0 {
		t.Fatalf("%d %v", status, sent)
	}
	apptest.Send(t, http.MethodPost, "http://"+p.Addr()+"/v1/events", apptest.Crowd)
	stop(t, p) // onto the disk, so that there is something to forget
	if len(holding(t, dir, "gone-")) < 3 {
		t.Fatal("the person is not where it should be, so finding nothing later means nothing")
	}
	p = begin(t, dir)
	base := "http://" + p.Addr()
	if status, a := apptest.Send(t, http.MethodDelete, base+"/v1/units/user/nobody", ""); status != http.StatusNotFound {
		t.Errorf("nobody: %d %v", status, a)
	}
	if status, a := apptest.Send(t, http.MethodDelete, base+"/v1/units/anonymous/gone-anon-77", `{"reason":"asked by gone-user-77"}`); status != http.StatusUnprocessableEntity {
		t.Errorf("a reason that names the person: %d %v", status, a)
	}
	status, receipt := apptest.Send(t, http.MethodDelete, base+"/v1/units/anonymous/gone-anon-77", `{"by":"privacy desk","reason":"request 12"}`)
	if status != http.StatusOK || receipt["ids"] != 3.0 || receipt["events"] != 3.0 || receipt["messages"] != 8.0 || receipt["dead_letters"] != 2.0 || receipt["by"] != "privacy desk" {
		t.Fatalf("%d %v", status, receipt)
	}
	for _, unit := range []string{"user/gone-user-77", "user/gone-older-77", "anonymous/gone-anon-77"} {
		if status, _ := apptest.Fetch(t, base+"/v1/units/"+unit); status != http.StatusNotFound {
			t.Errorf("%s is still known: %d", unit, status)
		}
	}
	if status, a := apptest.Send(t, http.MethodGet, base+"/v1/erasures/"+receipt["receipt"].(string), ""); status != http.StatusOK || a["reason"] != "request 12" {
		t.Errorf("the receipt: %d %v", status, a)
	}
	_, ledger := apptest.Send(t, http.MethodGet, base+"/v1/ledger", "")
	if jsonOf(t, ledger["totals"]) != `{"accepted":2,"conflicts":0,"erased":8,"ignored":0,"received":14,"redelivered":2,"rejected":2}` {
		t.Errorf("the ledger: %v", ledger["totals"])
	}
	_, before := apptest.Send(t, http.MethodGet, base+"/v1/experiments/x/readout", "")
	if of := before["as_of"].(map[string]any); of["erasures"] != 1.0 {
		t.Errorf("as of %v", of)
	}
	stop(t, p)
	stop(t, begin(t, dir)) // the list of tables, which holds some of their keys, is written again at a start
	if files := holding(t, dir, "gone-"); len(files) > 0 {
		t.Errorf("still in %v", files)
	}
	for _, args := range [][]string{{"audit", "--from-log"}, {"rebuild"}, {"audit", "--from-log"}} {
		if code, out := onFolder(t, append(args, "--data-dir", dir)...); code != 0 {
			t.Errorf("%v: %s", args, out)
		}
	}
	p = begin(t, dir)
	defer stop(t, p)
	if _, after := apptest.Send(t, http.MethodGet, "http://"+p.Addr()+"/v1/experiments/x/readout", ""); jsonOf(t, after) != jsonOf(t, before) {
		t.Errorf("the readout changed by rebuilding:\n%v\n%v", before, after)
	}
	if _, after := apptest.Send(t, http.MethodGet, "http://"+p.Addr()+"/v1/ledger", ""); jsonOf(t, after) != jsonOf(t, ledger) {
		t.Errorf("the ledger changed by rebuilding:\n%v\n%v", ledger, after)
	}
}

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestAnErasureAmidTraffic: what comes in between is neither lost nor taken for the person's.
func TestAnErasureAmidTraffic(t *testing.T) {
	dir := t.TempDir()
	p := begin(t, dir)
	base := "http://" + p.Addr()
	apptest.Send(t, http.MethodPost, base+"/v1/events", apptest.Crowd)
	var senders sync.WaitGroup
	halt := make(chan struct{})
	var sent [4]int
	for i := range sent {
		senders.Go(func() {
			for {
				select {
				case <-halt:
					return
				default:
				}
				body := fmt.Sprintf(`{"event_name":"experiment_exposed","experiment_id":"x","variant":"a","user_id":"s%d-%d","exposed_at":"2026-11-20T10:00:00Z"}`, i, sent[i])
				resp, err := http.Post(base+"/v1/events", "application/json", strings.NewReader(body))
				if err != nil {
					t.Error(err)
					return
				}
				resp.Body.Close()
				if resp.StatusCode != http.StatusAccepted {
					t.Errorf("an event was answered with %d", resp.StatusCode)
				}
				sent[i]++
			}
		})
	}
	status, receipt := apptest.Send(t, http.MethodDelete, base+"/v1/units/user/gone-user-77?by=desk", "")
	if status != http.StatusOK || receipt["messages"] != 4.0 {
		t.Errorf("%d %v", status, receipt)
	}
	close(halt)
	senders.Wait()
	stop(t, p)
	total := 1
	for _, n := range sent {
		total += n
	}
	p = begin(t, dir)
	_, readout := apptest.Send(t, http.MethodGet, "http://"+p.Addr()+"/v1/experiments/x/readout", "")
	stop(t, p)
	if n := readout["variants"].([]any)[0].(map[string]any)["exposed_users"]; n != float64(total) {
		t.Errorf("%v persons, want %d", n, total)
	}
	if code, out := onFolder(t, "audit", "--from-log", "--data-dir", dir); code != 0 {
		t.Error(out)
	}
}
