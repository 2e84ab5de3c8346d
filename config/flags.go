package config

import (
	"errors"
	"flag"
	"io"
	"strings"
)

// Flags is what the command line said. A command with flags of its own
// registers these beside them, parses once, and calls Load.
type Flags struct {
	said map[string]string
}

// RegisterFlags defines --config and the flag of every setting that has one.
func RegisterFlags(set *flag.FlagSet) *Flags {
	f := &Flags{said: map[string]string{}}
	define := func(name, doc string) {
		set.Func(name, doc, func(text string) error {
			f.said[name] = text
			return nil
		})
	}
	define(configFlag, "The `file` with the settings in YAML. Also "+configEnv+".")
	for _, s := range settings {
		if s.flag != "" {
			// The package flag takes words in backquotes for the value's name.
			define(s.flag, strings.ReplaceAll(s.doc, "`", "")+" Also "+s.env()+".")
		}
	}
	return f
}

// configFile returns the path of the file and who named it. The path is empty
// if it is not set.
func (f *Flags) configFile(env map[string]string) (path, from string) {
	if path, said := f.said[configFlag]; said {
		return path, "flag --" + configFlag
	}
	return env[configEnv], "environment variable " + configEnv
}

// ParseFlags parses args and returns what is not a flag. Flags may come before
// and after the other arguments; what follows "--" is never a flag. It reports
// every wrong flag at once as [Faults] and prints nothing. If help is asked for
// the error is a [*Help], which wraps [flag.ErrHelp].
func ParseFlags(set *flag.FlagSet, args []string) ([]string, error) {
	set.Init(set.Name(), flag.ContinueOnError)
	output, usage := set.Output(), set.Usage
	set.SetOutput(io.Discard)
	set.Usage = func() {}
	defer func() { set.SetOutput(output); set.Usage = usage }()

	var rest []string
	var faults Faults
	for len(args) > 0 {
		err := set.Parse(args)
		if errors.Is(err, flag.ErrHelp) {
			return nil, &Help{Flags: describe(set)}
		}
		if err != nil {
			faults = append(faults, flagFault(set, err))
			args = set.Args()
			continue
		}
		read := len(args) - set.NArg()
		if read > 0 && args[read-1] == "--" {
			return append(rest, set.Args()...), faults.asError()
		}
		if args = set.Args(); len(args) > 0 {
			rest = append(rest, args[0])
			args = args[1:]
		}
	}
	return rest, faults.asError()
}

// Help is the error of a command line that asks for help.
type Help struct {
	Flags string // every flag with its meaning, as indented lines
}

func (h *Help) Error() string { return flag.ErrHelp.Error() }

// Unwrap returns [flag.ErrHelp].
func (h *Help) Unwrap() error { return flag.ErrHelp }

// describe lists the flags of a set in the order of their names.
func describe(set *flag.FlagSet) string {
	var b strings.Builder
	set.VisitAll(func(f *flag.Flag) {
		value, meaning := flag.UnquoteUsage(f)
		b.WriteString("  --" + f.Name)
		if value != "" {
			b.WriteString(" " + strings.ToUpper(value))
		}
		b.WriteString("\n")
		for _, line := range wrap(meaning, 90) {
			b.WriteString("        " + line + "\n")
		}
	})
	return b.String()
}

// wrap breaks a text into lines of at most width bytes, between words.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// flagFault says what to write instead of a flag that package flag refused.
func flagFault(set *flag.FlagSet, err error) Fault {
	fault := Fault{Key: "flag", From: "command line", Wrong: err.Error(), Remedy: "see --help for the flags and their values"}
	if name, unknown := strings.CutPrefix(err.Error(), "flag provided but not defined: -"); unknown {
		var known []string
		set.VisitAll(func(f *flag.Flag) { known = append(known, f.Name) })
		fault.Key, fault.Wrong = "--"+name, "no flag has this name"
		fault.Remedy = "did you mean --" + nearest(name, known) + "?"
	}
	return fault
}
