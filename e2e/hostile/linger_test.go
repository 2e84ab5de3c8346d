package hostile

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const twentyMB = 20 << 20

// TestABodyOverTheLimitIsAnswered: a client that writes all of its body before it reads hears 413, not a reset.
func TestABodyOverTheLimitIsAnswered(t *testing.T) {
	s := start(t, "")
	for _, path := range []string{"/v1/events", "/webhooks/posthog/batch/", "/webhooks/nobody"} {
		for _, framing := range []string{fmt.Sprintf("Content-Length: %d", twentyMB), "Transfer-Encoding: chunked"} {
			t.Run(path+" "+framing, func(t *testing.T) {
				conn, err := net.Dial("tcp", s.addr)
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				if err := conn.SetDeadline(time.Now().Add(15 * time.Second)); err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n%s\r\n\r\n", path, s.addr, framing)
				block := []byte(strings.Repeat(" ", 1<<20))
				for range twentyMB / len(block) {
					if strings.HasPrefix(framing, "Transfer") {
						fmt.Fprintf(conn, "%x\r\n", len(block))
					}
					if _, err := conn.Write(block); err != nil {
						t.Fatalf("the connection is gone before the body was written: %v", err)
					}
					if strings.HasPrefix(framing, "Transfer") {
						fmt.Fprint(conn, "\r\n")
					}
				}
				if strings.HasPrefix(framing, "Transfer") {
					fmt.Fprint(conn, "0\r\n\r\n")
				}
				resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
				if err != nil {
					t.Fatalf("no answer: %v", err)
				}
				defer resp.Body.Close()
				text, err := io.ReadAll(resp.Body)
				want := http.StatusRequestEntityTooLarge
				if path == "/webhooks/nobody" {
					want = http.StatusNotFound
				}
				if err != nil || resp.StatusCode != want {
					t.Errorf("%d %s %v", resp.StatusCode, text, err)
				}
			})
		}
	}
}

// TestGosClientHearsThatABodyIsTooLarge does the same with net/http, many times: a reset would be a race.
func TestGosClientHearsThatABodyIsTooLarge(t *testing.T) {
	s := start(t, "")
	body := bytes.Repeat([]byte(" "), twentyMB)
	for range 20 {
		resp, err := http.Post("http://"+s.addr+"/v1/events", "application/json", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusRequestEntityTooLarge {
			t.Fatal(resp.StatusCode)
		}
	}
}

// TestCurlReadsThatABodyIsTooLarge: curl, with a length and in chunks, with and without Expect: 100-continue, over
// connections of its own and over one that stays, prints the answer.
func TestCurlReadsThatABodyIsTooLarge(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("there is no curl")
	}
	s := start(t, "")
	body := filepath.Join(s.dir, "body")
	if err := os.WriteFile(body, bytes.Repeat([]byte(" "), twentyMB), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, headers := range [][]string{{"Expect:"}, {"Expect: 100-continue"}, {"Expect:", "Transfer-Encoding: chunked"}} {
		for range 5 {
			args := []string{"-sS", "-o", "-", "-w", "%{http_code}\n", "-H", "Content-Type: application/json", "--data-binary", "@" + body}
			for _, h := range headers {
				args = append(args, "-H", h)
			}
			url := "http://" + s.addr + "/v1/events"
			out, err := exec.Command(curl, append(args, url, url)...).CombinedOutput()
			if err != nil || strings.Count(string(out), `"status":413`) != 2 || strings.Count(string(out), "}413\n")+strings.Count(string(out), "}\n413\n") != 2 {
				t.Fatalf("%v: %v: %s", headers, err, out)
			}
		}
	}
}
