package config

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// ReadFile reads a whole file: os.ReadFile, or a test's own.
type ReadFile func(name string) ([]byte, error)

// Load reads the configuration: defaults, then the file, then the variables of
// environ, then the flags of args, each over the one before. It returns the
// arguments that are not flags as well. Nothing but readFile touches the
// machine. The error is of type [Faults] and lists everything that is wrong,
// or it is a [*Help].
func Load(args, environ []string, readFile ReadFile) (Config, []string, error) {
	set := flag.NewFlagSet("tracklayer", flag.ContinueOnError)
	flags := RegisterFlags(set)
	rest, err := ParseFlags(set, args)
	if errors.Is(err, flag.ErrHelp) {
		return Config{}, nil, err
	}
	var wrong Faults
	errors.As(err, &wrong)
	cfg, err := flags.load(environ, readFile, wrong)
	return cfg, rest, err
}

// Load does what the function Load does, with the flags that were parsed.
func (f *Flags) Load(environ []string, readFile ReadFile) (Config, error) {
	return f.load(environ, readFile, nil)
}

func (f *Flags) load(environ []string, readFile ReadFile, wrong Faults) (Config, error) {
	l := loader{
		cfg:      Default(),
		from:     map[string]string{},
		bad:      map[string]bool{},
		faults:   wrong,
		readFile: readFile,
	}
	env := ours(environ)
	l.file(f.configFile(env))
	l.environment(env)
	l.flags(f)
	l.entryFiles()
	l.memory()
	if !l.blind {
		l.faults = append(l.faults, l.cfg.check(l.from, l.bad)...)
	}
	return l.cfg, l.faults.asError()
}

// loader gathers one configuration and everything that is wrong with it.
type loader struct {
	cfg      Config
	from     map[string]string // where the value of a key was said last
	bad      map[string]bool   // keys with a fault: rules that need them are skipped
	blind    bool              // the file is unreadable: the rules would judge what is not all there
	faults   Faults
	readFile ReadFile
}

func (l *loader) fault(key, from, wrong, remedy string) {
	l.bad[key] = true
	l.faults = append(l.faults, Fault{Key: key, From: from, Wrong: wrong, Remedy: remedy})
}

// set reads what one place says about one setting. texts has one entry unless
// the setting is a list.
func (l *loader) set(target any, key, remedy, from string, texts []string) {
	l.from[key] = from
	errs, list := setList(target, texts)
	if !list {
		errs = []error{setScalar(target, texts[0])}
	}
	for _, err := range errs {
		if err != nil {
			l.fault(key, from, err.Error(), remedy)
		}
	}
}

// setText reads a setting from a variable or a flag, where commas divide lists.
func (l *loader) setText(s setting[Config], from, text string) {
	target := s.field(&l.cfg)
	texts := []string{text}
	if isList(target) {
		texts = splitList(text)
	}
	l.set(target, s.key, s.remedy, from, texts)
}

// serviceLink matches the variables that container platforms add for a service
// that happens to be called tracklayer. They are no settings.
var serviceLink = regexp.MustCompile(
	`^TRACKLAYER_(.+_)?(SERVICE_HOST=|SERVICE_PORT(_[A-Z0-9_]+)?=|PORT=[a-z]+://|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?=)`)

// ours keeps the variables that are meant for this program, by name. An empty
// variable is as good as none, because that is how compose files say so.
func ours(environ []string) map[string]string {
	kept := map[string]string{}
	for _, variable := range environ {
		name, text, _ := strings.Cut(variable, "=")
		if strings.HasPrefix(name, envPrefix) && !serviceLink.MatchString(variable) {
			kept[name] = text
		}
	}
	maps.DeleteFunc(kept, func(_, text string) bool { return text == "" })
	return kept
}

func (l *loader) environment(env map[string]string) {
	byEnv := map[string]setting[Config]{}
	for _, s := range settings {
		byEnv[s.env()] = s
	}
	known := append(slices.Sorted(maps.Keys(byEnv)), configEnv)
	for _, name := range slices.Sorted(maps.Keys(env)) {
		s, found := byEnv[name]
		switch {
		case found:
			l.setText(s, "environment variable "+name, env[name])
		case name == configEnv:
		case strings.HasPrefix(name, envPrefix+"SOURCES"):
			l.fault(name, "environment", "sources cannot be set by variables", "write them below sources: in the YAML file, with secrets_file for what must not stand there")
		default:
			l.fault(name, "environment", "no setting has this name", "did you mean "+nearest(name, known)+"?")
		}
	}
}

func (l *loader) flags(f *Flags) {
	for _, s := range settings {
		if text, said := f.said[s.flag]; said && s.flag != "" {
			l.setText(s, "flag --"+s.flag, text)
		}
	}
}

// entryFiles adds the keys and secrets that stand in files of their own.
func (l *loader) entryFiles() {
	keys := &l.cfg.Keys
	addEntries(l, &keys.Write, "keys.write_file", keys.WriteFile, keyRemedy)
	addEntries(l, &keys.Read, "keys.read_file", keys.ReadFile, keyRemedy)
	addEntries(l, &keys.Admin, "keys.admin_file", keys.AdminFile, keyRemedy)
	for _, name := range slices.Sorted(maps.Keys(l.cfg.Sources)) {
		source := l.cfg.Sources[name]
		addEntries(l, &source.Secrets, sourcesKey+"."+name+".secrets_file", source.SecretsFile, "write one secret a line")
		l.cfg.Sources[name] = source
	}
}

func addEntries[T any](l *loader, list *[]T, key, path, remedy string) {
	if path == "" {
		return
	}
	data, err := l.readFile(path)
	if err != nil {
		l.fault(key, l.from[key], err.Error(), pathRemedy)
		return
	}
	texts := lines(data)
	if len(texts) == 0 {
		l.fault(key, l.from[key], fmt.Sprintf("%s has no entry", path), "write one entry a line into it, or leave the setting out")
		return
	}
	var more []T
	errs, _ := setList(&more, texts)
	for _, err := range errs {
		l.fault(key, path, err.Error(), remedy)
	}
	*list = append(*list, more...)
}
