package config

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"
)

// Network is a range of addresses: "10.0.0.0/8", or one address.
type Network struct{ prefix netip.Prefix }

// UnmarshalText reads an address with the length of its prefix, or an address alone.
func (n *Network) UnmarshalText(text []byte) error {
	if addr, err := netip.ParseAddr(string(text)); err == nil && addr.Zone() == "" {
		n.prefix = netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen())
		return nil
	}
	prefix, err := netip.ParsePrefix(string(text))
	if err != nil {
		return fmt.Errorf("%q is not a range of addresses", text)
	}
	if prefix.Masked() != prefix {
		return fmt.Errorf("%q names one address and a range at once; the range is %s", text, prefix.Masked())
	}
	n.prefix = prefix
	return nil
}

// network is a range that is written in the program.
func network(text string) (n Network) {
	if err := n.UnmarshalText([]byte(text)); err != nil {
		panic(err)
	}
	return n
}

// Prefix returns the range.
func (n Network) Prefix() netip.Prefix { return n.prefix }

// String returns the range in the form that UnmarshalText reads.
func (n Network) String() string { return n.prefix.String() }

// MarshalText returns the form that UnmarshalText reads.
func (n Network) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// HeaderName is the name of an HTTP header. Its zero value is none.
type HeaderName struct{ text string }

var headerForm = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$")

// UnmarshalText reads a name as RFC 9110 allows it; nothing means none.
func (h *HeaderName) UnmarshalText(text []byte) error {
	name := string(text)
	switch {
	case name != "" && !headerForm.MatchString(name):
		return fmt.Errorf("%q is not the name of a header", name)
	case strings.EqualFold(name, "Authorization"), strings.EqualFold(name, "Cookie"):
		return fmt.Errorf("%s is sent by anybody, so it cannot say who a user is", name)
	}
	h.text = name
	return nil
}

// String returns the name, "" for none.
func (h HeaderName) String() string { return h.text }

// MarshalText returns the form that UnmarshalText reads.
func (h HeaderName) MarshalText() ([]byte, error) { return []byte(h.text), nil }
