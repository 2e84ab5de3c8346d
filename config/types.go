package config

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// HostPort is an address to listen on. Its zero value is no address.
type HostPort struct {
	host string
	port uint16
	set  bool
}

// ParseHostPort reads "host:port". An empty host means every interface, port 0
// means any free port.
func ParseHostPort(text string) (HostPort, error) {
	var h HostPort
	err := h.UnmarshalText([]byte(text))
	return h, err
}

// UnmarshalText reads "host:port".
func (h *HostPort) UnmarshalText(text []byte) error {
	host, portText, err := net.SplitHostPort(string(text))
	if err != nil {
		return fmt.Errorf("%q is not host:port", text)
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return fmt.Errorf("%q has no port between 0 and 65535", text)
	}
	if strings.ContainsAny(host, " \t\r\n/@") {
		return fmt.Errorf("%q is not a host name or an address", host)
	}
	*h = HostPort{host: host, port: uint16(port), set: true}
	return nil
}

// String returns the address in the form that net.Listen takes.
func (h HostPort) String() string {
	if !h.set {
		return ""
	}
	return net.JoinHostPort(h.host, strconv.Itoa(int(h.port)))
}

// MarshalText returns the form that UnmarshalText reads.
func (h HostPort) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// Host returns the host of the address, "" for every interface.
func (h HostPort) Host() string { return h.host }

// IsLoopback reports whether only this machine can connect. A name other than
// localhost counts as reachable, because its address may change.
func (h HostPort) IsLoopback() bool {
	if strings.EqualFold(h.host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(h.host)
	return err == nil && addr.Unmap().IsLoopback()
}

// Size is a number of bytes, written with a unit: 5MiB.
type Size int64

// The units of Size that programs write.
const (
	KiB Size = 1 << (10 * (iota + 1))
	MiB
	GiB
)

var sizeForm = regexp.MustCompile(`^([0-9]{1,18}) ?(|B|kB|KB|MB|GB|KiB|MiB|GiB)$`)

var sizeUnits = map[string]int64{
	"": 1, "B": 1, "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9,
	"KiB": int64(KiB), "MiB": int64(MiB), "GiB": int64(GiB),
}

// UnmarshalText reads "5MiB", "500kB" or a plain number of bytes.
func (s *Size) UnmarshalText(text []byte) error {
	parts := sizeForm.FindSubmatch(text)
	if parts == nil {
		return fmt.Errorf("%q is not a size", text)
	}
	number, err := strconv.ParseInt(string(parts[1]), 10, 64)
	unit := sizeUnits[string(parts[2])]
	if err != nil || number > math.MaxInt64/unit {
		return fmt.Errorf("%q is too large", text)
	}
	*s = Size(number * unit)
	return nil
}

// String returns the shortest exact form with a binary unit.
func (s Size) String() string {
	for _, unit := range []struct {
		size Size
		name string
	}{{GiB, "GiB"}, {MiB, "MiB"}, {KiB, "KiB"}} {
		if s != 0 && s%unit.size == 0 {
			return strconv.FormatInt(int64(s/unit.size), 10) + unit.name
		}
	}
	return strconv.FormatInt(int64(s), 10) + "B"
}

// MarshalText returns the form that UnmarshalText reads.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// ServerURL is one or more comma-separated NATS addresses. It may carry a
// password, so it prints without one; Reveal gives the form to dial.
type ServerURL struct{ text string }

// UnmarshalText reads "nats://host:4222", also several with commas between.
func (u *ServerURL) UnmarshalText(text []byte) error {
	var kept []string
	for _, part := range splitList(string(text)) {
		parsed, err := url.Parse(part)
		if err != nil || parsed.Hostname() == "" {
			return errors.New("it is not a URL with a host") // the text may hold a password
		}
		switch parsed.Scheme {
		case "nats", "tls", "ws", "wss":
		default:
			return fmt.Errorf("the scheme %q is not nats, tls, ws or wss", parsed.Scheme)
		}
		kept = append(kept, part)
	}
	u.text = strings.Join(kept, ",")
	return nil
}

// ParseServerURL reads "nats://host:4222", also several with commas between.
func ParseServerURL(text string) (ServerURL, error) {
	var u ServerURL
	err := u.UnmarshalText([]byte(text))
	return u, err
}

// IsZero reports whether no address is set, which means the embedded server.
func (u ServerURL) IsZero() bool { return u.text == "" }

// Reveal returns the addresses as written, passwords included.
func (u ServerURL) Reveal() string { return u.text }

// String returns the addresses without user and password.
func (u ServerURL) String() string {
	parts := splitList(u.text)
	for i, part := range parts {
		parsed, err := url.Parse(part)
		if err != nil {
			return redacted
		}
		if parsed.User != nil {
			parsed.User = url.User("redacted")
		}
		parts[i] = parsed.String()
	}
	return strings.Join(parts, ",")
}

// Format keeps every verb of package fmt from printing a password.
func (u ServerURL) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(u.String())) }

// MarshalText returns the printable form, without passwords.
func (u ServerURL) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// Token is a short name that is safe in a URL path, a subject and a label.
type Token struct{ text string }

var tokenForm = regexp.MustCompile(`^[a-z0-9_-]{1,64}$`)

// ParseToken reads 1 to 64 of a-z, 0-9, underscore and hyphen.
func ParseToken(text string) (Token, error) {
	var t Token
	err := t.UnmarshalText([]byte(text))
	return t, err
}

// UnmarshalText reads 1 to 64 of a-z, 0-9, underscore and hyphen.
func (t *Token) UnmarshalText(text []byte) error {
	if !tokenForm.Match(text) {
		return fmt.Errorf("%q is not 1 to 64 characters of a-z, 0-9, _ and -", text)
	}
	t.text = string(text)
	return nil
}

// String returns the name.
func (t Token) String() string { return t.text }

// MarshalText returns the form that UnmarshalText reads.
func (t Token) MarshalText() ([]byte, error) { return []byte(t.text), nil }

// Switch is on or off.
type Switch string

// The positions of a switch.
const (
	On  Switch = "on"
	Off Switch = "off"
)

// UnmarshalText reads "on" or "off", and what YAML makes of them.
func (s *Switch) UnmarshalText(text []byte) error {
	switch strings.ToLower(string(text)) {
	case "on", "true", "yes":
		*s = On
	case "off", "false", "no":
		*s = Off
	default:
		return fmt.Errorf("%q is neither on nor off", text)
	}
	return nil
}

// HostName is a name or an address by which this program is called, without a
// port.
type HostName struct{ text string }

var hostForm = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$`)

// UnmarshalText reads a host name or an IP address.
func (h *HostName) UnmarshalText(text []byte) error {
	plain := strings.Trim(string(text), "[]")
	if _, err := netip.ParseAddr(plain); err != nil && !hostForm.MatchString(plain) {
		return fmt.Errorf("%q is not a host name or an address", text)
	}
	h.text = strings.ToLower(plain)
	return nil
}

// String returns the name in lower case, an IPv6 address without brackets.
func (h HostName) String() string { return h.text }

// MarshalText returns the form that UnmarshalText reads.
func (h HostName) MarshalText() ([]byte, error) { return []byte(h.text), nil }

// LogFormat is the form of the log lines.
type LogFormat string

// The forms of the log lines.
const (
	LogText LogFormat = "text"
	LogJSON LogFormat = "json"
)

// UnmarshalText reads "text" or "json".
func (l *LogFormat) UnmarshalText(text []byte) error {
	switch format := LogFormat(text); format {
	case LogText, LogJSON:
		*l = format
		return nil
	default:
		return fmt.Errorf("%q is not a log format", text)
	}
}

// Origin is the origin of web pages, "https://shop.example", or "*" for all.
type Origin struct{ text string }

// UnmarshalText reads "*" or a scheme and a host without a path.
func (o *Origin) UnmarshalText(text []byte) error {
	parsed, err := url.Parse(string(text))
	isOrigin := err == nil && (parsed.Scheme == "http" || parsed.Scheme == "https") &&
		parsed.Hostname() != "" && string(text) == parsed.Scheme+"://"+parsed.Host
	if string(text) != "*" && !isOrigin {
		return fmt.Errorf("%q is not an origin", text)
	}
	o.text = string(text)
	return nil
}

// String returns the origin as browsers send it.
func (o Origin) String() string { return o.text }

// MarshalText returns the form that UnmarshalText reads.
func (o Origin) MarshalText() ([]byte, error) { return []byte(o.text), nil }
