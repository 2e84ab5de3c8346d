package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Validate reports everything that is wrong between the settings, as [Faults].
// Load has called it already; call it after changing a Config by hand.
func (c Config) Validate() error {
	return c.check(nil, nil).asError()
}

// rules gathers the faults that only the finished configuration shows. from
// says where a key was set; a rule is skipped when one of its keys is bad
// already, because its message would only mislead.
type rules struct {
	Config
	from   map[string]string
	bad    map[string]bool
	faults Faults
}

func (c Config) check(from map[string]string, bad map[string]bool) Faults {
	r := rules{Config: c, from: from, bad: bad}
	r.addresses()
	r.endpoints()
	r.secrets()
	r.log()
	r.limits()
	r.tls()
	r.sources()
	r.pages()
	return r.faults
}

// refuse adds a fault unless it holds or one of the keys is bad already. The
// first key is the one to name.
func (r *rules) refuse(broken bool, wrong, remedy string, keys ...string) {
	if broken && !slices.ContainsFunc(keys, r.isBad) {
		r.faults = append(r.faults, Fault{Key: keys[0], From: r.origin(keys[0]), Wrong: wrong, Remedy: remedy})
	}
}

// isBad reports whether key, something above it or something below it is bad.
func (r *rules) isBad(key string) bool {
	for bad := range r.bad {
		if bad == key || strings.HasPrefix(bad, key+".") || strings.HasPrefix(key, bad+".") {
			return true
		}
	}
	return false
}

// origin says where a key was set, or else the nearest one above it.
func (r *rules) origin(key string) string {
	if r.from == nil {
		return "as given"
	}
	for above := key; above != ""; above = above[:max(0, strings.LastIndexByte(above, '.'))] {
		if from, said := r.from[above]; said {
			return from
		}
	}
	return "default"
}

func (r *rules) addresses() {
	r.refuse(!r.Listen.set, "there is no address", hostPortRemedy, "listen")
	r.refuse(!r.AdminListen.set, "there is no address", hostPortRemedy, "admin_listen")
	r.refuse(r.AdminListen == r.Listen && r.Listen.port != 0,
		fmt.Sprintf("%s is the address of listen as well", r.AdminListen),
		"give one of the two another port", "admin_listen", "listen")
	r.refuse(r.DataDir == "", "it is empty", "write the path of a folder that this program may write to", "data_dir")
	r.refuse(r.ShutdownTimeout <= 0, "it leaves requests no time to finish", "write a time span above zero, for example 20s", "shutdown_timeout")
}

// endpoints refuses to open to other machines what nothing protects.
func (r *rules) endpoints() {
	wide := !r.Listen.IsLoopback()
	r.refuse(wide && len(r.Keys.Write) == 0 && !r.everySourceHasSecrets(),
		fmt.Sprintf("%s can be reached from other machines and anyone could write events", r.Listen),
		"set keys.write or keys.write_file (or secrets for every source), or listen on 127.0.0.1",
		"listen", "keys.write", "keys.write_file", sourcesKey)
	r.refuse(wide && len(r.Keys.Read) == 0,
		fmt.Sprintf("%s can be reached from other machines and anyone could read the results", r.Listen),
		"set keys.read or keys.read_file, or listen on 127.0.0.1",
		"listen", "keys.read", "keys.read_file")
	r.refuse(wide && len(r.Keys.Admin) == 0 && r.Editing == On,
		fmt.Sprintf("%s can be reached from other machines and no key may change experiments or erase units: a write key is public and never does", r.Listen),
		"set keys.admin or keys.admin_file, or editing: off, or listen on 127.0.0.1",
		"listen", "keys.admin", "keys.admin_file", "editing")
	r.refuse(!r.AdminListen.IsLoopback() && len(r.Keys.Admin) == 0,
		fmt.Sprintf("%s can be reached from other machines and anyone could use the profiler", r.AdminListen),
		"set keys.admin or keys.admin_file, or listen on 127.0.0.1",
		"admin_listen", "keys.admin", "keys.admin_file")
}

// secrets refuses what other machines could guess.
func (r *rules) secrets() {
	for _, name := range slices.Sorted(maps.Keys(r.Sources)) {
		short := slices.ContainsFunc(r.Sources[name].Secrets, Secret.Short)
		r.refuse(!r.Listen.IsLoopback() && short,
			fmt.Sprintf("a secret has fewer than %d bytes, and %s can be reached from other machines, which could guess it", shortestKey, r.Listen),
			fmt.Sprintf("write secrets of at least %d bytes, or listen on 127.0.0.1", shortestKey),
			sourcesKey+"."+name+".secrets", "listen")
	}
}

// everySourceHasSecrets is false without sources, because then every vendor
// gets one that has none.
func (r *rules) everySourceHasSecrets() bool {
	for _, source := range r.Sources {
		if len(source.Secrets) == 0 {
			return false
		}
	}
	return len(r.Sources) > 0
}

func (r *rules) log() {
	embedded := r.NATS.URL.IsZero()
	r.refuse(r.NATS.Prefix.text == "", "it is empty", tokenRemedy, "nats.prefix")
	r.refuse(r.NATS.Replicas < 1 || r.NATS.Replicas > 5,
		fmt.Sprintf("%d copies are not possible", r.NATS.Replicas), "write 1, or 3 or 5 with a cluster", "nats.replicas")
	r.refuse(embedded && r.NATS.Replicas > 1 && r.NATS.Replicas <= 5,
		"the embedded server is alone and cannot keep more than one copy", "set nats.url to a cluster, or write 1", "nats.replicas", "nats.url")
	r.refuse(embedded && r.NATS.CredsFile != "",
		"the embedded server needs no credentials", "set nats.url as well, or leave this out", "nats.creds_file", "nats.url")
}

// tls refuses half a certificate.
func (r *rules) tls() {
	r.refuse(r.TLS.Cert != "" && r.TLS.Key == "", "its private key is missing", "set tls.key as well", "tls.cert", "tls.key")
	r.refuse(r.TLS.Key != "" && r.TLS.Cert == "", "its certificate is missing", "set tls.cert as well", "tls.key", "tls.cert")
	r.refuse(r.Editing != On && r.Editing != Off, "it is neither on nor off", "write on or off", "editing")
}

func (r *rules) limits() {
	r.refuse(r.Limits.Body <= 0, "it lets no request in", "write a size above zero, for example 5MiB", "limits.body")
	r.refuse(r.Limits.Event <= 0, "it lets no event in", "write a size above zero, for example 1MiB", "limits.event")
	r.refuse(r.Limits.Event > r.Limits.Body && r.Limits.Body > 0,
		fmt.Sprintf("%s is more than limits.body, which is %s", r.Limits.Event, r.Limits.Body),
		"make limits.body at least as large", "limits.event", "limits.body")
	r.refuse(r.Limits.BatchEvents <= 0, "it lets no event in", "write a number above zero, for example 10000", "limits.batch_events")
	r.refuse(r.Limits.Experiments <= 0, "it lets no undeclared experiment in", "write a number above zero, for example 10000; declared_only: true takes declared experiments only", "limits.experiments")
	r.refuse(r.Limits.Variants <= 0, "it lets no variant of an undeclared experiment in", "write a number above zero, for example 1000", "limits.variants")
	r.refuse(r.Limits.Conversions <= 0, "it lets no conversion in that no metric reads yet", "write a number above zero, for example 10000", "limits.conversion_names")
	r.refuse(r.Limits.Memory != 0 && r.Limits.Memory < minMemory, "the program would collect garbage all the time", "write at least 128MiB, or 0 for no limit", "limits.memory")
	r.refuse(r.Limits.Rate < 0, "a rate cannot be negative", "write a number above zero, for example 20000, or 0 for no limit", "limits.rate")
	r.refuse(r.Limits.RateShared < 0, "a rate cannot be negative", "write a number above zero, for example 100000, or 0 for no limit", "limits.rate_shared")
	r.refuse(r.Limits.Connections < 0, "there cannot be fewer than none", "write a number above zero, for example 2000, or 0 to derive it from the open files", "limits.connections")
	r.refuse(r.Limits.Lag <= 0, "counting would always be late", "write a time span above zero, for example 60s", "limits.lag")
	header, from := r.Limits.AddressHeader.text != "", len(r.Limits.AddressFrom) > 0
	r.refuse(header && !from, "it would be believed from nowhere", "set limits.address_from to your proxy's addresses", "limits.address_header", "limits.address_from")
	r.refuse(from && !header, "there is no header to believe", "set limits.address_header, or leave this out", "limits.address_from", "limits.address_header")
	r.refuse(r.History.Every <= 0, "it keeps a state after no record at all", "write a number above zero, for example 1000000; history.keep: 0 keeps none", "history.every")
	r.refuse(r.History.Interval <= 0, "it keeps a state all the time", "write a time span above zero, for example 24h; history.keep: 0 keeps none", "history.interval")
	r.refuse(r.History.Keep < 0 || r.History.Keep > 100, "so many states cannot be kept", "write a number from 0 to 100", "history.keep")
}

func (r *rules) sources() {
	for _, name := range slices.Sorted(maps.Keys(r.Sources)) {
		source := r.Sources[name]
		prefix := join(sourcesKey, name)
		r.refuse(!tokenForm.MatchString(name), "this is no name for a source, because it becomes part of a URL", tokenRemedy, prefix)
		r.refuse(source.Vendor.text == "", "the source has no vendor", "write vendor: and the name of an adapter below it", prefix+".vendor")
		r.refuse(source.Forward != "", "forwarding is not available in this version", "remove the key or leave it empty, and let the vendor's SDK send to both places", prefix+".forward")
	}
}

// pages refuses half a trust: a header that is believed from no address, or addresses that are believed on nothing.
func (r *rules) pages() {
	header, from := r.Pages.ProxyHeader.text != "", len(r.Pages.ProxyFrom) > 0
	r.refuse(header && !from, "it would be believed from nowhere", "set pages.proxy_from to your proxy's addresses", "pages.proxy_header", "pages.proxy_from")
	r.refuse(from && !header, "there is no header to believe", "set pages.proxy_header, or leave this out", "pages.proxy_from", "pages.proxy_header")
	r.refuse(len(r.Pages.ProxyEditors) > 0 && !header, "there is no header that names them", "set pages.proxy_header, or leave this out", "pages.proxy_editors", "pages.proxy_header")
}
