package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
	"strings"

	"github.com/tracklayer/tracklayer/app"
	"github.com/tracklayer/tracklayer/config"
)

// A whole TrackLayer runs inside a program, as in the test of a service that sends events: on free ports, in a folder of
// its own, without any other service.
func Example() {
	if err := measure(context.Background()); err != nil {
		log.Fatal(err)
	}
	// Output:
	// control 1
	// variant_b 1
}

func measure(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "tracklayer-example-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // a temporary folder that stays does no harm
	cfg, _, err := config.Load([]string{"--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data-dir", dir}, nil, os.ReadFile)
	if err != nil {
		return err
	}
	p, err := app.New(cfg, app.Options{})
	if err != nil {
		return err
	}
	if err := p.Start(ctx); err != nil {
		return err
	}
	if err := post("http://" + p.Addr() + "/v1/events"); err != nil {
		return err
	}
	if err := printReadout("http://" + p.Addr() + "/v1/experiments/headline/readout?min_seq=2&wait=30s"); err != nil {
		return err
	}
	return p.Stop(ctx)
}

func post(url string) error {
	resp, err := http.Post(url, "application/json", strings.NewReader(`[
		{"event_name":"experiment_exposed","event_id":"e-1","experiment_id":"headline","variant":"control","user_id":"u-1","exposed_at":"2026-11-20T10:00:00Z"},
		{"event_name":"experiment_exposed","event_id":"e-2","experiment_id":"headline","variant":"variant_b","user_id":"u-2","exposed_at":"2026-11-20T10:00:00Z"}]`))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusAccepted {
		return fmt.Errorf("events: %s", resp.Status)
	}
	return nil
}

func printReadout(url string) error {
	resp, err := http.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var readout struct {
		Variants []struct {
			Variant string `json:"variant"`
			Users   int    `json:"exposed_users"`
		} `json:"variants"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&readout); err != nil {
		return err
	}
	for _, v := range readout.Variants {
		fmt.Println(v.Variant, v.Users)
	}
	return nil
}
