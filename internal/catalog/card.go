package catalog

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"pyindex/internal/packaging"
)

// Card is a project as lists show it: what its latest release says. It is written in the transaction that changes any
// of it.
type Card struct {
	ProjectID, RepositoryID    string
	Name, Display              string
	Status                     Status
	Summary                    string
	Version                    string
	Yanked                     bool // the release is, for want of another
	SourceKind                 packaging.Kind
	ReleasedAt                 time.Time
	Pythons                    []string // "3.9", "3.10": the versions that it runs on, of those that are known
	License                    string
	Classifiers                []string
	Attested                   bool // a file of the release has a verified attestation
	UploaderKind, UploaderName string
}

// CardText is what is searched and not shown.
type CardText struct{ Keywords, People, Body string }

// Required is a project that a release requires.
type Required struct {
	Name string // normal
	Text string // the requirement as written, cut to 500 bytes
}

// knownPythons are the versions that projects are searched by.
var knownPythons = func() (out []string) {
	for minor := 6; minor <= 20; minor++ {
		out = append(out, fmt.Sprintf("3.%d", minor))
	}
	return out
}()

// KnownPythons returns the versions of Python that projects can be searched by, oldest first.
func KnownPythons() []string { return slices.Clone(knownPythons) }

// runsOn returns which known versions of Python a Requires-Python admits.
func runsOn(requires string) []string {
	specifiers, err := packaging.ParseSpecifiers(requires)
	if err != nil {
		return nil
	}
	var out []string
	for _, text := range knownPythons {
		// The newest patch of each: a lower bound such as >=3.9.1 admits the later ones.
		v, err := packaging.ParseVersion(text + ".99")
		if err == nil && specifiers.Contains(v) {
			out = append(out, text)
		}
	}
	return out
}

// What of a description and of a list is searched, in bytes and items.
const (
	maxBody        = 32 << 10
	maxRequired    = 1_000
	maxRequirement = 500
)

// card makes a project's card of a release and the file that stands for it.
func card(p Project, s Summary, f File, m packaging.Metadata) (Card, CardText) {
	c := Card{
		ProjectID: p.ID, RepositoryID: p.Repository.ID, Name: p.Name.String(), Display: p.Display, Status: p.Status,
		Summary: CutText(m.Summary, 1000), Version: s.Version, Yanked: s.Yanked, SourceKind: f.Kind, ReleasedAt: s.CreatedAt,
		Pythons: runsOn(m.RequiresPython),
		License: licenseOf(m), Classifiers: m.Classifiers, Attested: f.Attested, UploaderKind: f.Uploader.Kind,
		UploaderName: f.Uploader.Name,
	}
	return c, CardText{
		Keywords: m.Keywords, People: strings.Join([]string{m.Author, m.AuthorEmail, m.Maintainer, m.MaintainerEmail}, " "),
		Body: CutText(m.Description, maxBody),
	}
}

func licenseOf(m packaging.Metadata) string {
	if m.LicenseExpression != "" {
		return CutText(m.LicenseExpression, 200)
	}
	first, _, _ := strings.Cut(m.License, "\n")
	return CutText(first, 200)
}

// CutText shortens a text to at most n bytes, between characters.
func CutText(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}

// required reads the names of what a release requires.
func required(m packaging.Metadata) []Required {
	var out []Required
	for _, text := range m.RequiresDist[:min(len(m.RequiresDist), maxRequired)] {
		if r, err := packaging.ParseRequirement(text); err == nil {
			out = append(out, Required{r.Name.String(), CutText(text, maxRequirement)})
		}
	}
	return out
}
