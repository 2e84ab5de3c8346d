package all_test

import (
	"os"
	"slices"
	"testing"

	"github.com/tracklayer/tracklayer/adapters/all"
)

// TestListIsTheFolders: an adapter that is not in the list would be dead code.
func TestListIsTheFolders(t *testing.T) {
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	var folders []string
	for _, e := range entries {
		if e.IsDir() && !slices.Contains([]string{"adaptertest", "all", "field"}, e.Name()) {
			folders = append(folders, e.Name())
		}
	}
	if got := all.Vendors(); !slices.Equal(got, folders) { // both in byte order
		t.Errorf("the list has %q, the folders are %q", got, folders)
	}
}

func TestByVendor(t *testing.T) {
	for _, name := range all.Vendors() {
		if a, ok := all.ByVendor(name); !ok || a.Vendor != name {
			t.Errorf("ByVendor(%q) = %q, %t", name, a.Vendor, ok)
		}
	}
	if _, ok := all.ByVendor("nobody"); ok {
		t.Error("ByVendor finds nobody")
	}
}
