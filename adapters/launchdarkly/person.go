package launchdarkly

import (
	"github.com/tracklayer/tracklayer/adapters/field"
	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/canonical/jsonscan"
)

// person writes into an event whom it is about, and returns the vendor's member that said so. unit is the kind that
// the experiment randomises by, "" where it is not configured: then it is the user, and where there is none, the only
// other kind, or the first of them in byte order.
func (d *decoder) person(w *wire, unit string, e *canonical.Event) (string, error) {
	switch {
	case w.context.given != field.Absent:
		return "context", d.fromContext(&w.context, unit, e)
	case w.contextKeys.given != field.Absent:
		return "contextKeys", d.fromContextKeys(&w.contextKeys, unit, e)
	case w.user.given != field.Absent:
		return "user", d.fromUser(w, unit, e)
	case w.userKey.Given != field.Absent:
		return "userKey", d.fromUserKey(w, unit, e)
	}
	return "", field.Fault("context", "is required, or contextKeys, or userKey")
}

// fromContext is schema 4 (go-sdk-common ldcontext marshaling): {kind, key, anonymous, …attributes}, or for several
// kinds {kind: multi, KIND: {key, anonymous, …}, …}. Some SDKs write anonymous only if it is true.
func (d *decoder) fromContext(p *people, unit string, e *canonical.Event) error {
	const path = "context"
	if p.given == field.Wrong {
		return field.Fault(path, "must be an object")
	}
	kind := user // a context without a kind is a user of old
	switch p.kind.Given {
	case field.Right:
		kind = p.kind.S
	case field.Wrong:
		return field.Fault(path, "kind must be a string")
	}
	if kind != multi {
		if !isKind(kind) {
			return field.Fault(path, "kind must consist of letters, digits, '.', '_' and '-'")
		}
		if unit != "" && unit != kind {
			return lacks(path, unit)
		}
		if isGroup(kind) && p.self.anonymous != field.Yes && field.IsLabel(p.self.key.S) {
			e.Groups = []canonical.Group{{Kind: kind, ID: p.self.key.S}}
		}
		return set(e, path, kind, p.self.key, p.self.anonymous)
	}
	one, err := p.choose(path, unit)
	if err != nil {
		return err
	}
	e.Groups = p.groups()
	return set(e, path, string(p.kindOf(one)), one.key, one.anonymous)
}

// fromContextKeys is {KIND: key, …}, without a word on who is anonymous: Go SDK before 7.9, others before spring 2024,
// clicks and pageviews of browsers, and metric imports.
func (d *decoder) fromContextKeys(p *people, unit string, e *canonical.Event) error {
	const path = "contextKeys"
	if p.given == field.Wrong {
		return field.Fault(path, "must be an object")
	}
	if unit == "" || unit == user {
		if one := p.of(anonymousUser); one != nil && p.of(user) == nil {
			return set(e, path, user, one.key, field.Yes)
		}
	}
	one, err := p.choose(path, unit)
	if err != nil {
		return err
	}
	kind := string(p.kindOf(one))
	e.Groups = p.groups()
	return set(e, path, kind, one.key, d.stated(kind, one.key.S))
}

// choose finds the person of a context of several kinds whom an event is about.
func (p *people) choose(path, unit string) (*person, error) {
	if unit != "" {
		if one := p.of(unit); one != nil {
			return one, nil
		}
		return nil, lacks(path, unit)
	}
	if one := p.of(user); one != nil {
		return one, nil
	}
	if one := p.first(); one != nil {
		return one, nil
	}
	return nil, field.Fault(path, "has no key of any kind")
}

// fromUser is schema 3 with inlineUsersInEvents.
func (d *decoder) fromUser(w *wire, unit string, e *canonical.Event) error {
	const path = "user"
	if w.user.given == field.Wrong {
		return field.Fault(path, "must be an object")
	}
	if unit != "" && unit != user {
		return lacks(path, unit)
	}
	anonymous := w.user.self.anonymous
	if w.contextKind.S == anonymousUser {
		anonymous = field.Yes
	}
	return set(e, path, user, w.user.self.key, anonymous)
}

// fromUserKey is schema 3 as go-sdk-events v1 writes it: contextKind is there for anonymous users only.
func (d *decoder) fromUserKey(w *wire, unit string, e *canonical.Event) error {
	const path = "userKey"
	if unit != "" && unit != user {
		return lacks(path, unit)
	}
	anonymous := field.Unsaid
	switch {
	case w.contextKind.S == anonymousUser:
		anonymous = field.Yes
	case w.contextKind.Given == field.Absent:
		anonymous = d.stated(user, w.userKey.S)
	}
	return set(e, path, user, w.userKey, anonymous)
}

func lacks(path, unit string) error {
	return field.Fault(path, "has no "+unit+", by which unit_kinds says this flag's experiment randomises")
}

// set writes an id. For the vendor a kind and a key are one context, whether or not a call says that it is anonymous: an id
// of which nothing is said may be a visitor's, and is ambiguous.
func set(e *canonical.Event, path, kind string, key field.Text, anonymous field.Tri) error {
	switch {
	case key.Given == field.Absent:
		return field.Fault(path, "has no key")
	case key.Given == field.Wrong:
		return field.Fault(path, "key must be a string")
	case key.S == "":
		return field.Fault(path, "key must not be empty")
	case !isKind(kind):
		return field.Fault(path, "a kind must consist of letters, digits, '.', '_' and '-'")
	case anonymous == field.Yes:
		e.AnonymousID = qualified(kind, key.S)
	default:
		e.UserID, e.AmbiguousID = qualified(kind, key.S), anonymous == field.Unsaid
	}
	return nil
}

// stated is yes if another item of the batch, wherever it stands, has the key in a context that says that it is anonymous.
// A server SDK introduces a key in an index event before it writes the key alone, but only once in five minutes, so that a
// later batch has nothing to go by; the key is then ambiguous.
func (d *decoder) stated(kind, key string) field.Tri {
	if d.anonymous == nil {
		d.anonymous = map[string]struct{}{}
		other := reader{c: jsonscan.New(d.body)}
		// A syntax error stops this look ahead, and then the decoding itself at the same place.
		_ = other.each(func(_ int, w *wire) {
			if w != nil && (w.kind == index || w.kind == identify) {
				d.note(w)
			}
		})
	}
	if _, ok := d.anonymous[string(d.pair(kind, key))]; ok {
		return field.Yes
	}
	return field.Unsaid
}

func (d *decoder) note(w *wire) {
	if w.user.self.anonymous == field.Yes {
		d.anonymous[string(d.pair(user, w.user.self.key.S))] = struct{}{}
	}
	p := &w.context
	switch {
	case p.kind.S == multi:
		for _, one := range p.each() {
			if one.anonymous == field.Yes {
				d.anonymous[string(d.pair(string(p.kindOf(one)), one.key.S))] = struct{}{}
			}
		}
	case p.self.anonymous == field.Yes && p.kind.Given == field.Right:
		d.anonymous[string(d.pair(p.kind.S, p.self.key.S))] = struct{}{}
	case p.self.anonymous == field.Yes:
		d.anonymous[string(d.pair(user, p.self.key.S))] = struct{}{}
	}
}

// pair makes one text of a kind and a key; a kind has no control characters.
func (d *decoder) pair(kind, key string) []byte {
	d.buf = append(append(append(d.buf[:0], kind...), 0), key...)
	return d.buf
}
