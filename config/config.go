package config

import (
	"log/slog"
	"time"
)

// Config holds every setting of the program. The table in settings.go gives
// each field its key, its documentation and its example.
type Config struct {
	Listen          HostPort
	AdminListen     HostPort
	DataDir         string
	NATS            NATS
	Keys            Keys
	Editing         Switch // off: nothing but events is taken
	Hosts           []HostName
	TLS             TLS
	DeclaredOnly    bool // of POST /v1/events and of every source
	Sources         map[string]Source
	Limits          Limits
	History         History
	ShutdownTimeout time.Duration
	Log             Log
	Identity        Identity
	CORS            CORS
	Pages           Pages
}

// NATS says where the log is. An empty URL means the embedded server.
type NATS struct {
	URL       ServerURL
	Prefix    Token
	CredsFile string
	Replicas  int
}

// Keys are the keys that callers present, by what they open. The lists hold
// the entries of the files as well once a configuration is loaded.
type Keys struct {
	Write     []WriteKey
	WriteFile string
	Read      []Key
	ReadFile  string
	Admin     []Key
	AdminFile string
}

// Source is one configured connection to a vendor. Secrets holds the entries
// of SecretsFile as well once a configuration is loaded.
type Source struct {
	Vendor      Token
	Secrets     []Secret
	SecretsFile string
	Catalog     string
	Forward     string
	// DeclaredOnly ignores events of experiments that are not declared.
	DeclaredOnly bool
	Options      map[string]any
}

// TLS names the certificate of both listeners. Empty: they speak plain HTTP.
type TLS struct {
	Cert string // a PEM file, the server's certificate first
	Key  string // the PEM file of its private key
}

// Set reports whether the listeners speak TLS.
func (t TLS) Set() bool { return t.Cert != "" }

// Limits bound what requests may cost.
type Limits struct {
	Body          Size
	Event         Size
	BatchEvents   int
	Experiments   int  // that one source may name and that are not declared
	Variants      int  // of one experiment and source, that are not declared
	Conversions   int  // names of conversion events of one source that no declared metric reads
	Memory        Size // of the whole process; 0: no limit
	Rate          int  // events a second of one client address; 0: no limit
	RateShared    int  // events a second of one write key and of one source; 0: no limit
	RateExempt    []Network
	AddressHeader HeaderName
	AddressFrom   []Network
	DiskReserve   Size          // of the disk of DataDir that stay free; 0: 2 % of it, at least 64 MiB and at most 256 MiB
	Connections   int           // at once on one listener; 0: as many as the open files allow
	Lag           time.Duration // of the counting, beyond which readiness and the pages say so
}

// History says how often, and how many times, the state is kept as it was, so
// that a readout of the past need not begin at the log's first record.
type History struct {
	Every    int           // records of the log
	Interval time.Duration // where anything changed
	Keep     int           // 0: none
}

// Log says how much is logged and in which form.
type Log struct {
	Level  slog.Level
	Format LogFormat
}

// Identity tunes which ids may stand for a person.
type Identity struct {
	NonIDs []string
}

// CORS says which web pages may post events from a browser.
type CORS struct {
	Origins []Origin
}

// Pages says who a reverse proxy may sign in to the pages.
type Pages struct {
	ProxyHeader  HeaderName
	ProxyFrom    []Network
	ProxyEditors []string
}

// Default returns the settings of a program that was told nothing. It is the
// only place where defaults are written.
func Default() Config {
	return Config{
		Listen:          HostPort{host: "127.0.0.1", port: 8080, set: true},
		AdminListen:     HostPort{host: "127.0.0.1", port: 8081, set: true},
		DataDir:         "./tracklayer-data",
		Editing:         On,
		NATS:            NATS{Prefix: Token{text: "tracklayer"}, Replicas: 1},
		Limits:          Limits{Body: 5 * MiB, Event: 1 * MiB, BatchEvents: 20_000, Experiments: 10_000, Variants: 1_000, Conversions: 10_000, Memory: 320 * MiB, Rate: 20_000, Lag: time.Minute, RateExempt: []Network{network("127.0.0.0/8"), network("::1")}},
		History:         History{Every: 1_000_000, Interval: 24 * time.Hour, Keep: 6},
		ShutdownTimeout: 10 * time.Second,
		Log:             Log{Level: slog.LevelInfo, Format: LogText},
		CORS:            CORS{Origins: []Origin{{text: "*"}}},
	}
}

// WritesOpen reports whether events may be written without a key: only if no
// write key is set and only this machine can connect.
func (c Config) WritesOpen() bool { return len(c.Keys.Write) == 0 && c.Listen.IsLoopback() }

// ReadsOpen reports whether answers may be read without a key.
func (c Config) ReadsOpen() bool { return len(c.Keys.Read) == 0 && c.Listen.IsLoopback() }

// EditsOpen reports whether definitions may be changed and units erased without
// a key: only if no key of any kind is set, so that a key that was given to a
// browser never shares the rights of an open installation.
func (c Config) EditsOpen() bool {
	return c.Editing == On && !c.Keys.any() && c.Listen.IsLoopback()
}

// EditingOff says why definitions cannot be changed by any caller, and what to
// set; "" if an admin key, or on an open installation any caller, may.
func (c Config) EditingOff() string {
	switch {
	case c.Editing != On:
		return "Editing is off here. Set editing: on, and keys.admin."
	case len(c.Keys.Admin) == 0 && !c.EditsOpen():
		return "No key may edit here: set keys.admin, restart, and send one of those keys."
	}
	return ""
}

func (k Keys) any() bool { return len(k.Write)+len(k.Read)+len(k.Admin) > 0 }

// Reopened reports whether other settings of the keys open or close something
// that needs no key now, which a running program does not do.
func (c Config) Reopened(keys Keys) bool {
	next := c
	next.Keys = keys
	return c.WritesOpen() != next.WritesOpen() || c.ReadsOpen() != next.ReadsOpen() || c.EditsOpen() != next.EditsOpen() ||
		c.AdminOpen() != next.AdminOpen() || c.EditingOff() != next.EditingOff()
}

// AdminOpen reports whether the admin listener answers without a key.
func (c Config) AdminOpen() bool { return len(c.Keys.Admin) == 0 && c.AdminListen.IsLoopback() }
