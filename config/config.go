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
	Write     []Key
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
	Options     map[string]any
}

// Limits bound what requests may cost.
type Limits struct {
	Body          Size
	Event         Size
	BatchEvents   int
	Memory        Size // of the whole process; 0: no limit
	Rate          int  // events a second of one client address; 0: no limit
	RateShared    int  // events a second of one write key and of one source; 0: no limit
	RateExempt    []Network
	AddressHeader HeaderName
	AddressFrom   []Network
	DiskReserve   Size // of the disk of DataDir that stay free; 0: 2 % of it, at least 64 MiB and at most 256 MiB
	Connections   int  // at once on one listener; 0: as many as the open files allow
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
		NATS:            NATS{Prefix: Token{text: "tracklayer"}, Replicas: 1},
		Limits:          Limits{Body: 5 * MiB, Event: 1 * MiB, BatchEvents: 20_000, Memory: 320 * MiB, Rate: 20_000, RateExempt: []Network{network("127.0.0.0/8"), network("::1")}},
		History:         History{Every: 1_000_000, Interval: 24 * time.Hour, Keep: 6},
		ShutdownTimeout: 10 * time.Second,
		Log:             Log{Level: slog.LevelInfo, Format: LogText},
		CORS:            CORS{Origins: []Origin{{text: "*"}}},
	}
}

// WritesOpen reports whether events may be written without a key: only where
// no write key is set and nobody but this machine can connect.
func (c Config) WritesOpen() bool { return len(c.Keys.Write) == 0 && c.Listen.IsLoopback() }

// ReadsOpen reports whether answers may be read without a key.
func (c Config) ReadsOpen() bool { return len(c.Keys.Read) == 0 && c.Listen.IsLoopback() }

// AdminOpen reports whether the admin listener answers without a key.
func (c Config) AdminOpen() bool { return len(c.Keys.Admin) == 0 && c.AdminListen.IsLoopback() }
