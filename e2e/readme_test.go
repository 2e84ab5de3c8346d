package e2e_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// TestReadmeRuns pastes the README's lines into a shell, with the server's address in the place of the default one.
func TestReadmeRuns(t *testing.T) {
	for _, tool := range []string{"sh", "curl", "awk"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("%s is needed to run the README's lines", tool)
			}
			t.Skipf("%s is not on this machine", tool)
		}
	}
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)<!-- run -->\n```sh\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(blocks) != 4 {
		t.Fatalf("%d blocks to run in the README, want events, readout, declaration, plan", len(blocks))
	}
	s := serve(t)
	var out [4]string
	for i, b := range blocks {
		raw, err := exec.Command("sh", "-ec", strings.ReplaceAll(b[1], "127.0.0.1:8080", s.addr)).Output()
		if err != nil {
			t.Fatalf("%s\n%v", b[1], err)
		}
		out[i] = string(raw)
	}
	if !strings.HasPrefix(out[0], `{"accepted":2225,"rejected":0,"stream_seq":2225,`) {
		t.Errorf("events: %s", out[0])
	}
	var r readout
	if err := json.Unmarshal([]byte(out[1]), &r); err != nil {
		t.Fatalf("readout: %v in %s", err, out[1])
	}
	if users, _ := r.converted("purchase", "variant_b"); r.exposed("control") != 1000 || r.exposed("variant_b") != 1000 || users != 125 {
		t.Errorf("readout: %s", out[1])
	}
	if !strings.Contains(out[2], `"revision":1`) {
		t.Errorf("declaration: %s", out[2])
	}
	if !strings.Contains(out[3], `"units_per_variant":57760`) {
		t.Errorf("plan: %s", out[3])
	}
	declared := s.readout("checkout_headline_test", 2226)
	if _, revenue := declared.converted("revenue", "control"); declared.Status != "running" || revenue != 4990 {
		t.Errorf("after the declaration: %+v", declared)
	}
	cli, err := exec.Command(binary, "readout", "checkout_headline_test", "--server", "http://"+s.addr).CombinedOutput()
	if err != nil || !strings.Contains(string(cli), "variant_b") || !strings.Contains(string(cli), "decision: ") {
		t.Errorf("the readout as text: %v\n%s", err, cli)
	}
}
