package config

import (
	"slices"
	"strings"
)

// setting describes one key of T, which is Config or Source: how it is called,
// what it means and where its value lives. The readers, the help text and
// docs/configuration.md all come from these tables, so none of them can lag.
type setting[T any] struct {
	key     string // dotted path in the file
	flag    string // name on the command line; empty where there is none
	doc     string
	example string // as the environment or the file would say it
	remedy  string // what to write instead of a value that cannot be read
	field   func(*T) any
}

const (
	envPrefix  = "TRACKLAYER_"
	configFlag = "config"
	configEnv  = envPrefix + "CONFIG"
	configDoc  = "The YAML file to read. Without it no file is read."
	sourcesKey = "sources"
)

// env returns the environment variable of a key: limits.body becomes
// TRACKLAYER_LIMITS_BODY.
func (s setting[T]) env() string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(s.key, ".", "_"))
}

const (
	hostPortRemedy = "write host:port, for example 127.0.0.1:8080, or 0.0.0.0:8080 for every interface"
	keyRemedy      = "write at least 16 random bytes, or sha256: and the 64 hexadecimal digits of their SHA-256"
	pathRemedy     = "write the path of a file that this program may read"
	keyFileDoc     = " One entry a line; empty lines and lines that begin with # are skipped."
	sizeRemedy     = "write a number with a unit, for example 5MiB"
	tokenRemedy    = "write 1 to 64 characters of a-z, 0-9, _ and -"
	countRemedy    = "write a whole number"
)

var settings = []setting[Config]{
	{
		key: "listen", flag: "listen", example: "0.0.0.0:8080", remedy: hostPortRemedy,
		doc:   "The address of the ingest endpoints, the API and the pages. An address that other machines can reach needs admin keys (or `editing: off`), read keys, and write keys or secrets; without them the program does not start.",
		field: func(c *Config) any { return &c.Listen },
	},
	{
		key: "admin_listen", flag: "admin-listen", example: "127.0.0.1:9081", remedy: hostPortRemedy,
		doc:   "The address of the health checks, the metrics and the profiler. An address that other machines can reach needs admin keys.",
		field: func(c *Config) any { return &c.AdminListen },
	},
	{
		key: "data_dir", flag: "data-dir", example: "/var/lib/tracklayer", remedy: "write the path of a folder that this program may write to",
		doc:   "The folder of the embedded log and of the aggregates.",
		field: func(c *Config) any { return &c.DataDir },
	},
	{
		key: "nats.url", flag: "nats-url", example: "nats://nats-1:4222,nats://nats-2:4222", remedy: "write nats://host:4222, several with commas between, or nothing for the embedded server",
		doc:   "The NATS servers that keep the log. Empty: a server is embedded.",
		field: func(c *Config) any { return &c.NATS.URL },
	},
	{
		key: "nats.prefix", example: "tracklayer-eu", remedy: tokenRemedy,
		doc:   "The first part of every subject and stream name, so that several installations can share one cluster.",
		field: func(c *Config) any { return &c.NATS.Prefix },
	},
	{
		key: "nats.creds_file", example: "/etc/tracklayer/nats.creds", remedy: pathRemedy,
		doc:   "The credentials file for the servers of nats.url.",
		field: func(c *Config) any { return &c.NATS.CredsFile },
	},
	{
		key: "nats.replicas", example: "3", remedy: "write 1, or 3 or 5 with a cluster",
		doc:   "How many servers of nats.url keep each event: 1 to 5.",
		field: func(c *Config) any { return &c.NATS.Replicas },
	},
	{
		key: "keys.write", example: "sha256:ef0a15571d22a5fcc2adc34e4fac3bb8acf4e24d5bcab49d3f4fbb0bd3c92c0b", remedy: keyRemedy,
		doc:   "The keys that may write events, and nothing else: a browser's key is public, so it never edits. Each is the plain key, at least 16 bytes long, or `sha256:` and the hexadecimal SHA-256 of it. In the file an entry may also be an object: `{key: …}` or `{hash: …}`, with `sources` (the names of the sources that it may write to, `api` for POST /v1/events) and `origins` (the web pages that may use it; a request without an Origin header is refused then). Browsers cannot forge their origin, programs can. Only hashes are kept in memory. SIGHUP reads all keys again.",
		field: func(c *Config) any { return &c.Keys.Write },
	},
	{
		key: "keys.write_file", example: "/run/secrets/tracklayer-write", remedy: pathRemedy,
		doc:   "A file with further write keys." + keyFileDoc,
		field: func(c *Config) any { return &c.Keys.WriteFile },
	},
	{
		key: "keys.read", example: "sha256:d1985a0e31edec2aac9a96fa29e42a3b73d1dc32ad0fd04ff1bd4b207c3a5e6e", remedy: keyRemedy,
		doc:   "The keys that may read answers, definitions and pages. Each is the plain key or its hash, as in keys.write.",
		field: func(c *Config) any { return &c.Keys.Read },
	},
	{
		key: "keys.read_file", example: "/run/secrets/tracklayer-read", remedy: pathRemedy,
		doc:   "A file with further read keys." + keyFileDoc,
		field: func(c *Config) any { return &c.Keys.ReadFile },
	},
	{
		key: "keys.admin", example: "sha256:7ab0f3b0a0f9d20e5c1d3c9ab9b2a25b16c6e1d77f9a5bb3dd4b8eac33c3d0b2", remedy: keyRemedy,
		doc:   "The keys of the admin listener, and of everything that changes something over the API and the pages: definitions, decisions, filters, erasure, replay of dead letters. They open reading as well. Same form as keys.read.",
		field: func(c *Config) any { return &c.Keys.Admin },
	},
	{
		key: "keys.admin_file", example: "/run/secrets/tracklayer-admin", remedy: pathRemedy,
		doc:   "A file with further admin keys." + keyFileDoc,
		field: func(c *Config) any { return &c.Keys.AdminFile },
	},
	{
		key: "editing", example: "off", remedy: "write on or off",
		doc:   "Whether definitions, decisions and filters can be changed and units erased. off: only events are taken, and keys.admin is not required to listen beyond loopback.",
		field: func(c *Config) any { return &c.Editing },
	},
	{
		key: "hosts", example: "tracklayer.internal,shop.test", remedy: "write host names or addresses, without a port",
		doc:   "Further names by which this program may be called while it needs no keys. Without keys, only requests whose Host header is localhost, a loopback address, the host of the listener or one of these are answered: a web page can make its own name point to this machine.",
		field: func(c *Config) any { return &c.Hosts },
	},
	{
		key: "tls.cert", example: "/etc/tracklayer/tls.crt", remedy: pathRemedy,
		doc:   "The PEM file of the certificate, with those of its issuers after it. With tls.key both listeners speak TLS 1.2 or later, and nothing else. The files are read again when they change, and on SIGHUP; connections stay.",
		field: func(c *Config) any { return &c.TLS.Cert },
	},
	{
		key: "tls.key", example: "/etc/tracklayer/tls.key", remedy: pathRemedy,
		doc:   "The PEM file of the certificate's private key.",
		field: func(c *Config) any { return &c.TLS.Key },
	},
	{
		key: "declared_only", example: "true", remedy: "write true or false",
		doc:   "Whether events of experiments that are not declared are ignored, on POST /v1/events and on every source. They are counted with the reason `undeclared_experiment`. Conversions that name no experiment count.",
		field: func(c *Config) any { return &c.DeclaredOnly },
	},
	{
		key: "limits.body", example: "8MiB", remedy: sizeRemedy,
		doc:   "The largest request body, after decompression. A larger one is answered with 413.",
		field: func(c *Config) any { return &c.Limits.Body },
	},
	{
		key: "limits.event", example: "256KiB", remedy: sizeRemedy,
		doc:   "The largest single event within a body.",
		field: func(c *Config) any { return &c.Limits.Event },
	},
	{
		key: "limits.batch_events", example: "5000", remedy: countRemedy,
		doc:   "The most events, or items of a vendor's request, that one request may carry, at every ingest endpoint. A request with more is answered with 413 before it is decoded.",
		field: func(c *Config) any { return &c.Limits.BatchEvents },
	},
	{
		key: "limits.experiments", example: "50000", remedy: countRemedy,
		doc:   "How many experiments that are not declared the events of one source may name. An event that names one more is not stored: it is ignored, and counted with the reason `too_many_experiments`. Declared experiments, and those that the source has named before, are always taken. A gateway alone does not know what is declared: it counts every name, from its start on.",
		field: func(c *Config) any { return &c.Limits.Experiments },
	},
	{
		key: "limits.variants", example: "5000", remedy: countRemedy,
		doc:   "How many variants that are not declared the exposures of one source may name for one experiment; for all experiments together, this and four times limits.experiments. An exposure to one more is ignored, and counted with the reason `too_many_variants`. Declared variants and their aliases are always taken.",
		field: func(c *Config) any { return &c.Limits.Variants },
	},
	{
		key: "limits.conversion_names", example: "50000", remedy: countRemedy,
		doc:   "How many different conversion events that no metric of a declared experiment reads one source may send. One more is ignored, and counted with the reason `too_many_conversion_names`. Events that a declared metric reads are always taken.",
		field: func(c *Config) any { return &c.Limits.Conversions },
	},
	{
		key: "limits.disk_reserve", example: "1GiB", remedy: sizeRemedy,
		doc:   "How much of the disk of data_dir stays free. With less than that events are refused with 503 until there is space again, so that neither the log nor the state meets a full disk. 0 means 2 % of the disk, at least 64 MiB and at most 256 MiB. With nats.url it has no effect.",
		field: func(c *Config) any { return &c.Limits.DiskReserve },
	},
	{
		key: "limits.memory", example: "2GiB", remedy: sizeRemedy,
		doc:   "The memory that the program stays within, at least 128MiB. The garbage collector works harder the closer it comes, and a third of it is for requests that are being handled: if they need more, further ones wait for up to two seconds and are then answered with 503 and Retry-After. The peak of the process may be above it; plan for 150 MiB more. In a container with a memory limit the default is three quarters of that limit; 512 MiB or more is advised. 0 means no limit, also on requests. The environment variable GOMEMLIMIT goes before it for the garbage collector.",
		field: func(c *Config) any { return &c.Limits.Memory },
	},
	{
		key: "limits.rate", example: "5000", remedy: countRemedy,
		doc:   "The events a second that one client address may send, with five seconds' worth at once; a body counts at least one event a KiB. More is answered with 429, or with the status after which a vendor's SDK tries again, and Retry-After. Of IPv6 the first 64 bits are one address. 0 means no limit.",
		field: func(c *Config) any { return &c.Limits.Rate },
	},
	{
		key: "limits.rate_shared", example: "50000", remedy: countRemedy,
		doc:   "The events a second that all senders with the same write key, and all senders to the same source, may send together. A browser's write key is public, so with this limit one stranger can use up what all visitors share; 0, the default, means no limit.",
		field: func(c *Config) any { return &c.Limits.RateShared },
	},
	{
		key: "limits.rate_exempt", example: "127.0.0.0/8,10.0.0.0/8", remedy: "write ranges of addresses, for example 10.0.0.0/8",
		doc:   "The addresses that limits.rate does not hold for, such as your own backends.",
		field: func(c *Config) any { return &c.Limits.RateExempt },
	},
	{
		key: "limits.address_header", example: "X-Forwarded-For", remedy: "write the name of the header in which your proxy adds the client's address",
		doc:   "The header in which a reverse proxy adds the address of its client. It is believed from limits.address_from only. Without it the address is that of the connection, so behind a proxy all clients count as one.",
		field: func(c *Config) any { return &c.Limits.AddressHeader },
	},
	{
		key: "limits.address_from", example: "10.0.0.0/8,127.0.0.1", remedy: "write ranges of addresses, for example 10.0.0.0/8",
		doc:   "The addresses of the proxies that limits.address_header is believed from.",
		field: func(c *Config) any { return &c.Limits.AddressFrom },
	},
	{
		key: "limits.connections", example: "2000", remedy: countRemedy,
		doc:   "The connections that may be open at once on the main listener; the admin listener has 32. Past it the connection that has been idle longest is closed, and if none is idle, the new one. 0, the default: three quarters of the files that the process may open (ulimit -n) and the program does not need itself, at most one for each 128 KiB of limits.memory, and at most 8192.",
		field: func(c *Config) any { return &c.Limits.Connections },
	},
	{
		key: "limits.lag", example: "5m", remedy: "write a number with a unit, for example 60s",
		doc:   "How late counting may be: the age of the oldest record of the log that is not counted yet. Beyond it `/readyz` and the pages say so. `/readyz` keeps its status 200, because events can be taken.",
		field: func(c *Config) any { return &c.Limits.Lag },
	},
	{
		key: "history.every", example: "5000000", remedy: countRemedy,
		doc:   "After how many records of the log the state is kept once more as it is then, so that a readout of the past (`at_seq`) begins there and not at the log's first record.",
		field: func(c *Config) any { return &c.History.Every },
	},
	{
		key: "history.interval", example: "168h", remedy: "write a number with a unit, for example 24h",
		doc:   "After what time the state is kept once more if anything changed, however few the records are.",
		field: func(c *Config) any { return &c.History.Interval },
	},
	{
		key: "history.keep", example: "12", remedy: countRemedy,
		doc:   "How many such states stay, 0 to 100; their distance grows with their age. Each shares its files with the state until that has rewritten them, so in the end each takes as much of the disk as the state did then. 0: none, and readouts of the past are made from the log's first record.",
		field: func(c *Config) any { return &c.History.Keep },
	},
	{
		key: "shutdown_timeout", example: "45s", remedy: "write a number with a unit, for example 20s",
		doc:   "How long a stop may take in all: requests under way get 40 % of it to finish, then what is on the log is counted and the files are closed. What does not end in time is left; nothing acknowledged is lost. A second signal ends the program at once.",
		field: func(c *Config) any { return &c.ShutdownTimeout },
	},
	{
		key: "log.level", flag: "log-level", example: "debug", remedy: "write debug, info, warn or error",
		doc:   "The least urgent level that is logged: debug, info, warn or error.",
		field: func(c *Config) any { return &c.Log.Level },
	},
	{
		key: "log.format", example: "json", remedy: "write text or json",
		doc:   "The form of the log lines: text or json.",
		field: func(c *Config) any { return &c.Log.Format },
	},
	{
		key: "identity.non_ids", example: "guest,test-user", remedy: "write a list of ids, none of them empty",
		doc:   "User ids that stand for no user, in addition to the well-known ones such as null and undefined. An event with one of them is rejected, because it would merge strangers into one person.",
		field: func(c *Config) any { return &c.Identity.NonIDs },
	},
	{
		key: "cors.origins", example: "https://shop.example,https://www.shop.example", remedy: `write "*" or scheme and host, for example https://shop.example`,
		doc:   "The web pages, by origin, whose browsers are told that they may send events and read the answer. `*` tells all of them. It is no access control: a browser sends a request that needs no preflight (a form, text/plain) from any page, and it is taken. Use keys or secrets to keep senders out.",
		field: func(c *Config) any { return &c.CORS.Origins },
	},
	{
		key: "pages.proxy_header", example: "X-Forwarded-User", remedy: "write the name of the header in which your proxy says who the user is",
		doc:   "The header in which a reverse proxy says who its user is, so that no user needs a key for the pages. It is believed from pages.proxy_from only; the proxy must set it itself and take it out of what comes from outside.",
		field: func(c *Config) any { return &c.Pages.ProxyHeader },
	},
	{
		key: "pages.proxy_from", example: "10.0.0.0/8,127.0.0.1", remedy: "write ranges of addresses, for example 10.0.0.0/8",
		doc:   "The addresses from which pages.proxy_header is believed.",
		field: func(c *Config) any { return &c.Pages.ProxyFrom },
	},
	{
		key: "pages.proxy_editors", example: "ada@example.com,grace@example.com", remedy: "write a list of users, none of them empty",
		doc:   "The proxy's users who may change things on the pages. None: all of them.",
		field: func(c *Config) any { return &c.Pages.ProxyEditors },
	},
}

// sourceSettings are the keys below sources.NAME. They are set in the file only.
var sourceSettings = []setting[Source]{
	{
		key: "vendor", example: "examplevendor", remedy: tokenRemedy,
		doc:   "Whose requests arrive here: the name of one of the adapters.",
		field: func(s *Source) any { return &s.Vendor },
	},
	{
		key: "secrets", example: `["a-secret-of-16-bytes-or-more", {client: sdk-publishedclientkey}]`, remedy: "write a list of secrets of at least 8 bytes each (16 if other machines reach listen), or of {signing: …} and {client: …}",
		doc:   "The secrets or tokens that prove a request to be the vendor's. Any of them is good, so that a secret can be changed without a gap. An entry is plain text, `{signing: …}` or `{client: …}`. A client key is one that browsers and apps publish: it lets events in, but what such a request reports about an experiment as a whole is kept as a note and changes nothing, and a catalog that it brings is ignored. Plain text is a client key if it has the form of those that the vendor's clients publish, which its page shows, else a signing secret.",
		field: func(s *Source) any { return &s.Secrets },
	},
	{
		key: "secrets_file", example: "/run/secrets/examplevendor", remedy: pathRemedy,
		doc:   "A file with further secrets." + keyFileDoc,
		field: func(s *Source) any { return &s.SecretsFile },
	},
	{
		key: "catalog", example: "./datafile.json", remedy: pathRemedy,
		doc:   "The vendor's own list of experiments, for vendors whose requests carry numbers instead of names.",
		field: func(s *Source) any { return &s.Catalog },
	},
	{
		key: "forward", example: `""`, remedy: "leave it empty",
		doc:   "Where to pass requests on. Forwarding is not available in this version, so anything but an empty value is refused.",
		field: func(s *Source) any { return &s.Forward },
	},
	{
		key: "declared_only", example: "true", remedy: "write true or false",
		doc:   "Whether events of experiments that are not declared are ignored here. They are counted with the reason `undeclared_experiment`. Conversions that name no experiment count.",
		field: func(s *Source) any { return &s.DeclaredOnly },
	},
	{
		key: "options", example: "{region: eu}", remedy: "write a mapping of names to values",
		doc:   "What only this vendor's adapter understands; its page says what that is.",
		field: func(s *Source) any { return &s.Options },
	},
}

// find returns the setting with that key.
func find[T any](table []setting[T], key string) (setting[T], bool) {
	for _, s := range table {
		if s.key == key {
			return s, true
		}
	}
	return setting[T]{}, false
}

// keysOf returns every key of a table, each behind prefix.
func keysOf[T any](table []setting[T], prefix string) []string {
	keys := make([]string, len(table))
	for i, s := range table {
		keys[i] = prefix + s.key
	}
	return keys
}

// sections returns the keys that have settings below them.
func sections() []string {
	var names []string
	for _, s := range settings {
		if name, _, below := strings.Cut(s.key, "."); below && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return append(names, sourcesKey)
}
