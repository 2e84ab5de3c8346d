package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tracklayer/tracklayer/canonical"
)

const now = canonical.Time(1795339273000)

// sampleEvent is event i of a stream of one exposure and one conversion a user.
func sampleEvent(i int) canonical.Event {
	e := canonical.Event{
		Kind: canonical.Exposed, ID: "event-" + strconv.Itoa(i), ExperimentID: "checkout-redesign", Variant: []string{"control", "treatment"}[i/2%2],
		UserID: "user-" + strconv.Itoa(i/2), At: now, SchemaVersion: canonical.SchemaVersion,
	}
	if i%2 == 1 {
		e.Kind, e.ExperimentID, e.Variant, e.ConversionEvent = canonical.Converted, "", "", "purchase"
		e.Value, e.Currency, e.At = canonical.Micro(9_990_000), "EUR", now+1000
	}
	return e
}

// bodies are JSON arrays of n events each, with total events in all, as a client would write them.
func bodies(total, n int) [][]byte {
	var all [][]byte
	for i := 0; i < total; {
		b := []byte{'['}
		for range min(n, total-i) {
			if len(b) > 1 {
				b = append(b, ',')
			}
			e := sampleEvent(i)
			wire, _ := e.MarshalJSON() // the gateway's fields in it are never taken from a sender
			b = append(b, wire...)
			i++
		}
		all = append(all, append(b, ']'))
	}
	return all
}

// rawJetStream is the limit: two publishers, atomic batches of a thousand, the settings of the product, nothing else.
func rawJetStream(b *testing.B, total int) float64 {
	srv, err := natsserver.NewServer(&natsserver.Options{DontListen: true, NoSigs: true, JetStream: true, StoreDir: b.TempDir(), SyncAlways: true})
	if err != nil {
		b.Fatal(err)
	}
	srv.Start()
	defer srv.Shutdown()
	connect := func() *nats.Conn {
		nc, err := nats.Connect("", nats.InProcessServer(srv))
		if err != nil {
			b.Fatal(err)
		}
		return nc
	}
	nc := connect()
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := js.CreateStream(b.Context(), jetstream.StreamConfig{Name: "RAW", Subjects: []string{"tracklayer.v1.>"}, AllowAtomicPublish: true}); err != nil {
		b.Fatal(err)
	}
	const batch, publishers = 1000, 2
	messages := make([]*nats.Msg, total)
	for i := range messages {
		e := sampleEvent(i)
		e.Source, e.ReceivedAt = "api", now
		messages[i] = &nats.Msg{Subject: e.Subject("tracklayer"), Data: e.AppendJSON(nil), Header: nats.Header{"Nats-Batch-Sequence": {strconv.Itoa(i%batch + 1)}}}
	}
	var next atomic.Int64
	var group sync.WaitGroup
	began := time.Now()
	for range publishers {
		group.Add(1)
		go func() {
			defer group.Done()
			nc := connect()
			defer nc.Close()
			for {
				at := int(next.Add(batch)) - batch
				if at >= total {
					return
				}
				part := messages[at:min(at+batch, total)]
				for _, m := range part[:len(part)-1] {
					m.Header["Nats-Batch-Id"] = []string{strconv.Itoa(at)}
					if err := nc.PublishMsg(m); err != nil {
						b.Error(err)
						return
					}
				}
				last := part[len(part)-1]
				last.Header["Nats-Batch-Id"], last.Header["Nats-Batch-Commit"] = []string{strconv.Itoa(at)}, []string{"1"}
				reply, err := nc.RequestMsg(last, 30*time.Second)
				if err != nil || !bytes.Contains(reply.Data, []byte(`"seq"`)) || bytes.Contains(reply.Data, []byte(`"error"`)) {
					b.Errorf("%v %s", err, reply.Data)
					return
				}
			}
		}()
	}
	group.Wait()
	return float64(total) / time.Since(began).Seconds()
}

// rawEcho reads the same requests and does nothing with them.
func rawEcho(b *testing.B, clients int, load [][]byte, events int) float64 {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.POST("/v1/events", func(c echo.Context) error {
		if _, err := io.Copy(io.Discard, c.Request().Body); err != nil {
			return err
		}
		return c.NoContent(http.StatusAccepted)
	})
	addr := freePort(b)
	go func() { _ = e.Start(addr) }()
	defer e.Close()
	for range 100 {
		if resp, err := http.Get("http://" + addr); err == nil {
			resp.Body.Close()
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	took, _ := post(b, "http://"+addr+"/v1/events", clients, load)
	return float64(events) / took.Seconds()
}

// post sends all bodies from so many clients and returns the time it took and every request's latency.
func post(b *testing.B, url string, clients int, load [][]byte) (time.Duration, []time.Duration) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	defer client.CloseIdleConnections()
	latencies := make([]time.Duration, len(load))
	var next atomic.Int64
	var group sync.WaitGroup
	began := time.Now()
	for range clients {
		group.Add(1)
		go func() {
			defer group.Done()
			for {
				i := int(next.Add(1)) - 1
				if i >= len(load) {
					return
				}
				sent := time.Now()
				resp, err := client.Post(url, "application/json", bytes.NewReader(load[i]))
				if err != nil {
					b.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if resp.StatusCode != http.StatusAccepted {
					b.Errorf("status %d", resp.StatusCode)
					return
				}
				latencies[i] = time.Since(sent)
			}
		}()
	}
	group.Wait()
	took := time.Since(began)
	slices.Sort(latencies)
	return took, latencies
}

// BenchmarkEndToEnd measures events acknowledged a second through HTTP, and counted a second, beside the limits in the
// same run: raw durable batches, and echo without anything behind it. Use -benchtime 1x; a case has a fixed load.
func BenchmarkEndToEnd(b *testing.B) {
	raw := rawJetStream(b, 300_000)
	b.Run("raw durable batches", func(b *testing.B) {
		for range b.N {
			raw = rawJetStream(b, 300_000)
		}
		b.ReportMetric(raw, "events/s")
	})
	for _, c := range []struct{ clients, batch, total int }{{1, 1, 5000}, {8, 1, 20_000}, {64, 1, 40_000}, {1, 100, 60_000}, {8, 100, 300_000}, {64, 100, 300_000}} {
		load := bodies(c.total, c.batch)
		name := fmt.Sprintf("clients=%d/batch=%d", c.clients, c.batch)
		b.Run("raw echo/"+name, func(b *testing.B) {
			var rate float64
			for range b.N {
				rate = rawEcho(b, c.clients, load, c.total)
			}
			b.ReportMetric(rate, "events/s")
		})
		b.Run("tracklayer/"+name, func(b *testing.B) {
			for range b.N {
				s := serve(b)
				began := time.Now()
				took, latencies := post(b, s.url("/v1/events"), c.clients, load)
				r := s.readout("checkout-redesign", uint64(c.total))
				whole := time.Since(began)
				s.kill()
				if n := r.exposed("control") + r.exposed("treatment"); n != int64(c.total/2) {
					b.Fatalf("%d exposed users, want %d", n, c.total/2)
				}
				b.ReportMetric(float64(c.total)/took.Seconds(), "acked/s")
				b.ReportMetric(float64(c.total)/took.Seconds()/raw, "acked/raw")
				b.ReportMetric(float64(c.total)/whole.Seconds(), "counted/s")
				b.ReportMetric(float64(c.total)/whole.Seconds()/raw, "counted/raw")
				b.ReportMetric(float64(latencies[len(latencies)/2].Microseconds())/1000, "p50-ms")
				b.ReportMetric(float64(latencies[len(latencies)*99/100].Microseconds())/1000, "p99-ms")
			}
		})
	}
}

// BenchmarkVisible is the time from the acknowledgement of an event to a readout that shows it, on an idle server.
func BenchmarkVisible(b *testing.B) {
	s := serve(b)
	var all []time.Duration
	i := 0
	for b.Loop() {
		e := sampleEvent(2 * i)
		wire, _ := e.MarshalJSON()
		status, _, text := s.post("/v1/events", string(wire))
		acked := time.Now()
		var answer struct {
			Seq uint64 `json:"stream_seq"`
		}
		if err := json.Unmarshal([]byte(text), &answer); err != nil || status != http.StatusAccepted {
			b.Fatalf("%d %s", status, text)
		}
		s.readout("checkout-redesign", answer.Seq)
		all = append(all, time.Since(acked))
		i++
	}
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "p99-ms")
}

// BenchmarkReadout is the latency of a readout over HTTP after many events. It must not depend on how many.
func BenchmarkReadout(b *testing.B) {
	for _, total := range []int{1000, 200_000} {
		b.Run(fmt.Sprintf("events=%d", total), func(b *testing.B) {
			s := serve(b)
			post(b, s.url("/v1/events"), 8, bodies(total, 100))
			s.readout("checkout-redesign", uint64(total))
			var all []time.Duration
			for i := 0; b.Loop(); i++ {
				e := sampleEvent(2 * (total + i)) // a new event each time, so that no readout is the one before
				wire, _ := e.MarshalJSON()
				status, _, text := s.post("/v1/events", string(wire))
				if status != http.StatusAccepted {
					b.Fatal(text)
				}
				began := time.Now()
				if status, text := s.get("/v1/experiments/checkout-redesign/readout"); status != http.StatusOK {
					b.Fatal(text)
				}
				all = append(all, time.Since(began))
			}
			slices.Sort(all)
			b.ReportMetric(float64(all[len(all)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "p99-ms")
		})
	}
}
