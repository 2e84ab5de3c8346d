package app

import (
	"errors"

	"github.com/tracklayer/tracklayer/config"
)

// errReopened refuses keys that a running program does not take.
var errReopened = errors.New("other kinds of keys are set than at the start, which opens or closes more than a running program changes: restart it")

// Reload takes the keys and the certificate of another configuration. Requests under way go on; sessions that were begun
// with a key that is gone end. On an error everything stays as it was.
func (p *Program) Reload(cfg config.Config) error {
	if p.cfg.Reopened(cfg.Keys) {
		return errReopened
	}
	if p.certificate != nil && cfg.TLS.Set() {
		if err := p.certificate.load(cfg.TLS); err != nil {
			return err
		}
	}
	p.keys.Store(&cfg.Keys)
	if p.pages != nil {
		p.pages.KeepSessions(func(fingerprint string) bool { return knows(&cfg.Keys, fingerprint) })
	}
	return nil
}

// knows reports whether one of the keys that open pages has the fingerprint.
func knows(keys *config.Keys, fingerprint string) bool {
	for _, list := range [][]config.Key{keys.Read, keys.Admin} {
		for _, key := range list {
			if key.Fingerprint() == fingerprint {
				return true
			}
		}
	}
	return false
}
