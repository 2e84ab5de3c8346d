package hostile

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
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
