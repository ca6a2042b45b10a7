package packaging_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"pyindex/internal/packaging"
)

// TestReadsMetadataAsPython: metadata that we accept has the same content for us and for Python's email parser, which
// pip uses. We may reject metadata that the parser accepts; the test counts these cases.
func TestReadsMetadataAsPython(t *testing.T) {
	g := generator{rand.New(rand.NewPCG(20261123, 822))}
	var questions []question
	for range 3000 {
		text := g.metadata()
		questions = append(questions, question{Ask: "metadata", A: text, ours: ourMetadata(text)})
	}
	refusals := 0
	for i, answer := range ask(t, questions) {
		q := questions[i]
		if q.ours == nil {
			refusals++
			continue
		}
		if got := encode(t, q.ours); got != answer {
			t.Errorf("ParseMetadata(%q) = %s, Python returns %s", q.A, got, answer)
		}
	}
	t.Logf("%d texts, of which %d refused as ambiguous", len(questions), refusals)
	if refusals == 0 || refusals > len(questions)/2 {
		t.Errorf("%d of %d texts refused: the generator is of no use", refusals, len(questions))
	}
}

func ourMetadata(text string) any {
	m, _, err := packaging.ParseMetadata([]byte(text), packaging.Wheel)
	if err != nil {
		return nil
	}
	list := func(s []string) []string { return append([]string{}, s...) }
	return map[string]any{
		"Requires-Dist": list(m.RequiresDist), "Provides-Extra": list(m.ProvidesExtra), "Classifier": list(m.Classifiers),
		"Name": strings.TrimSpace(m.Name), "Version": strings.TrimSpace(m.Version),
		"Requires-Python": strings.TrimSpace(m.RequiresPython),
		"body":            strings.TrimSpace(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(m.Description)),
	}
}

// metadata generates metadata with one kind of line break, sometimes another one in its middle, and lines that are not
// headers.
func (g generator) metadata() string {
	end := g.pick("\n", "\n", "\r\n", "\r")
	s := g.maybe(20, " folded"+end, "From me"+end, "stray"+end) + "Metadata-Version: 2.1" + end + "Name: foo" + end
	for range g.r.IntN(8) {
		s += g.pick("Requires-Dist", "requires-dist", "Provides-Extra", "Classifier", "Requires-Python", "X-Other", "",
			"Summary") + g.maybe(30, " ")
		s += g.pick(": ", ":", ":\t", ": ") + g.maybe(30, ":")
		s += g.pick("a", "b>=1 ", "", "UNKNOWN", "c: d", "x"+end+" y", "x"+end+"\ty"+end+" ", "x\fy",
			"x\x1cRequires-Dist: z", "x\rRequires-Dist: z", "x\vy")
		s += end + g.maybe(15, "\r", end, "stray"+end, "a b: c"+end)
	}
	return s + g.pick("Version: 1.0", "Version: 1.0"+end, "") + g.pick("", end+end+"body"+end+"Name: bar")
}
