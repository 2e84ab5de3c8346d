package house_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// maxMethods is how many methods a type may have. A larger one has more than one job, and the length of its files hides it.
const maxMethods = 25

// larger is a type that may have more methods, and why.
type larger struct {
	most   int // methods, at most: the number may only fall
	reason string
}

// largerTypes are the exceptions, by folder and name.
var largerTypes = map[string]larger{
	"core.Fold":                   {123, "being split: it holds the state of everything that was counted"},
	"core.reader":                 {34, "one method for each thing that is read of the state, over one snapshot"},
	"core/sums.Aggregate":         {33, "accessors: the sums are shared with readers and must not be changed from outside"},
	"stream.Log":                  {53, "being split: it holds every way to use the log"},
	"webhooks.Ingest":             {47, "being split: it holds every way in"},
	"app.Program":                 {55, "being split: it joins all parts"},
	"adapters/growthbook.decoder": {40, "a method for each record of the vendor's format"},
	"adapters/statsig.decoder":    {34, "a method for each record of the vendor's format"},
	"adapters/optimizely.decoder": {28, "a method for each record of the vendor's format"},
}

func TestNoTypeHasTooManyMethods(t *testing.T) {
	counts, err := methods(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	if len(counts) < 100 {
		t.Fatalf("only %d types with methods were found below %s", len(counts), root)
	}
	for _, fault := range tooLarge(counts) {
		t.Error(fault)
	}
}

// TestTooManyMethodsAreFound is of made-up types: the test above cannot fail otherwise.
func TestTooManyMethodsAreFound(t *testing.T) {
	tree := fstest.MapFS{
		"web/a.go":      {Data: []byte(typeWith("small", "*small", maxMethods-1))},
		"web/b.go":      {Data: []byte("package web\n\nfunc (small) last() {}\n")},
		"web/c.go":      {Data: []byte(typeWith("large[T any]", "*large[T]", maxMethods))},
		"web/d.go":      {Data: []byte("package web\n\nfunc (l large[T]) more() {}\n")},
		"web/d_test.go": {Data: []byte("package web\n\nfunc (small) test() {}\n")},
	}
	counts, err := methods(tree)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"web.large has 26 methods, and 25 are allowed: split it, or give the reason in largerTypes"}
	if got := tooLarge(counts); !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}

func typeWith(name, receiver string, count int) string {
	var text strings.Builder
	fmt.Fprintf(&text, "package web\n\ntype %s struct{}\n", name)
	for i := range count {
		fmt.Fprintf(&text, "\nfunc (x %s) m%d() {}\n", receiver, i)
	}
	return text.String()
}

// tooLarge are the types with more methods than they may have.
func tooLarge(counts map[string]int) (faults []string) {
	for name, n := range counts {
		most := max(largerTypes[name].most, maxMethods)
		if n > most {
			faults = append(faults, fmt.Sprintf("%s has %d methods, and %d are allowed: split it, or give the reason in largerTypes", name, n, most))
		}
	}
	slices.Sort(faults)
	return faults
}

// methods counts the methods of every type by its folder and name, over all files that are no tests.
func methods(tree fs.FS) (map[string]int, error) {
	counts := map[string]int{}
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			return skipped(tree, name)
		case path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, one := range file.Decls {
			if method, ok := one.(*ast.FuncDecl); ok && method.Recv != nil {
				counts[path.Dir(name)+"."+receiverOf(method.Recv.List[0].Type)]++
			}
		}
		return nil
	})
	return counts, err
}

// receiverOf is the name of a receiver's type, without its pointer and type parameters.
func receiverOf(of ast.Expr) string {
	switch x := of.(type) {
	case *ast.StarExpr:
		return receiverOf(x.X)
	case *ast.IndexExpr:
		return receiverOf(x.X)
	case *ast.IndexListExpr:
		return receiverOf(x.X)
	case *ast.Ident:
		return x.Name
	}
	return ""
}
