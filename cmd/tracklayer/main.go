// Command tracklayer is the whole of TrackLayer in one binary. It reads flags, runs package app, and prints: what the
// program is made of is joined there. No package imports it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/tracklayer/tracklayer/config"
)

// Set at build time: -ldflags "-X main.version=… -X main.commit=…".
var (
	version = "dev"
	commit  = ""
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	code := run(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr}, os.Environ())
	stop()
	os.Exit(code)
}

// streams are where a command reads and writes.
type streams struct {
	in  io.Reader
	out io.Writer
	err io.Writer
}

// run executes one command and returns the process's exit code: 0 done, 1 failed, 2 called wrongly.
func run(ctx context.Context, args []string, s streams, environ []string) int {
	name := "help"
	if len(args) > 0 {
		name, args = args[0], args[1:]
	}
	if asksForHelp(name) {
		name = "help"
	}
	for _, c := range commands() {
		if c.name != name {
			continue
		}
		var err error = &config.Help{}
		if c.args != "" || !slices.ContainsFunc(args, asksForHelp) {
			err = c.run(ctx, args, s, environ)
		}
		_, called := errors.AsType[*usageError](err)
		switch {
		case err == nil:
			return 0
		case errors.Is(err, flag.ErrHelp):
			printHelp(s.out, c, err)
			return 0
		case called:
			fmt.Fprintf(s.err, "%s\nusage: tracklayer %s %s\n", err, c.name, c.args)
			return 2
		default:
			fmt.Fprintln(s.err, err)
			return 1
		}
	}
	fmt.Fprintf(s.err, "tracklayer has no command %q; `tracklayer help` lists them\n", name)
	return 2
}

func asksForHelp(arg string) bool { return arg == "-h" || arg == "-help" || arg == "--help" }

// printHelp writes what a command does, and its flags as err has them.
func printHelp(w io.Writer, c command, err error) {
	fmt.Fprintf(w, "tracklayer %s %s\n\n%s\n", c.name, c.args, c.does)
	if h, ok := errors.AsType[*config.Help](err); ok && h.Flags != "" {
		fmt.Fprintf(w, "\nFlags:\n\n%s", h.Flags)
	}
}

// usageError is a command called wrongly.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }
