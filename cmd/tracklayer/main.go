// Command tracklayer is the whole of TrackLayer in one binary: the door, the log, the core, the readout and the pages.
//
// Everything is joined here and nowhere else, so this package may import all others, and nobody may import it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
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
	for _, c := range commands() {
		if c.name != name {
			continue
		}
		err := c.run(ctx, args, s, environ)
		switch usage := (*usageError)(nil); {
		case err == nil:
			return 0
		case errors.Is(err, flag.ErrHelp):
			fmt.Fprintf(s.out, "tracklayer %s %s\n\n%s\n", c.name, c.args, c.does)
			return 0
		case errors.As(err, &usage):
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

// usageError is a command called wrongly.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }
