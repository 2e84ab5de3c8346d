package config

import (
	"errors"
	"flag"
	"io/fs"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	plainKey  = "0123456789abcdef"
	hashedKey = "sha256:9f9f5111f7b27a781f1f1ddde5ebc2dd2b796bfc7365c9c28b548e564176929f" // of plainKey
)

// files is a readFile over made-up files.
func files(contents map[string]string) ReadFile {
	return func(name string) ([]byte, error) {
		text, found := contents[name]
		if !found {
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		}
		return []byte(text), nil
	}
}

// fromFile loads a file's text alone.
func fromFile(text string) (Config, error) {
	cfg, _, err := Load([]string{"--config", "t.yaml"}, nil, files(map[string]string{"t.yaml": text}))
	return cfg, err
}

func fromEnv(variables ...string) (Config, error) {
	cfg, _, err := Load(nil, variables, files(nil))
	return cfg, err
}

// value returns one field of a configuration in a form to compare.
func value(t *testing.T, cfg Config, key string) any {
	t.Helper()
	s, found := find(settings, key)
	if !found {
		t.Fatalf("the table has no %s", key)
	}
	return reflect.ValueOf(s.field(&cfg)).Elem().Interface()
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Every setting, in its file form and in its environment form.
func TestEachSettingInBothForms(t *testing.T) {
	key := must(ParseKey(plainKey))
	cases := []struct {
		key  string
		file string
		env  string
		want any
	}{
		{"listen", "listen: 127.0.0.1:0", "127.0.0.1:0", must(ParseHostPort("127.0.0.1:0"))},
		{"admin_listen", "admin_listen: '[::1]:9'", "[::1]:9", must(ParseHostPort("[::1]:9"))},
		{"data_dir", "data_dir: /srv/t", "/srv/t", "/srv/t"},
		{"nats.url", "nats: {url: 'nats://a:4222,tls://b'}", "nats://a:4222, tls://b", must(ParseServerURL("nats://a:4222,tls://b"))},
		{"nats.prefix", "nats: {prefix: eu-1}", "eu-1", must(ParseToken("eu-1"))},
		{"nats.creds_file", "nats: {url: 'nats://a', creds_file: c}", "c", "c"},
		{"nats.replicas", "nats: {url: 'nats://a', replicas: 3}", "3", 3},
		{"keys.write", "keys: {write: [" + plainKey + "]}", plainKey, []WriteKey{{Key: key}}},
		{"keys.write_file", "keys: {write_file: keys.txt}", "keys.txt", "keys.txt"},
		{"keys.read", "keys: {read: [" + plainKey + ", '" + hashedKey + "']}", plainKey + "," + hashedKey, []Key{key, key}},
		{"keys.read_file", "keys: {read_file: keys.txt}", "keys.txt", "keys.txt"},
		{"keys.admin", "keys: {admin: ['" + hashedKey + "']}", hashedKey, []Key{key}},
		{"keys.admin_file", "keys: {admin_file: keys.txt}", "keys.txt", "keys.txt"},
		{"editing", "editing: off", "off", Off},
		{"hosts", "hosts: [A.example, '[::5]']", "a.example,::5", []HostName{{"a.example"}, {"::5"}}},
		{"tls.cert", "tls: {cert: c.pem, key: k.pem}", "c.pem", "c.pem"},
		{"tls.key", "tls: {cert: c.pem, key: k.pem}", "k.pem", "k.pem"},
		{"declared_only", "declared_only: true", "true", true},
		{"limits.body", "limits: {body: 2 MiB}", "2MiB", 2 * MiB},
		{"limits.event", "limits: {event: 1000}", "1kB", Size(1000)},
		{"limits.batch_events", "limits: {batch_events: 7}", "7", 7},
		{"limits.experiments", "limits: {experiments: 7}", "7", 7},
		{"limits.variants", "limits: {variants: 7}", "7", 7},
		{"limits.conversion_names", "limits: {conversion_names: 7}", "7", 7},
		{"limits.disk_reserve", "limits: {disk_reserve: 1GiB}", "1GiB", GiB},
		{"limits.memory", "limits: {memory: 1GiB}", "1GiB", GiB},
		{"limits.rate", "limits: {rate: 7}", "7", 7},
		{"limits.rate_shared", "limits: {rate_shared: 7}", "7", 7},
		{"limits.rate_exempt", "limits: {rate_exempt: [10.0.0.0/8]}", "10.0.0.0/8", []Network{{netip.MustParsePrefix("10.0.0.0/8")}}},
		{"limits.address_header", "limits: {address_header: X-Real-Ip, address_from: ['::1']}", "X-Real-Ip", HeaderName{"X-Real-Ip"}},
		{"limits.address_from", "limits: {address_header: X-Real-Ip, address_from: ['::1']}", "::1", []Network{{netip.MustParsePrefix("::1/128")}}},
		{"limits.connections", "limits: {connections: 7}", "7", 7},
		{"limits.lag", "limits: {lag: 5m}", "5m", 5 * time.Minute},
		{"history.every", "history: {every: 7}", "7", 7},
		{"history.interval", "history: {interval: 2h}", "2h", 2 * time.Hour},
		{"history.keep", "history: {keep: 0}", "0", 0},
		{"shutdown_timeout", "shutdown_timeout: 1m30s", "1m30s", 90 * time.Second},
		{"log.level", "log: {level: WARN}", "warn", slog.LevelWarn},
		{"log.format", "log: {format: json}", "json", LogJSON},
		{"identity.non_ids", "identity: {non_ids: [guest, 0]}", " guest ,0,", []string{"guest", "0"}},
		{"cors.origins", "cors: {origins: ['https://a.example', 'http://b:8']}", "https://a.example,http://b:8", []Origin{{"https://a.example"}, {"http://b:8"}}},
		{"pages.proxy_header", "pages: {proxy_header: X-User, proxy_from: ['::1']}", "X-User", HeaderName{"X-User"}},
		{"pages.proxy_from", "pages: {proxy_header: X-User, proxy_from: [10.0.0.0/8, '::1']}", "10.0.0.0/8,::1", []Network{{netip.MustParsePrefix("10.0.0.0/8")}, {netip.MustParsePrefix("::1/128")}}},
		{"pages.proxy_editors", "pages: {proxy_header: X-User, proxy_from: ['::1'], proxy_editors: [ada, grace]}", "ada,grace", []string{"ada", "grace"}},
	}
	read := map[string]bool{}
	for _, c := range cases {
		t.Run(c.key, func(t *testing.T) {
			read[c.key] = true
			s, _ := find(settings, c.key)
			contents := map[string]string{"t.yaml": c.file, "keys.txt": "# the keys\n\n" + plainKey + "\r\n"}
			byFile, _, err := Load([]string{"-config=t.yaml"}, nil, files(contents))
			if err != nil {
				t.Fatal("file:", err)
			}
			environ := []string{s.env() + "=" + c.env, "PATH=/bin"}
			environ = append(environ, companions(c.key)...)
			byEnv, _, err := Load(nil, environ, files(contents))
			if err != nil {
				t.Fatal("environment:", err)
			}
			for form, cfg := range map[string]Config{"file": byFile, "environment": byEnv} {
				if got := value(t, cfg, c.key); !reflect.DeepEqual(got, c.want) {
					t.Errorf("%s: got %v, want %v", form, got, c.want)
				}
			}
			if reflect.DeepEqual(value(t, Default(), c.key), c.want) {
				t.Error("the case proves nothing: it wants the default")
			}
		})
	}
	for _, s := range settings {
		if !read[s.key] {
			t.Errorf("no case reads %s", s.key)
		}
	}
}

// Every wrong value, in both forms: the fault names the key, the place and
// what to write instead, and never shows a key.
func TestEachFaultInBothForms(t *testing.T) {
	cases := []struct{ key, file, env, wrong string }{
		{"listen", "listen: 8080", "8080", "is not host:port"},
		{"listen", "listen: 'a:99999'", "a:99999", "has no port between"},
		{"listen", "listen: 'http://a:1'", "http://a:1", "is not host:port"},
		{"nats.url", "nats: {url: 'http://a'}", "http://a", `the scheme "http"`},
		{"nats.url", "nats: {url: localhost}", "localhost", "not a URL with a host"},
		{"nats.prefix", "nats: {prefix: a.b}", "a.b", "is not 1 to 64 characters"},
		{"nats.replicas", "nats: {replicas: three}", "three", "is not a whole number"},
		{"nats.replicas", "nats: {url: 'nats://a', replicas: 9}", "9", "9 copies are not possible"},
		{"keys.write", "keys: {write: [hunter2]}", "hunter2", "entry 1: the key has 7 bytes"},
		{"keys.read", "keys: {read: [" + plainKey + ", 'sha256:hunter2']}", plainKey + ",sha256:hunter2", "entry 2: after sha256: come 7 characters"},
		{"keys.admin_file", "keys: {admin_file: none.txt}", "none.txt", fs.ErrNotExist.Error()},
		{"keys.write_file", "keys: {write_file: empty.txt}", "empty.txt", "has no entry"},
		{"limits.body", "limits: {body: 5 apples}", "5 apples", "is not a size"},
		{"limits.body", "limits: {body: 999999999999 GiB}", "999999999999 GiB", "is too large"},
		{"limits.body", "limits: {body: 0}", "0", "lets no request in"},
		{"limits.event", "limits: {event: 6MiB}", "6MiB", "more than limits.body, which is 5MiB"},
		{"limits.batch_events", "limits: {batch_events: -1}", "-1", "lets no event in"},
		{"limits.experiments", "limits: {experiments: 0}", "0", "lets no undeclared experiment in"},
		{"limits.variants", "limits: {variants: 0}", "0", "lets no variant"},
		{"limits.conversion_names", "limits: {conversion_names: -1}", "-1", "lets no conversion in"},
		{"limits.memory", "limits: {memory: 1MiB}", "1MiB", "collect garbage all the time"},
		{"shutdown_timeout", "shutdown_timeout: 20", "20", "is not a time span"},
		{"history.every", "history: {every: 0}", "0", "after no record"},
		{"history.interval", "history: {interval: 0s}", "0s", "all the time"},
		{"history.keep", "history: {keep: 101}", "101", "so many"},
		{"shutdown_timeout", "shutdown_timeout: 0s", "0s", "leaves requests no time"},
		{"log.level", "log: {level: loud}", "loud", "is not a log level"},
		{"log.format", "log: {format: xml}", "xml", "is not a log format"},
		{"cors.origins", "cors: {origins: ['https://a/']}", "https://a/", "is not an origin"},
		{"admin_listen", "admin_listen: 127.0.0.1:8080", "127.0.0.1:8080", "is the address of listen as well"},
		{"admin_listen", "admin_listen: ':9'", ":9", "anyone could use the profiler"},
	}
	for _, c := range cases {
		t.Run(c.file, func(t *testing.T) {
			s, _ := find(settings, c.key)
			contents := map[string]string{"t.yaml": "\n" + c.file, "empty.txt": "# nothing\n"}
			_, _, byFile := Load([]string{"--config", "t.yaml"}, nil, files(contents))
			environ := []string{s.env() + "=" + c.env}
			_, _, byEnv := Load(nil, environ, files(contents))
			wantFault(t, byFile, c.key, "line 2 of t.yaml", c.wrong)
			wantFault(t, byEnv, c.key, "environment variable "+s.env(), c.wrong)
		})
	}
}

// wantFault fails unless err is exactly one fault with these parts.
func wantFault(t *testing.T, err error, key, from, wrong string) {
	t.Helper()
	var faults Faults
	if !errors.As(err, &faults) || len(faults) != 1 {
		t.Fatalf("want one fault, got %v", err)
	}
	fault := faults[0]
	if fault.Key != key || fault.From != from || !strings.Contains(fault.Wrong, wrong) || fault.Remedy == "" {
		t.Errorf("got %#v, want key %q, from %q, wrong %q and a remedy", fault, key, from, wrong)
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the fault shows the key: %v", err)
	}
}

func TestAllFaultsAtOnce(t *testing.T) {
	contents := map[string]string{"t.yaml": `
listen: nowhere
nats: {url: "", replicas: 3}
limits: {bdoy: 1MiB}
colour: red
keys: {write: [short, also-too-short]}
sources:
  Shop: {vendor: x}
  shop: {vendor: x, forward: "https://a.example", secret: [s]}
  blog:
`}
	environ := []string{"TRACKLAYER_LOG_LEVEL=loud", "TRACKLAYER_LISTN=:1", "TRACKLAYER_SOURCES_SHOP_VENDOR=x"}
	args := []string{"--config=t.yaml", "--admin-lisen", "--data-dir", "", "--nats-url=ftp://a"}
	_, _, err := Load(args, environ, files(contents))
	want := []string{
		"--admin-lisen (command line): no flag has this name; did you mean --admin-listen?",
		`listen (line 2 of t.yaml): "nowhere" is not host:port; `,
		"limits.bdoy (line 4 of t.yaml): no setting has this name; did you mean limits.body?",
		"colour (line 5 of t.yaml): no setting has this name; did you mean ",
		"keys.write (line 6 of t.yaml): entry 1: the key has 5 bytes, ",
		"keys.write (line 6 of t.yaml): entry 2: the key has 14 bytes, ",
		"sources.Shop (line 8 of t.yaml): this is no name for a source, ",
		"sources.shop.secret (line 9 of t.yaml): no setting has this name; did you mean sources.shop.secrets?",
		"TRACKLAYER_LISTN (environment): no setting has this name; did you mean TRACKLAYER_LISTEN?",
		"log.level (environment variable TRACKLAYER_LOG_LEVEL): ",
		"TRACKLAYER_SOURCES_SHOP_VENDOR (environment): sources cannot be set by variables; ",
		`nats.url (flag --nats-url): the scheme "ftp" is not`,
		"data_dir (flag --data-dir): it is empty; ",
		"sources.blog.vendor (line 10 of t.yaml): the source has no vendor; ",
		"sources.shop.forward (line 9 of t.yaml): forwarding is not available in this version; ",
	}
	got := strings.Split(err.Error(), "\n")
	slices.Sort(got)
	slices.Sort(want)
	if len(got) != len(want) {
		t.Fatalf("got %d faults, want %d:\n%v", len(got), len(want), err)
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("got  %s\nwant %s…", got[i], want[i])
		}
	}
	var one Fault
	if !errors.As(err, &one) {
		t.Error("errors.As finds no single Fault")
	}
}

func TestUnknownKeysNameTheNearest(t *testing.T) {
	cases := map[string]string{
		"nats_url: x":                          "did you mean nats.url?",
		"key: {write: []}":                     "did you mean keys?",
		"limits: {batch-events: 3}":            "did you mean limits.batch_events?",
		"source: {}":                           "did you mean sources?",
		"sources: {a: {vendor: a, cataog: c}}": "did you mean sources.a.catalog?",
	}
	for text, want := range cases {
		if _, err := fromFile(text); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

func TestMalformedFiles(t *testing.T) {
	cases := map[string]string{
		"- a":                             "the file (line 1 of t.yaml): here belongs a mapping",
		"nats: 3":                         "nats (line 1 of t.yaml): here belongs a mapping",
		"listen: [a]":                     "listen (line 1 of t.yaml): here belongs a single value",
		"keys: {write: " + plainKey + "}": "keys.write (line 1 of t.yaml): here belongs a list of plain values",
		"keys: {write: [[a]]}":            "keys.write (line 1 of t.yaml): here belongs a list of plain values",
		"identity: {non_ids: [~]}":        "identity.non_ids (line 1 of t.yaml): entry 1: it is empty",
		"data_dir: a\ndata_dir: b":        "data_dir (line 2 of t.yaml): the key is there twice",
		"data_dir: a\n---\ndata_dir: b":   "t.yaml (YAML): there is more than one document",
		"sources: {a: {vendor: a, options: {user_id: item?.userId?.b}}}": "such as item?.userId, must be in quotes",
		"sources:\n  a:\n    vendor: a ? b : c":                          "such as an expression with a ? b : c, must be in quotes",
		"sources: {a: {vendor: shop, verify: stripe}}":                   "sources.a.verify (line 1 of t.yaml): verify is an option of some vendors, not a setting of its own; write it below sources.a.options",
		"data_dir: *hunter2":                                             "put such a value in quotes",
		"nats: &n {}\nlimits: *n":                                        "limits (line 2 of t.yaml): here belongs a mapping",
		"limits: {<<: {body: 1MiB}}":                                     "limits (line 1 of t.yaml): a key is not plain text",
		"data_dir: 'a":                                                   "t.yaml (YAML): ",
		"sources: {a: {vendor: a, options: {r: &x 1, s: *x}}}":           "sources.a.options.s (line 1 of t.yaml): references to other values",
		"sources: {a: {vendor: a, options: {r: !!int x}}}":               "sources.a.options.r (line 1 of t.yaml): the value does not fit its YAML tag",
	}
	for text, want := range cases {
		_, err := fromFile(text)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

func TestEmptyFileGivesTheDefaults(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "---\n", "nats:\nlisten: ~\nsources:\n"} {
		cfg, err := fromFile(text)
		cfg.Sources = nil
		if err != nil || !reflect.DeepEqual(cfg, Default()) {
			t.Errorf("%q: got %+v, %v", text, cfg, err)
		}
	}
}

func TestPrecedence(t *testing.T) {
	contents := map[string]string{"t.yaml": "data_dir: file", "e.yaml": "data_dir: other-file"}
	steps := []struct {
		args, environ []string
		want          string
	}{
		{nil, nil, "./tracklayer-data"},
		{nil, []string{"TRACKLAYER_CONFIG=e.yaml"}, "other-file"},
		{[]string{"--config", "t.yaml"}, []string{"TRACKLAYER_CONFIG=e.yaml", "TRACKLAYER_DATA_DIR="}, "file"},
		{[]string{"--config", "t.yaml"}, []string{"TRACKLAYER_DATA_DIR=env"}, "env"},
		{[]string{"--config", "t.yaml", "-data-dir=flag"}, []string{"TRACKLAYER_DATA_DIR=env"}, "flag"},
	}
	for _, step := range steps {
		cfg, _, err := Load(step.args, step.environ, files(contents))
		if err != nil || cfg.DataDir != step.want {
			t.Errorf("%v %v: got %q, %v; want %q", step.args, step.environ, cfg.DataDir, err, step.want)
		}
	}
}

func TestUnreadableFileIsOneFault(t *testing.T) {
	_, _, err := Load([]string{"--config", "gone.yaml"}, []string{"TRACKLAYER_LISTEN=:80"}, files(nil))
	wantFault(t, err, "config", "flag --config", fs.ErrNotExist.Error())
}

func TestServiceLinksAreNoSettings(t *testing.T) {
	links := []string{
		"TRACKLAYER_SERVICE_HOST=10.0.0.1", "TRACKLAYER_SERVICE_PORT=80", "TRACKLAYER_SERVICE_PORT_HTTP=80",
		"TRACKLAYER_PORT=tcp://10.0.0.1:80", "TRACKLAYER_PORT_80_TCP=tcp://10.0.0.1:80", "TRACKLAYER_PORT_80_TCP_ADDR=10.0.0.1",
		"TRACKLAYER_ADMIN_SERVICE_HOST=10.0.0.2",
	}
	if _, err := fromEnv(links...); err != nil {
		t.Error(err)
	}
	if _, err := fromEnv("TRACKLAYER_PORT=80"); err == nil {
		t.Error("a guessed setting passed for a service link")
	}
}

func TestFlagsAmongArguments(t *testing.T) {
	cfg, rest, err := Load([]string{"decode", "--data-dir", "d", "shop", "-log-level=debug", "--", "--listen"}, nil, files(nil))
	if err != nil || !slices.Equal(rest, []string{"decode", "shop", "--listen"}) {
		t.Fatal(rest, err)
	}
	if cfg.DataDir != "d" || cfg.Log.Level != slog.LevelDebug {
		t.Errorf("got %q, %v", cfg.DataDir, cfg.Log.Level)
	}
	if _, _, err := Load([]string{"serve", "--help"}, nil, files(nil)); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("--help: got %v", err)
	}
	if _, _, err := Load([]string{"--listen"}, nil, files(nil)); err == nil || !strings.Contains(err.Error(), "needs an argument") {
		t.Errorf("a flag without its value: got %v", err)
	}
}

func TestFlagsBesideOthers(t *testing.T) {
	set := flag.NewFlagSet("readout", flag.ExitOnError)
	asJSON := set.Bool("json", false, "")
	flags := RegisterFlags(set)
	rest, err := ParseFlags(set, []string{"shop", "--json", "--data-dir", "d"})
	if err != nil || !*asJSON || !slices.Equal(rest, []string{"shop"}) {
		t.Fatal(rest, *asJSON, err)
	}
	if cfg, err := flags.Load(nil, files(nil)); err != nil || cfg.DataDir != "d" {
		t.Error(cfg.DataDir, err)
	}
}

func TestSources(t *testing.T) {
	contents := map[string]string{"t.yaml": `
sources:
  shop-1:
    vendor: examplevendor
    secrets: ["one one one one 1", 2222222222222222333]
    secrets_file: more.txt
    catalog: ./c.json
    forward: ""
    options: {region.name: eu, depth: {n: 3, list: [true, 1.5, x, ~]}}
`, "more.txt": "three three three\n"}
	cfg, _, err := Load([]string{"--config", "t.yaml"}, nil, files(contents))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]Source{"shop-1": {
		Vendor:      must(ParseToken("examplevendor")),
		Secrets:     []Secret{NewSecret("one one one one 1"), NewSecret("2222222222222222333"), NewSecret("three three three")},
		SecretsFile: "more.txt",
		Catalog:     "./c.json",
		Options:     map[string]any{"region.name": "eu", "depth": map[string]any{"n": 3, "list": []any{true, 1.5, "x", nil}}},
	}}
	if !reflect.DeepEqual(cfg.Sources, want) {
		t.Errorf("got %#v", slices.Collect(maps.Values(cfg.Sources)))
	}
	if got := string(cfg.Sources["shop-1"].Secrets[2].Reveal()); got != "three three three" {
		t.Errorf("the third secret is %q", got)
	}
}

func TestExampleFileLoads(t *testing.T) {
	cfg, _, err := Load([]string{"--config", "../docs/tracklayer.example.yaml"}, nil, os.ReadFile)
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Sources) != 2 || len(cfg.Keys.Write) != 1 || cfg.Listen.IsLoopback() {
		t.Errorf("got %+v", cfg)
	}
}
