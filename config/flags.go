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
	define(configFlag, "`file` with the settings in YAML (also "+configEnv+")")
	for _, s := range settings {
		if s.flag != "" {
			define(s.flag, s.doc+" (also "+s.env()+")")
		}
	}
	return f
}

// configFile returns the path of the file and who named it. The path is empty
// where nobody did.
func (f *Flags) configFile(env map[string]string) (path, from string) {
	if path, said := f.said[configFlag]; said {
		return path, "flag --" + configFlag
	}
	return env[configEnv], "environment variable " + configEnv
}

// ParseFlags parses args and returns what is not a flag. Flags may come before
// and after the other arguments; what follows "--" is never a flag. It reports
// every wrong flag at once as [Faults], prints nothing, and returns
// [flag.ErrHelp] as it is.
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
			return nil, flag.ErrHelp
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
