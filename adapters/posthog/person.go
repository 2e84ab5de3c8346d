package posthog

import (
	"github.com/tracklayer/tracklayer/adapters/field"
	"github.com/tracklayer/tracklayer/canonical"
)

// who is the distinct id.
func (e *event) who() string {
	if e.distinct != "" {
		return e.distinct
	}
	return e.distinctIn
}

// client reports whether the event is from a program in the hands of its user.
func (e *event) client() bool {
	switch e.lib {
	case "web", "js", "posthog-js", "posthog-js-lite", "posthog-ios", "posthog-android", "posthog-react-native", "posthog-flutter":
		return true
	}
	return false
}

// standing is what an event says about its distinct id.
type standing uint8

const (
	untold  standing = iota // a server's, or an app's of before $is_identified: a user's or a visitor's
	visitor                 // not identified yet
	user                    // identified
)

// standing says whose id the distinct id is. PostHog has one space of ids, so a visitor may have been identified by the
// id that it had already: then the id is the device's as well and names both. Browsers of before $is_identified have
// $user_id once they have identified their visitor.
func (e *event) standing() standing {
	switch {
	case e.identified == field.Yes || e.identified == field.Unsaid && e.client() && e.userID != "":
		if e.device == e.who() {
			return untold
		}
		return user
	case e.identified == field.No || e.browser() || e.client() && e.person == field.No:
		return visitor
	}
	return untold
}

// subject writes the person.
func (e *event) subject(c *canonical.Event) {
	switch e.standing() {
	case visitor:
		c.AnonymousID = e.who()
	case user:
		c.UserID = e.who()
	default:
		c.UserID, c.AmbiguousID = e.who(), true
	}
}

// browser reports posthog-js.
func (e *event) browser() bool { return e.lib == "web" || e.lib == "js" || e.lib == "posthog-js" }

// link joins an anonymous id to the user that the event is about.
func (d *decoder) link(i int, e *event, anonymous string) {
	who := e.who()
	if anonymous == "" && e.sameID() || anonymous == who && who != "" && e.client() {
		d.itself(i, e)
		return
	}
	if anonymous == "" || anonymous == who || who == "" {
		d.batch.Ignore(ignoredNoLink)
		return
	}
	d.accept(i, e, canonical.Event{Kind: canonical.Linked, UserID: who, AnonymousID: anonymous})
}

// itself joins what a visitor did under an id to the user of the same id: PostHog has one space of ids, and a program may
// identify a visitor by the id that the visitor has already.
func (d *decoder) itself(i int, e *event) {
	d.accept(i, e, canonical.Event{Kind: canonical.Linked, UserID: e.who(), AnonymousID: e.who()})
}

// sameID reports an event of an identified visitor's SDK that does not say under which id the visitor was before.
func (e *event) sameID() bool {
	return e.client() && e.identified == field.Yes && e.device == "" && e.who() != ""
}

// alias merges the id alias into the person of the distinct id. PostHog refuses $create_alias if alias was identified
// before, and so does the fold, which is why previous_user_id stays empty; $merge_dangerously merges always. In a browser
// that has not identified its visitor, alias is the user and the visitor is the other. Elsewhere the distinct id may be a
// visitor's too, so that what was done under it as a visitor is joined as well.
func (d *decoder) alias(i int, e *event) {
	who := e.who()
	if e.alias == "" || who == "" || e.alias == who {
		d.batch.Reject(i, field.Fault("properties.alias", "must be an id other than distinct_id"))
		return
	}
	c := canonical.Event{Kind: canonical.Linked, UserID: who, AnonymousID: e.alias}
	switch {
	case e.name == "$merge_dangerously":
		c.PreviousUserID = e.alias
	case e.client() && (e.identified != field.Yes || e.device == who):
		c.UserID, c.AnonymousID = e.alias, who
		d.accept(i, e, c)
		return
	}
	d.accept(i, e, c, canonical.Event{Kind: canonical.Linked, UserID: who, AnonymousID: who})
}
