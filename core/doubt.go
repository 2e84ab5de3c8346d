package core

import "github.com/tracklayer/tracklayer/canonical"

// refusals is how many users the person's anonymous ids were linked to besides their owners.
func (r *reader) refusals(units []canonical.Unit) (n int64, err error) {
	for _, u := range units {
		if u.Kind != canonical.Anonymous {
			continue
		}
		o, err := r.owner(u.ID)
		if err != nil {
			return 0, err
		}
		n += o.refused()
	}
	return n, nil
}

// refuse notes that an anonymous id, which stays whose it is, was linked to so many more users.
func (f *Fold) refuse(owner string, more int64) error {
	p, err := f.personOf(canonical.Unit{Kind: canonical.User, ID: owner})
	if err != nil {
		return err
	}
	if p.person != nil {
		return f.change(p, "", func() { p.person.Refused += more })
	}
	return nil
}
