package launchdarkly

import (
	"bytes"
	"slices"
	"strings"

	"github.com/tracklayer/tracklayer/adapters/field"
	"github.com/tracklayer/tracklayer/canonical"
)

// Words of the vendor's contexts (go-sdk-common ldcontext). kind and multi cannot be kinds of a customer's own.
const (
	user          = "user"
	multi         = "multi"
	anonymousUser = "anonymousUser" // schema 3, and contextKeys made from it
)

// people is a context: one person or thing, or one of each of several kinds.
type people struct {
	given   field.Given
	kind    field.Text
	self    person   // the form of a single kind
	several []person // members that are objects; which are kinds only if kind is multi
	names   []byte   // the kinds of several, one after the other
	kept    []keptAttribute
}

// person is one kind of a context. Of its attributes only those are read that are kept: others may be private.
type person struct {
	from, to  int // its kind in names
	key       field.Text
	anonymous field.Tri
}

// keptAttribute is an attribute of a context that becomes one of the event.
type keptAttribute struct {
	of   int // position in several; -1: of the form of a single kind
	name string
	raw  []byte // of a JSON text, number or boolean; aliases the body
}

func (p *people) reset() { *p = people{several: p.several[:0], names: p.names[:0], kept: p.kept[:0]} }

// add begins a person of the kind, which is copied: a member's name is valid only while it is read.
func (p *people) add(kind []byte) *person {
	from := len(p.names)
	p.names = append(p.names, kind...)
	p.several = append(p.several, person{from: from, to: len(p.names)})
	return &p.several[len(p.several)-1]
}

// kindOf is a kind as bytes, which are valid until the next item is read.
func (p *people) kindOf(one *person) []byte { return p.names[one.from:one.to] }

// of finds the person of a kind; the last one wins.
func (p *people) of(kind string) *person {
	for i := len(p.several) - 1; i >= 0; i-- {
		if one := &p.several[i]; string(p.kindOf(one)) == kind {
			return one
		}
	}
	return nil
}

// each lists the persons in byte order of their kinds; of several of one kind the last one.
func (p *people) each() []*person {
	found := make([]*person, len(p.several))
	for i := range p.several {
		found[i] = &p.several[i]
	}
	slices.SortStableFunc(found, func(a, b *person) int { return bytes.Compare(p.kindOf(a), p.kindOf(b)) })
	kept := found[:0]
	for i, one := range found {
		if i+1 == len(found) || !bytes.Equal(p.kindOf(one), p.kindOf(found[i+1])) {
			kept = append(kept, one)
		}
	}
	return kept
}

// first finds the person whose kind is the first in byte order, passing over what cannot be one.
func (p *people) first() *person {
	for _, one := range p.each() {
		if p.usable(one) {
			return one
		}
	}
	return nil
}

// anonymousOnes lists the anonymous persons of kinds other than user.
func (p *people) anonymousOnes() []*person {
	return slices.DeleteFunc(p.each(), func(one *person) bool {
		return one.anonymous != field.Yes || !p.usable(one) || string(p.kindOf(one)) == user
	})
}

func (p *people) usable(one *person) bool {
	return one.key.Given == field.Right && one.key.S != "" && isKind(string(p.kindOf(one)))
}

// personKinds are kinds of people and of what people use, which are no groups. The SDKs of mobile apps add ld_device and
// ld_application.
var personKinds = map[string]bool{
	user: true, anonymousUser: true, "anonymous": true, "visitor": true, "device": true, "session": true, "browser": true, "request": true, "client": true,
}

// groups are the kinds that a unit belongs to, such as an organization: those of several that are not anonymous, no person
// and no device.
func (p *people) groups() (found []canonical.Group) {
	for _, one := range p.each() {
		kind := string(p.kindOf(one))
		if one.anonymous != field.Yes && p.usable(one) && isGroup(kind) && field.IsLabel(one.key.S) {
			found = append(found, canonical.Group{Kind: kind, ID: one.key.S})
		}
	}
	return found[:min(len(found), canonical.MaxGroups)]
}

func isGroup(kind string) bool {
	return !personKinds[strings.ToLower(kind)] && !strings.HasPrefix(kind, "ld_") && len(kind) <= canonical.MaxID
}

// isKind is ldcontext's rule for the name of a kind. It keeps "kind:key" readable in one way only.
func isKind(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return s != ""
}

// qualified is how a key stands among canonical ids: a user's as it is, any other kind's behind its kind, so that an
// organization 42 is never the user 42.
func qualified(kind, key string) string {
	if kind == user {
		return key
	}
	return kind + ":" + key
}
