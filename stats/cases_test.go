package stats

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// The reference cases in testdata were computed in 40-digit arithmetic,
// independently of this package. An expected null means "undefined"; every key
// that a method's got function returns must be in the case and must agree.

type caseFile struct {
	Format string     `json:"format"`
	Method string     `json:"method"`
	Cases  []caseData `json:"cases"`
}

type caseData struct {
	ID        string          `json:"id"`
	Note      string          `json:"note"`
	Inputs    json.RawMessage `json:"inputs"`
	Expected  map[string]any  `json:"expected"`
	Tolerance tolerance       `json:"tolerance"`
}

type tolerance struct {
	Rel float64 `json:"rel"`
	Abs float64 `json:"abs"`
}

// results are what a method produced: numbers, intervals, booleans, integers,
// nested results, or nil for an undefined block.
type results map[string]any

// casesIn is how many cases each file is known to hold, so that a file that
// lost some, or a loop that skipped some, is noticed.
var casesIn = map[string]int{
	"beta_binomial": 18, "srm": 16, "two_arm": 22, "ratio": 3, "asymp_cs": 10,
	"sequential_two_arm": 5, "normal_posterior": 9, "lift_posterior": 4,
	"multiplicity": 7, "cuped": 6, "bandit": 8, "power": 8, "mde": 3, "novelty": 3, "srm_sequential": 6,
	"asymp_cs_rho_exact": 2, "msprt": 5, "group_sequential": 5, "peeking": 19, "merge_moments": 5, "winsorize": 3,
}

func TestEveryCaseFileHasATest(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(casesIn) {
		t.Errorf("%d case files in testdata, %d are tested", len(files), len(casesIn))
	}
	sum := 0
	for _, n := range casesIn {
		sum += n
	}
	if sum != 167 {
		t.Errorf("%d cases, the reference has 167", sum)
	}
}

// runCases runs every case of a file through got.
func runCases[In any](t *testing.T, method string, got func(In) results) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", method+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var file caseFile
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	if file.Format != "tracklayer-stats-cases/1" || file.Method != method {
		t.Fatalf("format %q, method %q", file.Format, file.Method)
	}
	ran := 0
	for _, c := range file.Cases {
		var in In
		if err := json.Unmarshal(c.Inputs, &in); err != nil {
			t.Fatalf("%s: %v", c.ID, err)
		}
		ran++
		compareBlock(t, c.ID+" ("+c.Note+")", c.Tolerance, got(in), c.Expected)
	}
	if ran != casesIn[method] {
		t.Errorf("ran %d cases of %s, the file should hold %d", ran, method, casesIn[method])
	}
}

func compareBlock(t *testing.T, at string, tol tolerance, got results, want map[string]any) {
	t.Helper()
	for key, g := range got {
		w, ok := want[key]
		if !ok {
			t.Errorf("%s: %s is not in the case", at, key)
			continue
		}
		compareValue(t, at+" "+key, tol, g, w)
	}
}

func compareValue(t *testing.T, at string, tol tolerance, got, want any) {
	t.Helper()
	switch g := got.(type) {
	case nil:
		if want != nil {
			t.Errorf("%s: undefined, want %v", at, want)
		}
	case Number:
		compareNumber(t, at, tol, g, want)
	case Interval:
		bounds, ok := want.([]any)
		if !ok || !g.OK {
			if ok || g.OK || want != nil || g.Reason == "" {
				t.Errorf("%s: got %+v, want %v", at, g, want)
			}
			return
		}
		compareNumber(t, at+" low", tol, Known(g.Low), bounds[0])
		compareNumber(t, at+" high", tol, Known(g.High), bounds[1])
	case results:
		block, ok := want.(map[string]any)
		if !ok {
			t.Errorf("%s: got %v, want %v", at, g, want)
			return
		}
		compareBlock(t, at, tol, g, block)
	case []Number:
		compareList(t, at, tol, g, want)
	case []results:
		compareList(t, at, tol, g, want)
	case bool:
		if g != want {
			t.Errorf("%s: got %v, want %v", at, g, want)
		}
	case int:
		compareNumber(t, at, tolerance{}, Known(float64(g)), want)
	case []int:
		list, ok := want.([]any)
		if !ok || len(list) != len(g) {
			t.Errorf("%s: got %v, want %v", at, g, want)
			return
		}
		for i := range g {
			compareNumber(t, at, tolerance{}, Known(float64(g[i])), list[i])
		}
	default:
		t.Fatalf("%s: cannot compare a %T", at, got)
	}
}

func compareList[T Number | results](t *testing.T, at string, tol tolerance, got []T, want any) {
	t.Helper()
	list, ok := want.([]any)
	if !ok || len(list) != len(got) {
		t.Errorf("%s: got %v, want %v", at, got, want)
		return
	}
	for i := range got {
		compareValue(t, fmt.Sprintf("%s[%d]", at, i), tol, got[i], list[i])
	}
}

func compareNumber(t *testing.T, at string, tol tolerance, got Number, want any) {
	t.Helper()
	w, defined := want.(float64)
	switch {
	case !defined && want != nil:
		t.Errorf("%s: got %v, want %v", at, got, want)
	case got.OK != defined:
		t.Errorf("%s: got %+v, want %v", at, got, want)
	case !defined && got.Reason == "":
		t.Errorf("%s: undefined without a reason", at)
	case defined && !(math.Abs(got.Value-w) <= math.Max(tol.Abs, tol.Rel*math.Abs(w))):
		t.Errorf("%s: got %.17g, want %.17g, off by %.2g", at, got.Value, w, got.Value-w)
	}
}
