package house_test

// folder is one row of the table of who may import whom.
//
// In a path, "<vendor>" stands for one name that is no row of its own and is
// the same name wherever it stands in the row; "**" stands for the folder
// before it and all below.
type folder struct {
	path string
	may  []string // folders of ours that it may import
	std  bool     // nothing but the standard library beside them
	// closed: the row holds for its test files as well. Otherwise those may
	// import anything of ours except cmd and another vendor's adapter.
	closed bool
}

// folders is the table. The first row that fits a folder counts, a folder
// without a row is a fault, and what a row does not list is forbidden.
var folders = []folder{
	{path: "."},
	{path: "cmd/**", may: []string{"**"}},
	{path: "app", may: []string{"adapters", "adapters/all", "canonical", "catalog", "config", "core", "core/sums", "erasure", "history", "pages", "problem", "registry", "store", "stream", "web", "webhooks"}},
	{path: "app/apptest", may: []string{"config"}},
	{path: "config"},
	{path: "problem"},
	{path: "demo", std: true},
	{path: "stats"},
	{path: "canonical", may: []string{"canonical/jsonscan"}, std: true},
	{path: "canonical/jsonscan", std: true},
	{path: "adapters", may: []string{"adapters/field", "canonical", "canonical/jsonscan"}},
	{path: "adapters/field", may: []string{"canonical", "canonical/jsonscan"}},
	{path: "adapters/adaptertest", may: []string{"adapters", "canonical", "canonical/jsonscan"}},
	{path: "adapters/all", may: []string{"adapters", "adapters/<vendor>"}},
	{path: "adapters/<vendor>/tap/**", may: []string{"canonical", "sdk/go", "adapters/<vendor>/tap/**"}},
	{path: "adapters/<vendor>/**", may: []string{"adapters", "adapters/field", "canonical", "canonical/jsonscan", "adapters/<vendor>/**"}},
	{path: "webhooks", may: []string{"adapters", "canonical", "problem"}},
	{path: "stream", may: []string{"canonical"}},
	{path: "registry", may: []string{"canonical"}},
	{path: "core/wire", may: []string{"canonical"}},
	{path: "core/ledger", may: []string{"canonical", "core/wire"}},
	{path: "core/person", may: []string{"canonical", "registry", "core/wire"}},
	{path: "core/sums", may: []string{"canonical", "registry", "core/wire", "core/ledger", "core/person"}},
	{path: "core", may: []string{"canonical", "registry", "core/wire", "core/ledger", "core/person", "core/sums"}},
	{path: "store", may: []string{"core"}},
	{path: "readout", may: []string{"core/person", "core/sums", "stats", "registry", "canonical"}},
	{path: "export", may: []string{"core", "registry", "readout"}},
	{path: "web", may: []string{"readout", "registry", "core", "core/person", "core/sums", "core/ledger", "canonical", "problem"}},
	{path: "pages", may: []string{"pages/draw", "readout", "registry", "core", "core/person", "core/sums", "core/ledger", "canonical", "problem"}},
	{path: "pages/draw", std: true},
	{path: "catalog", may: []string{"adapters", "canonical", "webhooks"}},
	{path: "erasure", may: []string{"canonical", "core", "core/sums", "problem", "registry", "stream", "web"}},
	{path: "history", may: []string{"canonical", "config", "core", "core/sums", "problem", "store", "stream", "web"}},
	{path: "sdk/go", may: []string{"canonical"}},
	{path: "sdk/go/sdktest"},
	{path: "e2e/**", may: []string{"canonical", "sdk/go", "adapters/<vendor>/tap/**"}, closed: true},
	{path: "docs/house", closed: true},
	{path: "sim"},
}

// kit are the folders below adapters that are no vendor's.
var kit = []string{"adaptertest", "all", "field"}

// testsOnly are the folders that only test files may import, and these folders
// one another: the binary contains none of them.
var testsOnly = []string{"adapters/<vendor>/tap/**", "adapters/adaptertest", "app/apptest", "sdk/go/sdktest", "e2e", "docs/house", "sim"}

// guard keeps modules of others to the folders that know them. A vendor's SDK
// needs none: what a tap imports, only that tap, e2e and tests may import.
type guard struct {
	modules []string
	only    []string
}

var guards = []guard{
	{modules: []string{"github.com/nats-io"}, only: []string{"stream", "e2e"}},
	{modules: []string{"github.com/cockroachdb/pebble"}, only: []string{"store"}},
	{modules: []string{"github.com/labstack/echo"}, only: []string{"webhooks", "web", "app", "e2e"}},
	{modules: []string{"go.yaml.in/yaml", "gopkg.in/yaml.v2", "gopkg.in/yaml.v3", "github.com/knadh/koanf"}, only: []string{"config"}},
}
