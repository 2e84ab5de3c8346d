package house_test

import (
	"debug/elf"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// instruction is one instruction of a Dockerfile, continued lines joined.
type instruction struct{ word, rest string }

// stages returns the instructions of each build stage, FROM first.
func stages(text string) [][]instruction {
	var found [][]instruction
	var kept []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			kept = append(kept, line)
		}
	}
	joined := strings.ReplaceAll(strings.Join(kept, "\n"), "\\\n", " ")
	for line := range strings.SplitSeq(joined, "\n") {
		word, rest, _ := strings.Cut(line, " ")
		if word == "FROM" {
			found = append(found, nil)
		}
		if last := len(found) - 1; last >= 0 {
			found[last] = append(found[last], instruction{word, strings.TrimSpace(rest)})
		}
	}
	return found
}

// rests returns what follows each instruction of one word.
func rests(stage []instruction, word string) []string {
	var found []string
	for _, i := range stage {
		if i.word == word {
			found = append(found, i.rest)
		}
	}
	return found
}

// only returns what follows the one instruction of a word.
func only(t *testing.T, stage []instruction, word string) string {
	t.Helper()
	found := rests(stage, word)
	if len(found) != 1 {
		t.Fatalf("want %s once, got %q", word, found)
	}
	return found[0]
}

func dockerfile(t *testing.T) (build, final []instruction) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	found := stages(string(text))
	if len(found) != 2 {
		t.Fatalf("want a build stage and a final stage, got %d stages", len(found))
	}
	return found[0], found[1]
}

// No image is needed to know that the build line works: it runs here, only its
// output goes elsewhere.
func TestDockerfileBuilds(t *testing.T) {
	build, _ := dockerfile(t)
	lines := slices.DeleteFunc(rests(build, "RUN"), func(line string) bool { return !strings.Contains(line, "go build") })
	if len(lines) != 1 || strings.Count(lines[0], "/out/tracklayer") != 1 {
		t.Fatalf("want one line that builds /out/tracklayer, got %q", lines)
	}
	binary := filepath.Join(t.TempDir(), "tracklayer")
	command := exec.CommandContext(t.Context(), "sh", "-c", strings.Replace(lines[0], "/out/tracklayer", "'"+binary+"'", 1))
	command.Dir = root
	command.Env = append(os.Environ(), "GOWORK=off", "VERSION=v0.0.0-image", "COMMIT=c0ffee", "GOOS=linux")
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", lines[0], err, output)
	}
	wantStatic(t, binary)
	output, err := exec.CommandContext(t.Context(), binary, "version").CombinedOutput()
	if err != nil {
		t.Fatalf("version: %v\n%s", err, output)
	}
	for _, want := range []string{"v0.0.0-image", "c0ffee"} {
		if !strings.Contains(string(output), want) {
			t.Errorf("version does not say %s, so the build line does not reach main.version and main.commit: %s", want, output)
		}
	}
}

// wantStatic fails if the binary needs a loader or libraries, which an empty
// image does not have.
func wantStatic(t *testing.T, binary string) {
	t.Helper()
	file, err := elf.Open(binary)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	for _, part := range file.Progs {
		if part.Type == elf.PT_INTERP {
			t.Error("the binary asks for a loader")
		}
	}
	if libraries, err := file.ImportedLibraries(); err != nil || len(libraries) > 0 {
		t.Errorf("the binary asks for %v (%v)", libraries, err)
	}
}

// The layer of the modules comes before the sources, or every edit downloads
// them again, and the build stage uses the Go version of go.mod.
func TestDockerfileBuildStage(t *testing.T) {
	build, _ := dockerfile(t)
	at := func(word, rest string) int {
		return slices.IndexFunc(build, func(i instruction) bool { return i.word == word && strings.Contains(i.rest, rest) })
	}
	download, sources := at("RUN", "go mod download"), at("COPY", ". .")
	if at("COPY", "go.mod go.sum") < 0 || at("COPY", "go.mod go.sum") > download || download > sources {
		t.Error("want go.mod and go.sum, then go mod download, then the sources")
	}
	for _, folder := range clientModules(t) {
		if i := at("COPY", folder+"/go.mod "+folder+"/"); i < 0 || i > download {
			t.Errorf("want %s/go.mod copied before go mod download, which reads it", folder)
		}
	}
	text, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	_, version, _ := strings.Cut(string(text), "\ngo ")
	version, _, _ = strings.Cut(version, "\n")
	short := strings.Join(strings.SplitN(version, ".", 3)[:2], ".")
	if from := only(t, build, "FROM"); from != "golang:"+short+" AS build" {
		t.Errorf("the build stage is %q, and go.mod asks for Go %s", from, version)
	}
}

func TestDockerfileFinalStage(t *testing.T) {
	_, final := dockerfile(t)
	user, _, _ := strings.Cut(only(t, final, "USER"), ":")
	if id, err := strconv.Atoi(user); err != nil || id == 0 {
		t.Errorf("USER is %q; want a number other than 0, which any runtime can tell from root", user)
	}
	var entry, health []string
	_, command, _ := strings.Cut(only(t, final, "HEALTHCHECK"), "CMD ")
	for text, list := range map[string]*[]string{only(t, final, "ENTRYPOINT"): &entry, command: &health} {
		if err := json.Unmarshal([]byte(text), list); err != nil || len(*list) == 0 {
			t.Fatalf("%q is not in the exec form, and there is no shell in the image: %v", text, err)
		}
	}
	if !slices.Equal(health, []string{entry[0], "healthcheck"}) {
		t.Errorf("HEALTHCHECK runs %q", health)
	}
	if !slices.Contains(rests(final, "COPY"), "--from=build /out/tracklayer "+entry[0]) {
		t.Errorf("nothing is copied to %s", entry[0])
	}
	if got := only(t, final, "CMD"); got != `["serve"]` {
		t.Errorf("CMD is %s", got)
	}
	if got := only(t, final, "VOLUME"); got != "/data" || !strings.Contains(only(t, final, "ENV"), "TRACKLAYER_DATA_DIR=/data") {
		t.Errorf("the data does not lie in the volume %s", got)
	}
	if got := only(t, final, "EXPOSE"); got != "8080 8081" {
		t.Errorf("EXPOSE is %s", got)
	}
}
