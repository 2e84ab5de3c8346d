package config

import (
	"encoding"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"
)

// setScalar reads text into the field behind a pointer of a settings table.
func setScalar(target any, text string) error {
	switch field := target.(type) {
	case *string:
		*field = text
		return nil
	case *int:
		number, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("%q is not a whole number", text)
		}
		*field = number
		return nil
	case *bool:
		yes, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", text)
		}
		*field = yes
		return nil
	case *time.Duration:
		duration, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("%q is not a time span", text)
		}
		*field = duration
		return nil
	case *slog.Level:
		return setLevel(field, text)
	case encoding.TextUnmarshaler:
		return field.UnmarshalText([]byte(text))
	default:
		panic(fmt.Sprintf("config: the table of settings points at a %T, which no reader knows", target))
	}
}

func setLevel(field *slog.Level, text string) error {
	for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
		if strings.EqualFold(text, level.String()) {
			*field = level
			return nil
		}
	}
	return fmt.Errorf("%q is not a log level", text)
}

// setList reads texts into a list field and returns what is wrong with single
// entries; the good ones are set all the same. It reports false for a field
// that is no list.
func setList(target any, texts []string) ([]error, bool) {
	var errs []error
	switch field := target.(type) {
	case *[]string:
		*field, errs = parseList(texts, func(entry *string, text string) error {
			if *entry = text; text == "" {
				return errors.New("it is empty")
			}
			return nil
		})
	case *[]Key:
		*field, errs = parseList(texts, unmarshal[Key])
	case *[]WriteKey:
		*field, errs = parseList(texts, unmarshal[WriteKey])
	case *[]HostName:
		*field, errs = parseList(texts, unmarshal[HostName])
	case *[]Secret:
		*field, errs = parseList(texts, unmarshal[Secret])
	case *[]Origin:
		*field, errs = parseList(texts, unmarshal[Origin])
	case *[]Network:
		*field, errs = parseList(texts, unmarshal[Network])
	default:
		return nil, false
	}
	return errs, true
}

func isList(target any) bool {
	switch target.(type) {
	case *[]string, *[]Key, *[]WriteKey, *[]HostName, *[]Secret, *[]Origin, *[]Network:
		return true
	default:
		return false
	}
}

// unmarshal reads one entry of a list.
func unmarshal[T any, P interface {
	*T
	encoding.TextUnmarshaler
}](entry *T, text string) error {
	return P(entry).UnmarshalText([]byte(text))
}

func parseList[T any](texts []string, parse func(*T, string) error) ([]T, []error) {
	var entries []T
	var errs []error
	for i, text := range texts {
		var entry T
		if err := parse(&entry, text); err != nil {
			errs = append(errs, fmt.Errorf("entry %d: %w", i+1, err))
			continue
		}
		entries = append(entries, entry)
	}
	return entries, errs
}

// splitList reads a list from a variable: commas between, spaces around them
// and empty entries dropped.
func splitList(text string) []string {
	var entries []string
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			entries = append(entries, part)
		}
	}
	return entries
}

// lines reads a list from a file of keys or secrets.
func lines(data []byte) []string {
	var entries []string
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			entries = append(entries, line)
		}
	}
	return entries
}
