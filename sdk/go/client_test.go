package tracklayer_test

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tracklayer/tracklayer/canonical"
	tracklayer "github.com/tracklayer/tracklayer/sdk/go"
	"github.com/tracklayer/tracklayer/sdk/go/sdktest"
)

// server takes batches as TrackLayer does, after it has failed as often as it should.
type server struct {
	*httptest.Server
	mu     sync.Mutex
	fail   []int // statuses of the next answers
	tried  int
	events []map[string]any
	paths  []string
	keys   []string
}

func serve(t *testing.T, fail ...int) *server {
	s := &server{fail: fail}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.tried++
		z, err := gzip.NewReader(r.Body)
		var in struct {
			Batch  []map[string]any
			SentAt string `json:"sent_at"`
		}
		if err == nil {
			err = json.NewDecoder(z).Decode(&in)
		}
		if err != nil || in.SentAt == "" || len(in.Batch) == 0 {
			t.Errorf("a request that is none: %v %+v", err, in)
		}
		if len(s.fail) > 0 {
			status := s.fail[0]
			s.fail = s.fail[1:]
			w.WriteHeader(status)
			return
		}
		s.paths = append(s.paths, r.URL.String())
		s.keys = append(s.keys, r.Header.Get("Authorization"))
		accepted, results := 0, []string{}
		for _, e := range in.Batch {
			if e["variant"] == "refused" {
				results = append(results, `{"status":"rejected","error":{"field":"variant","detail":"is refused"}}`)
				continue
			}
			accepted++
			s.events = append(s.events, e)
			results = append(results, `{"status":"accepted"}`)
		}
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprintf(w, `{"accepted":%d,"rejected":%d,"results":[%s]}`, accepted, len(in.Batch)-accepted, strings.Join(results, ","))
	}))
	t.Cleanup(s.Close)
	return s
}

func open(t *testing.T, o tracklayer.Options) *tracklayer.Client {
	t.Helper()
	c, err := tracklayer.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func shut(t *testing.T, c *tracklayer.Client) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := c.Close(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestEverythingArrivesOnce(t *testing.T) {
	s := serve(t, 503, 429)
	c := open(t, tracklayer.Options{URL: s.URL + "/", Key: "secret", Source: "growthbook", Batch: 2, FlushInterval: time.Hour})
	who := tracklayer.Identity{UserID: "u", AnonymousID: "a"}
	c.Expose("checkout", "b", who)
	c.Convert(tracklayer.Conversion{Event: "purchase", Value: 49.9, HasValue: true, Currency: "EUR", DedupKey: "o-1"}, who)
	c.Identify("u", "a")
	c.EndEarly("checkout", "b", "incident", who)
	c.Expose("checkout", "refused", who)
	shut(t, c)
	if n := c.Counts(); n != (tracklayer.Counts{Sent: 4, Rejected: 1}) {
		t.Errorf("counts %+v", n)
	}
	var names []string
	ids := map[any]bool{}
	for _, e := range s.events {
		names = append(names, e["event_name"].(string))
		ids[e["event_id"]] = true
	}
	if fmt.Sprint(names) != "[experiment_exposed experiment_converted identity_linked experiment_ended_early]" || len(ids) != 4 {
		t.Errorf("%v with %d ids", names, len(ids))
	}
	if e := s.events[1]; e["value"] != 49.9 || e["currency"] != "EUR" || e["dedup_key"] != "o-1" || e["channel"] != "server" {
		t.Errorf("conversion %v", e)
	}
	if s.paths[0] != "/v1/events?source=growthbook" || s.keys[0] != "Bearer secret" || s.tried != 5 {
		t.Errorf("%v %v %d", s.paths, s.keys, s.tried)
	}
}

func TestWhatCannotBeSentIsDroppedAndCounted(t *testing.T) {
	s := serve(t, 401)
	var heard []error
	c := open(t, tracklayer.Options{URL: s.URL, FlushInterval: time.Hour, Batch: 10, OnFailure: func(err error) { heard = append(heard, err) }})
	c.Expose("checkout", "b", tracklayer.Identity{})                    // no id
	c.Expose("checkout", "b", tracklayer.Identity{UserID: "undefined"}) // strangers
	c.Expose("checkout", "b", tracklayer.Identity{UserID: "u"})
	shut(t, c)
	c.Expose("checkout", "b", tracklayer.Identity{UserID: "u"}) // too late
	if n := c.Counts(); n != (tracklayer.Counts{Dropped: 4}) || len(heard) != 3 || !strings.Contains(heard[2].Error(), "401") {
		t.Errorf("counts %+v, heard %v", n, heard)
	}
	shut(t, c) // again
}

func TestAFullQueueDoesNotBlock(t *testing.T) {
	held := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-held }))
	defer s.Close()
	defer close(held)
	c := open(t, tracklayer.Options{URL: s.URL, Queue: 3, Batch: 1, RetryFor: time.Millisecond})
	for range 1000 {
		c.Expose("checkout", "b", tracklayer.Identity{UserID: "u"})
	}
	if n := c.Counts(); n.Dropped < 990 {
		t.Errorf("counts %+v", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Close(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("closed although no server answers: %v", err)
	}
}

// TestCloseEndsWithItsContext: an attempt that hangs does not keep Close, and what it held is dropped soon after.
func TestCloseEndsWithItsContext(t *testing.T) {
	held := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-held }))
	defer s.Close()
	defer close(held)
	c := open(t, tracklayer.Options{URL: s.URL, OnFailure: func(error) {}})
	for range 3 {
		c.Expose("checkout", "b", tracklayer.Identity{UserID: "u"})
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	if err := c.Close(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 2*time.Second {
		t.Errorf("closed after %s: %v", time.Since(began), err)
	}
	for range 200 {
		if c.Counts().Dropped == 3 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("counts %+v", c.Counts())
}

// logged collects what the default logger writes during a test.
func logged(t *testing.T) func() string {
	var mu sync.Mutex
	var text strings.Builder
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(writer(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return text.Write(p)
	}), nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	return func() string {
		mu.Lock()
		defer mu.Unlock()
		return text.String()
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

// TestFailuresAreLogged: a client without OnFailure writes a warning that says what to do, once for each cause.
func TestFailuresAreLogged(t *testing.T) {
	unreachable := httptest.NewServer(nil)
	unreachable.Close()
	for name, c := range map[string]struct {
		url, want string
		batch     int
		invalid   bool
	}{
		"a wrong source": {url: serve(t, 400, 400, 400).URL, want: "Options.Source is a source of"},
		"no key":         {url: serve(t, 401, 401, 401).URL, want: "Options.Key to a write key"},
		"unreachable":    {url: unreachable.URL, want: "Options.URL is its address"},
		"not valid":      {url: serve(t).URL, want: "user_id: is required", invalid: true},
	} {
		t.Run(name, func(t *testing.T) {
			text := logged(t)
			client := open(t, tracklayer.Options{URL: c.url, Batch: 1, RetryFor: time.Millisecond})
			for range 3 {
				who := tracklayer.Identity{UserID: "u"}
				if c.invalid {
					who.UserID = ""
				}
				client.Expose("checkout", "b", who)
			}
			shut(t, client)
			if got := text(); strings.Count(got, "level=WARN") != 1 || !strings.Contains(got, c.want) || !strings.Contains(got, "dropped=1 ") {
				t.Errorf("%s", got)
			}
			if n := client.Counts(); n.Dropped != 3 {
				t.Errorf("counts %+v", n)
			}
		})
	}
}

func TestDefaultSource(t *testing.T) {
	s := serve(t)
	for _, source := range []string{"", "mine"} {
		c := open(t, tracklayer.Options{URL: s.URL, Source: source})
		c.DefaultSource("vendor")
		c.Expose("checkout", "b", tracklayer.Identity{UserID: "u"})
		shut(t, c)
	}
	if fmt.Sprint(s.paths) != "[/v1/events?source=vendor /v1/events?source=mine]" {
		t.Errorf("%v", s.paths)
	}
}

func TestGroupsAdjustmentsAndUnlinking(t *testing.T) {
	s := serve(t)
	c := open(t, tracklayer.Options{URL: s.URL})
	who := tracklayer.Identity{UserID: "u", AnonymousID: "undefined", Groups: map[string]string{"team": "t", "company": "acme"}}
	c.Expose("checkout", "b", who)
	c.Convert(tracklayer.Conversion{Event: "purchase", Value: -5, HasValue: true, Adjusts: "o-1"}, who)
	c.Unlink("u", "a")
	shut(t, c)
	if len(s.events) != 3 {
		t.Fatalf("%v, %+v", s.events, c.Counts())
	}
	for _, e := range s.events[:2] {
		if fmt.Sprint(e["groups"]) != "map[company:acme team:t]" || e["anonymous_id"] != nil {
			t.Errorf("%v", e)
		}
	}
	if e := s.events[1]; e["adjusts"] != "o-1" || e["value"] != -5.0 {
		t.Errorf("%v", e)
	}
	if e := s.events[2]; e["event_name"] != "identity_unlinked" || e["user_id"] != "u" || e["anonymous_id"] != "a" || e["unlinked_at"] == nil {
		t.Errorf("%v", e)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, o := range []tracklayer.Options{{}, {URL: "localhost:8080"}, {URL: "ftp://a"}, {URL: "http://a", Queue: -1}} {
		if _, err := tracklayer.New(o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
}

func TestEventsKeepTheirIDsAndTimes(t *testing.T) {
	s := serve(t)
	c := open(t, tracklayer.Options{URL: s.URL})
	c.Send(canonical.Event{Kind: canonical.Exposed, ID: "mine", ExperimentID: "x", Variant: "a", UserID: "u", At: canonical.MinTime})
	shut(t, c)
	if e := s.events[0]; e["event_id"] != "mine" || e["exposed_at"] != "2000-01-01T00:00:00Z" {
		t.Errorf("%v", e)
	}
}

// TestEveryEventIsCountedOnce: events that are sent while the client is closed are sent or dropped, each exactly once.
func TestEveryEventIsCountedOnce(t *testing.T) {
	s := serve(t)
	for range 20 {
		c := open(t, tracklayer.Options{URL: s.URL, FlushInterval: time.Millisecond, OnFailure: func(error) {}})
		var senders sync.WaitGroup
		for range 4 {
			senders.Add(1)
			go func() {
				defer senders.Done()
				for range 50 {
					c.Expose("checkout", "b", tracklayer.Identity{UserID: "u"})
				}
			}()
		}
		shut(t, c)
		senders.Wait()
		if n := c.Counts(); n.Sent+n.Dropped != 200 || n.Rejected != 0 {
			t.Fatalf("counts %+v of 200 events", n)
		}
	}
}

func ExampleClient() {
	server := sdktest.New() // stands for TrackLayer
	defer server.Close()

	client, err := tracklayer.New(tracklayer.Options{URL: server.URL})
	if err != nil {
		fmt.Println(err)
		return
	}
	client.Expose("checkout_headline_test", "variant_b", tracklayer.Identity{AnonymousID: "a-77"})
	client.Identify("u-12", "a-77")
	client.Convert(tracklayer.Conversion{Event: "purchase", Value: 49.90, HasValue: true, Currency: "EUR", DedupKey: "order-981"}, tracklayer.Identity{UserID: "u-12"})

	// When the program ends, Close sends what waits and returns when the context ends at the latest.
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := client.Close(ctx); err != nil {
		fmt.Println(err)
	}
	fmt.Printf("%+v\n", client.Counts())
	// Output: {Sent:3 Rejected:0 Dropped:0}
}
