package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/tracklayer/tracklayer/app"
	"github.com/tracklayer/tracklayer/config"
)

// command is one word of the command line.
type command struct {
	name, args, does string
	run              func(ctx context.Context, args []string, s streams, environ []string) error
}

const settings = "[--config FILE] [--listen ADDR] [--admin-listen ADDR] [--data-dir DIR] [--nats-url URL] [--log-level LEVEL]"

func commands() []command {
	return []command{
		{"serve", settings, "Run everything in one process: ingest endpoints, embedded NATS JetStream, core, readouts.", serveAs(app.Gateway | app.Core)},
		{"demo", "[--listen ADDR] [--admin-listen ADDR]", "Run serve in a temporary folder, with weeks of made-up traffic of six tools and a live trickle, for looking around.", demonstrate},
		{"gateway", settings, "Run the ingest endpoints alone, over an external NATS (--nats-url).", serveAs(app.Gateway)},
		{"core", settings, "Run the core and its readouts alone, over an external NATS (--nats-url).", serveAs(app.Core)},
		{"check", settings, "Check the configuration and say every fault.", check},
		{"decode", "SOURCE [--config FILE] < request.http", "Print what a request (HTTP/1.1 text) would become. Stores nothing.", decode},
		{"readout", "ID [--json] [--run N] [--at-seq N] [--server URL] [--key KEY]", "Print an experiment's readout from a running TrackLayer.", readoutCommand},
		{"plan", "--baseline RATE (--effect LIFT | --units N | --days N) [--daily-users N] [--variants N] [--type mean --sd SD] [--alpha A] [--power P] [--threshold T] [--json]", "How many users and days an experiment takes, or what it can find.", plan},
		{"deadletter", "list [--source S] | show SEQ | replay SEQ, [--admin-listen ADDR] [--key KEY]", "What could not be decoded, kept by a running TrackLayer, and another try.", deadletter},
		{"audit", "[--from-log] " + settings, "Compute all state again from the stored facts, or from the whole log, and compare. TrackLayer must not be running.", audit},
		{"rebuild", "[--force] " + settings, "Make the state again from the log, unless that would lose something (--force accepts the loss). TrackLayer must not be running.", rebuild},
		{"clock", "correct --to TIME [--by NAME] [--reason TEXT] [--admin-listen ADDR] [--key KEY]", "Correct the watermark of a running TrackLayer after events were received by a wrong clock.", clockCommand},
		{"key", "", "Draw a key, and the hashed form of it for the configuration.", key},
		{"healthcheck", "[--admin-listen ADDR]", "Exit 0 where a TrackLayer on this machine is ready.", healthcheck},
		{"version", "", "Print version, commit and Go version.", printVersion},
		{"help", "", "List the commands.", help},
	}
}

func help(_ context.Context, _ []string, s streams, _ []string) error {
	fmt.Fprint(s.out, "TrackLayer: the self-hosted measurement layer for A/B experiments.\n\n")
	for _, c := range commands() {
		fmt.Fprintf(s.out, "  tracklayer %-12s %s\n", c.name, c.does)
	}
	fmt.Fprint(s.out, "\nEvery setting: docs/configuration.md. To begin: tracklayer serve\n")
	return nil
}

func printVersion(_ context.Context, _ []string, s streams, _ []string) error {
	c := commit
	if info, ok := debug.ReadBuildInfo(); ok && c == "" {
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				c = setting.Value
			}
		}
	}
	if c == "" {
		c = "unknown"
	}
	fmt.Fprintf(s.out, "tracklayer %s (commit %s, %s)\n", version, c, runtime.Version())
	return nil
}

// load reads the configuration and refuses arguments that no command takes.
func load(args, environ []string) (config.Config, error) {
	cfg, rest, err := config.Load(args, environ, os.ReadFile)
	if err != nil {
		return cfg, err
	}
	if len(rest) > 0 {
		return cfg, &usageError{fmt.Sprintf("%q is one argument too many", rest[0])}
	}
	return cfg, nil
}

func newLogger(w io.Writer, l config.Log) *slog.Logger {
	options := &slog.HandlerOptions{Level: l.Level}
	if l.Format == config.LogJSON {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

func check(_ context.Context, args []string, s streams, environ []string) error {
	cfg, err := load(args, environ)
	if err != nil {
		return err
	}
	sources, err := app.Sources(cfg)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "The configuration is fine: %d sources, listening on %s.\n", len(sources), cfg.Listen)
	return nil
}

// decode shows what would become of a request, without storing anything.
func decode(ctx context.Context, args []string, s streams, environ []string) error {
	cfg, rest, err := config.Load(args, environ, os.ReadFile)
	if err != nil {
		return err
	}
	if len(rest) != 1 {
		return &usageError{"decode takes the name of one source"}
	}
	batch, err := app.Decode(ctx, cfg, rest[0], s.in, newLogger(s.err, cfg.Log))
	if err != nil {
		return err
	}
	_, err = s.out.Write(append(batch, '\n'))
	return err
}

// readoutCommand asks a running TrackLayer, so that it answers for what all others see.
func readoutCommand(ctx context.Context, args []string, s streams, environ []string) error {
	set := flag.NewFlagSet("readout", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	asJSON := set.Bool("json", false, "Print the readout as JSON, as the API gives it.")
	number := set.Int("run", 0, "The `number` of the run; the newest if it is left out.")
	atSeq := set.Uint64("at-seq", 0, "The readout as of this stream `sequence`.")
	server := set.String("server", "", "The `URL` of the TrackLayer to ask; the one of the configuration if it is left out.")
	presented := set.String("key", "", "A read `key`, if the server asks for one.")
	flags := config.RegisterFlags(set)
	rest, err := config.ParseFlags(set, args)
	if err != nil {
		return err
	}
	if len(rest) != 1 {
		return &usageError{"readout takes the id of one experiment"}
	}
	cfg, err := flags.Load(environ, os.ReadFile)
	if err != nil {
		return err
	}
	by := http.DefaultClient
	if *server == "" {
		*server = scheme(cfg) + "://" + dialable(cfg.Listen.String())
		if by, err = client(cfg); err != nil {
			return err
		}
	}
	body, err := fetchReadout(ctx, by, *server, rest[0], *number, *atSeq, *presented)
	if err != nil {
		return err
	}
	if *asJSON {
		_, err = s.out.Write(append(bytes.TrimSpace(body), '\n'))
		return err
	}
	return printReadout(s.out, body)
}

func healthcheck(ctx context.Context, args []string, _ streams, environ []string) error {
	cfg, err := load(args, environ)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme(cfg)+"://"+dialable(cfg.AdminListen.String())+"/readyz", nil)
	if err != nil {
		return err
	}
	by, err := client(cfg)
	if err != nil {
		return err
	}
	resp, err := by.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 1000)) // what can be read of it is worth saying
		return fmt.Errorf("not ready: %s", body)
	}
	return nil
}
