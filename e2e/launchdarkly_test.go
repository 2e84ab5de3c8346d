package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/launchdarkly/go-sdk-common/v3/ldcontext"
	"github.com/launchdarkly/go-sdk-common/v3/ldlog"
	"github.com/launchdarkly/go-sdk-common/v3/ldvalue"
	"github.com/launchdarkly/go-server-sdk-evaluation/v3/ldbuilders"
	ld "github.com/launchdarkly/go-server-sdk/v7"
	"github.com/launchdarkly/go-server-sdk/v7/interfaces"
	"github.com/launchdarkly/go-server-sdk/v7/ldcomponents"
	"github.com/launchdarkly/go-server-sdk/v7/testhelpers/ldtestdata"
)

// launchDarkly is a real SDK client whose flags come from memory and whose events go to the server.
func launchDarkly(tb testing.TB, s *server, tweak ...func(*ldcomponents.EventProcessorBuilder)) *ld.LDClient {
	tb.Helper()
	flags := ldtestdata.DataSource()
	flags.UsePreconfiguredFlag(ldbuilders.NewFlagBuilder("checkout-redesign").Version(11).On(true).
		Variations(ldvalue.String("control"), ldvalue.String("treatment")).
		Fallthrough(ldbuilders.Experiment(ldvalue.NewOptionalInt(61), ldbuilders.Bucket(0, 50000), ldbuilders.Bucket(1, 50000))).Build())
	flags.UsePreconfiguredFlag(ldbuilders.NewFlagBuilder("plain").Version(3).On(true).TrackEvents(true).
		Variations(ldvalue.Bool(true), ldvalue.Bool(false)).FallthroughVariation(0).Build())
	events := ldcomponents.SendEvents().FlushInterval(time.Hour).Capacity(100_000)
	for _, t := range tweak {
		t(events)
	}
	client, err := ld.MakeCustomClient("sdk-00000000-0000-4000-8000-000000000001", ld.Config{
		DataSource:       flags,
		Events:           events,
		ServiceEndpoints: interfaces.ServiceEndpoints{Events: s.url("/webhooks/launchdarkly")}.WithPartialSpecification(),
		DiagnosticOptOut: true,
		Logging:          ldcomponents.Logging().MinLevel(ldlog.Warn),
	}, 5*time.Second)
	if err != nil {
		tb.Fatal(err)
	}
	return client
}

// TestLaunchDarklySDK is the main job: evaluations and track calls of the real SDK become a readout that agrees with
// what the SDK itself returned.
func TestLaunchDarklySDK(t *testing.T) {
	for _, gzip := range []bool{false, true} {
		t.Run(fmt.Sprintf("gzip=%v", gzip), func(t *testing.T) {
			s := serve(t)
			client := launchDarkly(t, s, func(b *ldcomponents.EventProcessorBuilder) { b.EnableGzip(gzip) })
			exposed, bought := map[string]int64{}, map[string]int64{}
			for i := range 2000 {
				user := ldcontext.New(fmt.Sprintf("user-%d", i))
				variant, err := client.StringVariation("checkout-redesign", user, "control")
				if err != nil {
					t.Fatal(err)
				}
				exposed[variant]++
				if _, err := client.BoolVariation("plain", user, false); err != nil {
					t.Fatal(err)
				}
				if i%7 == 0 || variant == "treatment" && i%5 == 0 {
					if err := client.TrackMetric("purchase", user, 9.99, ldvalue.Null()); err != nil {
						t.Fatal(err)
					}
					bought[variant]++
				}
				if i%500 == 499 && !client.FlushAndWait(10*time.Second) {
					t.Fatal("the SDK could not flush")
				}
			}
			if err := client.Close(); err != nil {
				t.Fatal(err)
			}
			r := s.readout("checkout-redesign", s.lastSeq())
			if r.Status != "undeclared" || r.Control != "control" || len(r.Variants) != 2 {
				t.Errorf("status %s, control %s, %d variants", r.Status, r.Control, len(r.Variants))
			}
			for variant, n := range exposed {
				if got := r.exposed(variant); got != n {
					t.Errorf("%s: %d exposed users, the SDK assigned %d", variant, got, n)
				}
				if got, _ := r.converted("purchase", variant); got != bought[variant] {
					t.Errorf("%s: %d converted users, the SDK tracked %d", variant, got, bought[variant])
				}
			}
			for _, v := range r.Metrics[0].Variants {
				if v.Variant == "treatment" && (v.Beat == nil || v.Credible == nil || v.Lift == nil || v.Lift.Relative == nil) {
					t.Errorf("no statistics: %+v", v)
				}
			}
			for _, c := range r.Checks {
				if c.Check == "sample_ratio_mismatch" && (c.Status != "not_enough_data" || c.P != nil) { // its weights are unknown
					t.Errorf("SRM check: %+v", c)
				}
			}
			if status, _ := s.get("/v1/experiments/plain/readout"); status != http.StatusNotFound {
				t.Errorf("a flag that is no experiment has a readout: %d", status)
			}
		})
	}
}

// TestKilledInTheMiddleOfSending kills the process with SIGKILL, again and again, while the SDK sends. The SDK tries a
// failed request once more, a second later. What the readout shows in the end must be exactly what was sent.
func TestKilledInTheMiddleOfSending(t *testing.T) {
	s := newServer(t)
	s.start()
	client := launchDarkly(t, s)
	stop, stopped := make(chan struct{}), make(chan int)
	go func() { // the assassin
		kills := 0
		defer func() { stopped <- kills }()
		random := rand.New(rand.NewPCG(1, 2))
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Duration(300+random.IntN(700)) * time.Millisecond):
			}
			s.kill()
			s.launch()
			kills++
			s.ready()
			time.Sleep(1500 * time.Millisecond) // the SDK tries once more after a second; twice dead is lost by its rules
		}
	}()
	exposed, bought := map[string]int64{}, map[string]int64{}
	began := time.Now()
	users := 0
	for ; time.Since(began) < 12*time.Second; users++ {
		user := ldcontext.New(fmt.Sprintf("user-%d", users))
		variant, err := client.StringVariation("checkout-redesign", user, "control")
		if err != nil {
			t.Fatal(err)
		}
		exposed[variant]++
		if users%3 == 0 {
			for range 2 { // two equal purchases in a millisecond are two purchases of one converted user
				if err := client.TrackMetric("purchase", user, 9.99, ldvalue.Null()); err != nil {
					t.Fatal(err)
				}
			}
			bought[variant]++
		}
		if users%50 == 49 {
			client.FlushAndWait(10 * time.Second)
		}
	}
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	close(stop)
	kills := <-stopped
	if kills < 3 {
		t.Fatalf("only %d kills; nothing was proven", kills)
	}
	t.Logf("%d kills, %d users", kills, users)
	r := s.readout("checkout-redesign", s.lastSeq())
	for variant, n := range exposed {
		if got := r.exposed(variant); got != n {
			t.Errorf("%s: %d exposed users, %d sent", variant, got, n)
		}
		if got, _ := r.converted("purchase", variant); got != bought[variant] {
			t.Errorf("%s: %d converted users, %d sent", variant, got, bought[variant])
		}
	}
	s.stop()
	s.start() // and the same after a clean stop
	again := s.readout("checkout-redesign", r.AsOf.StreamSeq)
	for variant, n := range exposed {
		if again.exposed(variant) != n {
			t.Errorf("after a restart %s has %d exposed users, want %d", variant, again.exposed(variant), n)
		}
	}
}

// TestNotServed: an SDK that knows one address only asks for flags there as well. It hears 404, and nothing is kept.
func TestNotServed(t *testing.T) {
	s := serve(t)
	if status, _ := s.get("/webhooks/launchdarkly/sdk/evalx/65f0aa11bb22cc33dd44ee55/contexts/eyJ9"); status != http.StatusNotFound {
		t.Errorf("flags: %d", status)
	}
	out, err := exec.Command(binary, "deadletter", "list", "--admin-listen", s.admin).CombinedOutput()
	if err != nil || strings.Contains(string(out), "launchdarkly") {
		t.Errorf("dead letters: %v\n%s", err, out)
	}
}
