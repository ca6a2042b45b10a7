package projects

import (
	"net/mail"
	"net/url"
	"strings"

	"pyindex/internal/packaging"
	"pyindex/internal/readme"
	"pyindex/web/ui"
)

// requirementGroup is a group of requirements that belong to the same extra.
type requirementGroup struct {
	Extra string // name of the extra, "" for none
	Items []requirement
}

type requirement struct {
	Name   string // normalized name, "" if the text is invalid
	Text   string // versions, extras and URL, or the whole text if it is invalid
	Marker string
	Here   bool // the reader can see a project with this name
}

// requirements groups the requirements of a release by extra. It keeps their order.
func requirements(all []string) []requirementGroup {
	var out []requirementGroup
	for _, text := range all {
		r, err := packaging.ParseRequirement(text)
		item, extra := requirement{Text: text}, ""
		if err == nil {
			item, extra = readRequirement(r)
		}
		item.Text, item.Marker = ui.Cut(maxValueShown, item.Text), ui.Cut(maxValueShown, item.Marker)
		extra = ui.Cut(maxWord, extra)
		if n := groupOf(out, extra); n >= 0 {
			out[n].Items = append(out[n].Items, item)
		} else {
			out = append(out, requirementGroup{extra, []requirement{item}})
		}
	}
	return out
}

func groupOf(groups []requirementGroup, extra string) int {
	for i, g := range groups {
		if g.Extra == extra {
			return i
		}
	}
	return -1
}

func readRequirement(r packaging.Requirement) (requirement, string) {
	x := requirement{Name: r.Name.String(), Text: r.Specifiers.String(), Marker: r.Marker.String()}
	if len(r.Extras) > 0 {
		x.Text = "[" + strings.Join(r.Extras, ",") + "]" + x.Text
	}
	if r.URL != "" {
		x.Text += " @ " + r.URL
	}
	marker, extra := x.Marker, ""
	if i := strings.LastIndex(marker, `extra == "`); i >= 0 && !strings.Contains(marker, " or ") {
		extra, _, _ = strings.Cut(marker[i+len(`extra == "`):], `"`)
		x.Marker = strings.TrimSuffix(strings.TrimSuffix(marker[:i], " "), " and")
	}
	return x, extra
}

// person is an author or maintainer.
type person struct{ Role, Name, Email string }

func people(m packaging.Metadata) []person {
	var out []person
	for _, of := range []struct{ role, names, emails string }{
		{"Author", m.Author, m.AuthorEmail}, {"Maintainer", m.Maintainer, m.MaintainerEmail},
	} {
		list, err := mail.ParseAddressList(of.emails)
		switch {
		case of.emails == "" && of.names != "":
			out = append(out, person{Role: of.role, Name: of.names})
		case of.emails != "" && err != nil:
			out = append(out, person{of.role, strings.TrimSpace(of.names + " " + of.emails), ""})
		default:
			for i, a := range list[:min(len(list), maxPeople)] {
				if a.Name == "" && i == 0 {
					a.Name = of.names
				}
				out = append(out, person{of.role, a.Name, a.Address})
			}
		}
	}
	for i := range out {
		out[i].Name = packaging.PlainName(out[i].Name)
	}
	return out
}

// namedLink is a link from the metadata of a project.
type namedLink struct{ Label, URL string }

func links(m packaging.Metadata) []namedLink {
	var out []namedLink
	add := func(label, address string) {
		u, err := url.Parse(strings.TrimSpace(address))
		if err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && len(address) <= maxURL {
			out = append(out, namedLink{ui.Cut(maxWord, label), u.String()})
		}
	}
	add("Homepage", m.HomePage)
	for _, l := range m.ProjectURLs {
		label, address, _ := strings.Cut(l, ",")
		add(strings.TrimSpace(label), address)
	}
	add("Download", m.DownloadURL)
	return out
}

// sourceLabels are the usual labels of the URL of a project's source, normalized, in the order of preference.
var sourceLabels = []string{"source", "sourcecode", "repository", "code", "github", "gitlab", "codeberg", "homepage"}

// source returns the repository in the URLs of a project. URLs with a usual label come first, then the home page.
func source(m packaging.Metadata) readme.Source {
	byLabel := map[string]string{"homepage": m.HomePage}
	var others []string
	for _, l := range m.ProjectURLs {
		label, address, _ := strings.Cut(l, ",")
		label = strings.NewReplacer(" ", "", "-", "", "_", "").Replace(strings.ToLower(label))
		byLabel[label] = address
		others = append(others, address)
	}
	var urls []string
	for _, label := range sourceLabels {
		urls = append(urls, byLabel[label])
	}
	return readme.SourceOf(append(urls, others...)...)
}

// classifierGroup has the classifiers with the same first part.
type classifierGroup struct {
	Name   string
	Values []classifier
}

type classifier struct{ Full, Short string }

func classified(all []string) []classifierGroup {
	var out []classifierGroup
	for _, c := range all {
		group, rest, ok := strings.Cut(c, " :: ")
		if !ok {
			rest = c
		}
		i := 0
		for i < len(out) && out[i].Name != group {
			i++
		}
		if i == len(out) {
			out = append(out, classifierGroup{Name: group})
		}
		out[i].Values = append(out[i].Values, classifier{c, rest})
	}
	return out
}

// Limits on the metadata that a page shows. The metadata of a file may have 8 MiB.
const (
	maxSummary = 500 // characters
	maxFact    = 200 // characters of another field with one value
	maxWord    = 100 // characters of a keyword, extra, import name or label
	maxWords   = 50  // keywords, extras, import names or links
	maxPeople  = 20  // people of one kind
	maxURL     = 2_000
	maxListed  = 200 // classifiers or requirements
	maxRaw     = 4_000
)

// shown returns the part of the metadata that pages show. Cut texts end in an ellipsis. The description is not cut,
// because rendering it has its own bound. Long lists are cut without a mark; left reports how many requirements and
// classifiers are missing.
func shown(m packaging.Metadata) (out packaging.Metadata, left omitted) {
	out = packaging.Metadata{
		Name: m.Name, Version: m.Version, Summary: ui.Cut(maxSummary, m.Summary),
		Description: m.Description, DescriptionContentType: m.DescriptionContentType,
		Keywords: ui.Cut(maxRaw, m.Keywords), HomePage: m.HomePage, DownloadURL: m.DownloadURL,
		Author: ui.Cut(maxFact, m.Author), AuthorEmail: ui.Cut(maxRaw, m.AuthorEmail),
		Maintainer: ui.Cut(maxFact, m.Maintainer), MaintainerEmail: ui.Cut(maxRaw, m.MaintainerEmail),
		License: ui.Cut(maxFact, m.License), LicenseExpression: packaging.SPDXCase(ui.Cut(maxFact, m.LicenseExpression)),
		RequiresPython: ui.Cut(maxFact, m.RequiresPython),
		ProjectURLs:    m.ProjectURLs[:min(len(m.ProjectURLs), maxWords)],
		Classifiers:    few(maxListed, maxFact, m.Classifiers),
		RequiresDist:   m.RequiresDist[:min(len(m.RequiresDist), maxListed)],
		ProvidesExtra:  few(maxWords, maxWord, m.ProvidesExtra),
		ImportNames:    few(maxWords, maxWord, m.ImportNames), ImportNamespaces: few(maxWords, maxWord, m.ImportNamespaces),
	}
	left.Classifiers = len(m.Classifiers) - len(out.Classifiers)
	left.Requirements = len(m.RequiresDist) - len(out.RequiresDist)
	return out, left
}

// omitted counts the values that a page leaves out.
type omitted struct{ Classifiers, Requirements int }

// few returns the first n values, each of at most length characters.
func few(n, length int, all []string) []string {
	out := make([]string, 0, min(n, len(all)))
	for _, s := range all[:min(n, len(all))] {
		out = append(out, ui.Cut(length, s))
	}
	return out
}

// importName is a name that the release can be imported as.
type importName struct {
	Name    string
	Private bool
}

// importNames reads Import-Name and Import-Namespace (PEP 794), whose values may end in "; private".
func importNames(m packaging.Metadata) []importName {
	var out []importName
	for _, s := range append(m.ImportNames[:len(m.ImportNames):len(m.ImportNames)], m.ImportNamespaces...) {
		name, mark, _ := strings.Cut(s, ";")
		if name = strings.TrimSpace(name); name != "" {
			out = append(out, importName{name, strings.TrimSpace(mark) == "private"})
		}
	}
	return out
}
