package projects

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/aymanbagabas/go-udiff"

	"pyindex/internal/access"
	"pyindex/internal/browse"
	"pyindex/internal/catalog"
	"pyindex/web/ui"
)

type diffView struct {
	ui.Frame
	browse.Comparison
	Against     ui.Field
	Description []diffLine
	Others      []namedLink // other files whose contents can be compared
}

// diffLine is a line of a text before, after, or in both. Kind is "gone", "came", "same" or "gap"; a gap has no text.
type diffLine struct{ Kind, Text string }

// Limits on the shown differences.
const (
	maxChangesShown = browse.MaxMembers // values of one kind of change
	maxValueShown   = 400               // characters of a value or line
	maxTextShown    = 2_000             // characters of a metadata field
	maxDiffedText   = 256 << 10         // bytes of each description that are compared
	maxDiffLines    = 300
	maxOffered      = 200 // versions to choose from
)

// diff compares a release with the previous one, or with the version in the query parameter against.
func (s *Section) diff(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	name, err := s.ProjectName(w, r)
	if err != nil || name.IsZero() {
		return err
	}
	in := r.URL.Query()
	c, err := s.o.Browser.Compare(r.Context(), who, ui.Repository(r), name,
		browse.Pair{From: in.Get("against"), To: r.PathValue("version"), File: in.Get("file")})
	if err != nil {
		return s.missing(r, who, name, err)
	}
	if err := s.o.Reader.RefuseOwn(r.Context(), who, ui.Repository(r), name, c.From.Version, c.To.Version); err != nil {
		return err
	}
	v := diffView{
		Frame:      s.Frame(r, who, fmt.Sprintf("%s %s against %s", c.Project.Display, c.To.Version, c.From.Version)),
		Comparison: c, Description: lineDiff(c.Descriptions[0], c.Descriptions[1]),
	}
	v.Against = ui.Typed(nil).Field(ui.Field{
		Name: "against", Label: "Compare with another version", Type: "select", Value: c.From.Version,
		Options: offered(c),
	})
	for _, list := range []*browse.Change{&v.Required, &v.Files, &v.Inside.Members} {
		*list = bounded(*list)
	}
	v.Fields = slices.Clone(c.Fields)
	for i := range v.Fields {
		f := &v.Fields[i]
		f.Before, f.After, f.List = ui.Cut(maxTextShown, f.Before), ui.Cut(maxTextShown, f.After), bounded(f.List)
	}
	for _, file := range c.Inside.Others[:min(len(c.Inside.Others), maxChangesShown)] {
		q := url.Values{"against": {c.From.Version}, "file": {file}}
		v.Others = append(v.Others, namedLink{file, "?" + q.Encode() + "#inside"})
	}
	return s.Render(w, http.StatusOK, "diff", &v)
}

// offered returns the versions to compare with: those nearest to the compared ones, if there are very many.
func offered(c browse.Comparison) (out []ui.Option) {
	i := slices.IndexFunc(c.Releases, func(r catalog.Summary) bool { return r.ID == c.From.ID })
	from := max(0, min(i-maxOffered/2, len(c.Releases)-maxOffered))
	for _, r := range c.Releases[from:min(len(c.Releases), from+maxOffered)] {
		if r.ID == c.To.ID {
			continue
		}
		label := r.Version
		if r.Yanked {
			label += " (yanked)"
		}
		out = append(out, ui.Option{Value: r.Version, Label: label})
	}
	return out
}

// bounded returns a change with at most maxChangesShown values of each kind.
func bounded(c browse.Change) browse.Change {
	cut := func(all []string, more int) []string {
		out := make([]string, 0, min(len(all), maxChangesShown+1))
		for _, s := range all[:min(len(all), maxChangesShown)] {
			out = append(out, ui.Cut(maxValueShown, s))
		}
		if n := max(0, len(all)-maxChangesShown) + more; n > 0 {
			out = append(out, fmt.Sprintf("and %s more", ui.Count(n)))
		}
		return out
	}
	return browse.Change{
		Removed: cut(c.Removed, c.More.Removed), Added: cut(c.Added, c.More.Added), Changed: cut(c.Changed, c.More.Changed),
	}
}

// lineDiff compares the first lines of two texts. It returns nil if they are equal.
func lineDiff(before, after string) (out []diffLine) {
	before, after = diffable(before), diffable(after)
	u, err := udiff.ToUnifiedDiff("", "", before, udiff.Lines(before, after), 2)
	if err != nil {
		return nil // the edits come from the same text
	}
	for i, h := range u.Hunks {
		if i > 0 || h.FromLine > 1 {
			out = append(out, diffLine{Kind: "gap"})
		}
		for _, l := range h.Lines {
			kind := map[udiff.OpKind]string{udiff.Delete: "gone", udiff.Insert: "came", udiff.Equal: "same"}[l.Kind]
			out = append(out, diffLine{kind, ui.Cut(maxValueShown, strings.TrimRight(l.Content, "\n"))})
		}
	}
	if len(out) > maxDiffLines {
		out = append(out[:maxDiffLines:maxDiffLines], diffLine{Kind: "gap"})
	}
	return out
}

// diffable returns a text with uniform line ends, because build back ends differ in them, and with a bounded length.
func diffable(s string) string {
	s = strings.ReplaceAll(catalog.CutText(s, maxDiffedText), "\r\n", "\n")
	if s = strings.TrimRight(s, "\n \t"); s == "" {
		return ""
	}
	return s + "\n"
}
