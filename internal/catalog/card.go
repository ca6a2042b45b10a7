package catalog

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"pyindex/internal/packaging"
)

// Card is a project as lists show it, with data from its latest release. It is written in the transaction that changes
// any of its fields.
type Card struct {
	ProjectID, RepositoryID    string
	Name, Display              string
	Status                     Status
	Summary                    string
	Version                    string
	Yanked                     bool // every release is yanked, so this one is too
	SourceKind                 packaging.Kind
	ReleasedAt                 time.Time
	Pythons                    []string // "3.9", "3.10": the known Python versions that it supports
	License                    string
	Classifiers                []string
	Attested                   bool // a file of the release has a verified attestation
	UploaderKind, UploaderName string
}

// CardText is the text that is searched but not shown.
type CardText struct{ Keywords, People, Body string }

// Required is a project that a release requires.
type Required struct {
	Name string // normal
	Text string // the requirement as written, truncated to 500 bytes
}

// knownPythons lists the Python versions that searches can filter by.
var knownPythons = func() (out []string) {
	for minor := 6; minor <= 20; minor++ {
		out = append(out, fmt.Sprintf("3.%d", minor))
	}
	return out
}()

// KnownPythons returns the Python versions that searches can filter by, oldest first.
func KnownPythons() []string { return slices.Clone(knownPythons) }

// runsOn returns the known Python versions that a Requires-Python value allows.
func runsOn(requires string) []string {
	specifiers, err := packaging.ParseSpecifiers(requires)
	if err != nil {
		return nil
	}
	var out []string
	for _, text := range knownPythons {
		// Use a late patch release: a lower bound such as >=3.9.1 still allows 3.9.
		v, err := packaging.ParseVersion(text + ".99")
		if err == nil && specifiers.Contains(v) {
			out = append(out, text)
		}
	}
	return out
}

// Limits on the searched text and lists, in bytes or items.
const (
	maxBody        = 32 << 10
	maxRequired    = 1_000
	maxRequirement = 500
)

// card creates a project's card from a release and the file that represents it.
func card(p Project, s Summary, f File, m packaging.Metadata) (Card, CardText) {
	c := Card{
		ProjectID: p.ID, RepositoryID: p.Repository.ID, Name: p.Name.String(), Display: p.Display, Status: p.Status,
		Summary: CutText(m.Summary, 1000), Version: s.Version, Yanked: s.Yanked, SourceKind: f.Kind, ReleasedAt: s.CreatedAt,
		Pythons: runsOn(m.RequiresPython), License: licenseOf(m), Classifiers: m.Classifiers, Attested: f.Attested,
		UploaderKind: f.Uploader.Kind, UploaderName: f.Uploader.Name,
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

// LicenseKey returns a license in the form in which licenses are compared: without case, because identifiers of SPDX
// have none.
func LicenseKey(license string) string {
	return strings.Join(strings.Fields(strings.ToLower(license)), " ")
}

// CutText truncates a text to at most n bytes, at a character boundary.
func CutText(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}

func required(m packaging.Metadata) []Required {
	var out []Required
	for _, text := range m.RequiresDist[:min(len(m.RequiresDist), maxRequired)] {
		if r, ok := packaging.LegacyRequirement(text); ok {
			out = append(out, Required{r.Name.String(), CutText(text, maxRequirement)})
		}
	}
	return out
}
