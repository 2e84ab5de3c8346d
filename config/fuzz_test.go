package config

import (
	"errors"
	"os"
	"testing"
)

// Whatever the file holds, loading it never panics, and it ends either in
// faults that say everything or in a configuration that is valid.
func FuzzFile(f *testing.F) {
	example, err := os.ReadFile("../docs/tracklayer.example.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(example))
	for _, text := range []string{
		"", "---\n...\n---\n", "a: &a [*a]", "<<: {}", "? [a]\n: b", "sources: {a: {options: {x: !!binary /w==, y: 2001-01-01}}}",
		"listen: 'a:1'\nlimits: {body: 9EiB}", "keys: {write: [~, sha256:]}", "\xff", "nats: {url: 'nats://%zz'}", "%YAML 9.9\n---\na: b", "'': 0",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		cfg, err := fromFile(text)
		if err == nil {
			err = cfg.Validate()
			if err != nil {
				t.Fatalf("loaded without a fault, and yet: %v", err)
			}
			return
		}
		var faults Faults
		if !errors.As(err, &faults) || len(faults) == 0 {
			t.Fatalf("not a list of faults: %v", err)
		}
		for _, fault := range faults {
			if fault.Key == "" || fault.From == "" || fault.Wrong == "" || fault.Remedy == "" {
				t.Fatalf("a fault says too little: %#v", fault)
			}
		}
	})
}
