package packaging_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"

	"pyindex/internal/packaging"
)

// question is sent to testdata/oracle.py; ours is this package's answer.
type question struct {
	Ask  string `json:"ask"`
	A    string `json:"a"`
	B    string `json:"b,omitempty"`
	ours any
}

// TestAgreesWithPackaging compares with Python's packaging library, in one process, on generated texts, most of them
// nearly valid. The seed is fixed, so that failures are reproducible.
func TestAgreesWithPackaging(t *testing.T) {
	questions := generate(rand.New(rand.NewPCG(20261123, 440)))
	answers := ask(t, questions)
	asked, valid, differ := map[string]int{}, map[string]int{}, map[string]int{}
	for i, q := range questions {
		asked[q.Ask]++
		if answers[i] != "null" {
			valid[q.Ask]++
		}
		if got := encode(t, q.ours); got != answers[i] {
			if differ[q.Ask]++; differ[q.Ask] <= 10 {
				t.Errorf("%s(%q, %q) = %s, packaging returns %s", q.Ask, q.A, q.B, got, answers[i])
			}
		}
	}
	t.Logf("asked %v, of which valid %v, different %v", asked, valid, differ)
}

// TestStricterThanPackaging lists all known and intended differences, and fails if one of them disappears.
func TestStricterThanPackaging(t *testing.T) {
	questions := []question{
		{Ask: "requirement", A: "foo_", ours: ourRequirement("foo_")},
		{Ask: "requirement", A: `foo; extra == "a\\b"`, ours: ourRequirement(`foo; extra == "a\\b"`)},
		{Ask: "wheel", A: "_foo-1.0-py3-none-any.whl", ours: ourFile("_foo-1.0-py3-none-any.whl", packaging.Wheel)},
		{Ask: "wheel", A: "foo- 1.0-py3-none-any.whl", ours: ourFile("foo- 1.0-py3-none-any.whl", packaging.Wheel)},
		{Ask: "wheel", A: "foo-1.0-py3-none-a+b.whl", ours: ourFile("foo-1.0-py3-none-a+b.whl", packaging.Wheel)},
		{Ask: "sdist", A: "foo.-1.0.tar.gz", ours: ourFile("foo.-1.0.tar.gz", packaging.SDist)},
		{Ask: "version", A: strings.Repeat("1", 256), ours: ourVersion(strings.Repeat("1", 256))},
	}
	for i, answer := range ask(t, questions) {
		q := questions[i]
		if answer == "null" || q.ours != nil {
			t.Errorf("%s(%q) = %s, packaging returns %s; want an error only from us", q.Ask, q.A, encode(t, q.ours), answer)
		}
	}
}

func ask(t *testing.T, questions []question) []string {
	t.Helper()
	python := os.Getenv("INDEX_TEST_PYTHON")
	if python == "" && os.Getenv("CI") == "true" {
		t.Fatal("INDEX_TEST_PYTHON is not set; ./test.sh makes that interpreter")
	}
	if python == "" {
		t.Skip("INDEX_TEST_PYTHON names no Python with packaging")
	}
	var in bytes.Buffer
	for _, q := range questions {
		in.WriteString(encode(t, q) + "\n")
	}
	cmd := exec.CommandContext(t.Context(), python, "testdata/oracle.py")
	cmd.Stdin, cmd.Stderr = &in, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s testdata/oracle.py: %v", python, err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != len(questions) {
		t.Fatalf("oracle answered %d of %d questions", len(lines), len(questions))
	}
	for i, l := range lines {
		lines[i] = level(t, l)
	}
	return lines
}

// level formats JSON like Go: sorted keys, no blanks.
func level(t *testing.T, line string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(line), &v); err != nil {
		t.Fatalf("oracle said %q: %v", line, err)
	}
	return encode(t, v)
}

func encode(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func generate(r *rand.Rand) []question {
	g := generator{r}
	var qs []question
	for range 5000 {
		v := g.version()
		qs = append(qs, question{Ask: "version", A: v, ours: ourVersion(v)})
	}
	for range 5000 {
		a, b := g.version(), g.neighbour()
		qs = append(qs, question{Ask: "order", A: a, B: b, ours: ourOrder(a, b)})
	}
	for range 5000 {
		s := g.specifiers()
		qs = append(qs, question{Ask: "specifiers", A: s, ours: ourSpecifiers(s)})
	}
	for range 5000 {
		s, v := g.plainSpecifiers(), g.neighbour()
		qs = append(qs, question{Ask: "contains", A: s, B: v, ours: ourContains(s, v)})
	}
	for range 5000 {
		s := g.requirement()
		qs = append(qs, question{Ask: "requirement", A: s, ours: ourRequirement(s)})
	}
	for range 2000 {
		name, wheel, sdist := g.name(), g.wheel(), g.sdist()
		qs = append(qs,
			question{Ask: "name", A: name, ours: ourName(name)},
			question{Ask: "wheel", A: wheel, ours: ourFile(wheel, packaging.Wheel)},
			question{Ask: "sdist", A: sdist, ours: ourFile(sdist, packaging.SDist)},
		)
	}
	return qs
}

func ourName(s string) any {
	n, err := packaging.ParseProjectName(s)
	if err != nil {
		return nil
	}
	return n.String()
}

func ourVersion(s string) any {
	v, err := packaging.ParseVersion(s)
	if err != nil {
		return nil
	}
	return map[string]any{
		"str":    v.String(),
		"key":    v.Key(),
		"pre":    v.IsPrerelease(),
		"post":   v.IsPostrelease(),
		"local":  v.HasLocal(),
		"public": v.Public().String(),
	}
}

func ourOrder(a, b string) any {
	v, errV := packaging.ParseVersion(a)
	w, errW := packaging.ParseVersion(b)
	if errV != nil || errW != nil {
		return nil
	}
	return v.Compare(w)
}

func ourSpecifiers(s string) any {
	set, err := packaging.ParseSpecifiers(s)
	if err != nil {
		return nil
	}
	return set.String()
}

func ourContains(s, version string) any {
	set, errS := packaging.ParseSpecifiers(s)
	v, errV := packaging.ParseVersion(version)
	if errS != nil || errV != nil {
		return nil
	}
	return set.Contains(v)
}

func ourRequirement(s string) any {
	r, err := packaging.ParseRequirement(s)
	if err != nil {
		return nil
	}
	return r.Canonical()
}

// ourFile derives the project from the part before the first dash of a wheel, or the last dash of an sdist.
func ourFile(s string, kind packaging.Kind) any {
	end := strings.Index(s, "-")
	if kind == packaging.SDist {
		end = strings.LastIndex(s, "-")
	}
	name, err := packaging.ParseProjectName(s[:max(end, 0)])
	if err != nil {
		return nil
	}
	f, err := packaging.ParseFilename(s, name)
	if err != nil || f.Kind() != kind {
		return nil
	}
	if kind == packaging.SDist {
		return map[string]any{"name": f.Name().String(), "version": f.Version().String()}
	}
	tags := []string{}
	for _, tag := range f.Tags() {
		tags = append(tags, tag.String())
	}
	return map[string]any{
		"name": f.Name().String(), "version": f.Version().String(), "build": strings.TrimLeft(f.Build(), "0"),
		"tags": sorted(tags),
	}
}
