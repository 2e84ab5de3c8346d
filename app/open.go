package app

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/tracklayer/tracklayer/config"
	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/store"
	"github.com/tracklayer/tracklayer/stream"
)

const (
	damagedSuffix = ".damaged-" // a state whose files could not be read
	beforeSuffix  = ".before-"  // a state that a rebuild has replaced
	keepAsides    = 3           // folders of each kind that stay
)

// paths of the data folder.
func statePath(cfg config.Config) string { return filepath.Join(cfg.DataDir, "state") }
func logPath(cfg config.Config) string   { return filepath.Join(cfg.DataDir, "nats") }

func historyPath(cfg config.Config) string { return filepath.Join(cfg.DataDir, "history") }

// suspectPath is a file that a running program leaves behind if it finds the state damaged: the next open sets the state
// aside.
func suspectPath(cfg config.Config) string { return statePath(cfg) + ".suspect" }

// openState opens the state. A damaged one is set aside, as everything in it is made from the log; aside is its new
// place then, and the state that is returned is empty.
func openState(cfg config.Config, log *slog.Logger, fatal func(error)) (db *store.DB, fold *core.Fold, aside string, err error) {
	reason, err := os.ReadFile(suspectPath(cfg))
	if err != nil {
		db, fold, err = openStore(statePath(cfg), log, fatal)
		if err == nil || !damaged(err) {
			return db, fold, "", err
		}
		reason = []byte(err.Error())
	}
	if aside, err = setAside(statePath(cfg), damagedSuffix); err != nil {
		return nil, nil, "", fmt.Errorf("the state is damaged (%s) and cannot be set aside: %w", reason, err)
	}
	// Copies of the state share its files.
	if err := errors.Join(os.RemoveAll(historyPath(cfg)), os.RemoveAll(suspectPath(cfg))); err != nil {
		return nil, nil, "", err
	}
	log.Error("the state is damaged: it is set aside, and made again from the log while events are taken; nothing is lost as long as the log is whole",
		"damage", string(reason), "set_aside", aside)
	db, fold, err = openStore(statePath(cfg), log, fatal)
	return db, fold, aside, err
}

// openStore opens one state.
func openStore(dir string, log *slog.Logger, fatal func(error)) (db *store.DB, fold *core.Fold, err error) {
	if db, err = store.Open(dir, store.Options{Lookups: core.Lookups, Logger: log, Fatal: fatal}); err != nil {
		return nil, nil, err
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the state in %s: %w: %v", dir, store.ErrDamaged, p)
		}
		if err != nil {
			err = errors.Join(err, db.Close())
			db, fold = nil, nil
		}
	}()
	fold, err = core.Open(db)
	return db, fold, err
}

// damaged reports that a state cannot be opened because of what its files hold, and that another try or other rights
// would not help.
func damaged(err error) bool {
	var number syscall.Errno
	if errors.Is(err, core.ErrFormat) || errors.As(err, &number) && !store.IsDamage(err) {
		return false
	}
	return store.IsDamage(err) || core.IsUnreadable(err)
}

// setAside renames a folder and removes the oldest ones of the same kind.
func setAside(dir, suffix string) (string, error) {
	aside := dir + suffix + time.Now().UTC().Format("20060102T150405Z")
	for n := 2; exists(aside); n++ {
		aside = dir + suffix + time.Now().UTC().Format("20060102T150405Z") + "-" + strconv.Itoa(n)
	}
	err := os.Rename(dir, aside)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	all, err := asides(dir, suffix)
	if err != nil {
		return aside, err
	}
	for len(all) > keepAsides {
		if err := os.RemoveAll(all[0]); err != nil {
			return aside, err
		}
		all = all[1:]
	}
	return aside, nil
}

// asides are the folders that were set aside, the oldest first.
func asides(dir string, suffixes ...string) (all []string, err error) {
	entries, err := os.ReadDir(filepath.Dir(dir))
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		for _, suffix := range suffixes {
			if strings.HasPrefix(e.Name(), filepath.Base(dir)+suffix) {
				all = append(all, filepath.Join(filepath.Dir(dir), e.Name()))
			}
		}
	}
	slices.Sort(all)
	return all, nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// hold makes the data folder and locks it.
func hold(cfg config.Config) (*store.Lock, error) {
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("data_dir: %w; say another folder with data_dir, or make this one writable", err)
	}
	return store.Hold(cfg.DataDir)
}

// checkLog refuses to open an embedded log whose folder is gone although there was one: an empty log in its place would
// give the sequences of lost events to new ones.
func checkLog(cfg config.Config, fold *core.Fold) error {
	if !cfg.NATS.URL.IsZero() || exists(logPath(cfg)) {
		return nil
	}
	reached, err := stream.Reached(logPath(cfg))
	if err != nil {
		return err
	}
	if fold != nil {
		reached = max(reached, fold.Seq())
	}
	if reached == 0 {
		return nil
	}
	return fmt.Errorf("the log is gone: there is no folder %s, but %d records were stored in it; give it back from a backup, or, if there is none, accept the loss with tracklayer rebuild --force", logPath(cfg), reached)
}

// aheadOfLog says what to do with a state that has counted more than the log holds.
func aheadOfLog(cfg config.Config, seq, last uint64) error {
	return fmt.Errorf("the state in %s has counted up to sequence %d, but the log ends at %d: records %d to %d are not on the log. The log is another one, an older copy, or damaged. Give the state its own log back from a backup; the state holds the only count of these records, so do not remove it. To accept the loss: tracklayer rebuild --force",
		cfg.DataDir, seq, last, last+1, seq)
}

// dropCopies removes every copy of the state: they hold every person of their time.
func (p *Program) dropCopies() error {
	all, err := asides(statePath(p.cfg), damagedSuffix, beforeSuffix)
	for _, dir := range all {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	return errors.Join(err, p.past.Forget())
}
