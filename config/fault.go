package config

import "strings"

// Fault is one thing that is wrong with a setting.
type Fault struct {
	Key    string // the setting: "limits.body"; the flag or variable itself where that is unknown
	From   string // where it was said: "line 3 of tracklayer.yaml", "flag --listen"
	Wrong  string // what is wrong with it
	Remedy string // what to write instead
}

// Error returns the fault as one line.
func (f Fault) Error() string {
	return f.Key + " (" + f.From + "): " + f.Wrong + "; " + f.Remedy
}

// Faults is all that is wrong with a configuration. Load and Validate return
// their errors in this form.
type Faults []Fault

// Error returns one line for each fault.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives errors.As the single faults.
func (f Faults) Unwrap() []error {
	errs := make([]error, len(f))
	for i, fault := range f {
		errs[i] = fault
	}
	return errs
}

// asError returns nil for no faults, so that callers may compare with nil.
func (f Faults) asError() error {
	if len(f) == 0 {
		return nil
	}
	return f
}

// nearest returns the candidate that takes the fewest changes to reach.
func nearest(word string, candidates []string) string {
	best, fewest := "", -1
	for _, candidate := range candidates {
		if steps := distance(word, candidate); fewest < 0 || steps < fewest {
			best, fewest = candidate, steps
		}
	}
	return best
}

// distance counts the insertions, deletions and replacements between a and b.
// Words far longer than any key are cut, so that a hostile file costs little.
func distance(a, b string) int {
	a, b = a[:min(len(a), 64)], b[:min(len(b), 64)]
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
