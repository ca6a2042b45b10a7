package browse

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// Comparison contains the differences between two releases of a project.
type Comparison struct {
	Project      catalog.Project
	From, To     catalog.Summary
	Fields       []FieldChange // of core metadata, without the description
	Described    bool          // whether the description differs
	Required     Change        // requirements
	Files        Change        // file names, without the version in them
	Members      Change        // names of archive members of the files Inside
	Inside       [2]string     // names of the compared files, from and to
	MembersKnown bool          // false if a file was uploaded before members were stored
}

// FieldChange is a field of core metadata before and after. A list has one value on each line.
type FieldChange struct{ Name, Before, After string }

// Change contains removed and added values, sorted.
type Change struct{ Removed, Added []string }

// Compare returns the differences between two releases of a project, by any spelling of their versions. If from is "",
// it is the version before to. It returns fault.NotFound if the caller may not see the project or a release does not
// exist.
func (x *Browser) Compare(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName,
	from, to string,
) (Comparison, error) {
	o, err := x.index.Releases(ctx, who, repo, name)
	if err != nil {
		return Comparison{}, err
	}
	i := o.Find(to)
	j := o.Find(from)
	if from == "" && i >= 0 {
		j = before(o.Releases, i)
	}
	if i < 0 || j < 0 || i >= len(o.Releases) || j >= len(o.Releases) {
		return Comparison{}, catalog.Missing("release of that version to compare with")
	}
	c := Comparison{Project: o.Project, From: o.Releases[j], To: o.Releases[i]}
	err = x.store.View(ctx, func(tx Tx) error { return c.fill(ctx, tx) })
	return c, err
}

// before returns the index of the release to compare the one at i with: the next lower version, skipping pre-releases
// if the one at i is final.
func before(all []catalog.Summary, i int) int {
	for j := i + 1; j < len(all); j++ {
		if all[i].Prerelease || !all[j].Prerelease {
			return j
		}
	}
	return i + 1
}

func (c *Comparison) fill(ctx context.Context, tx Tx) error {
	a, err := tx.FilesOfRelease(ctx, c.From.ID)
	if err != nil {
		return err
	}
	b, err := tx.FilesOfRelease(ctx, c.To.ID)
	if err != nil || len(a) == 0 || len(b) == 0 {
		return err
	}
	c.Files = changed(withoutVersion(a), withoutVersion(b))
	f, g := counterparts(a, b)
	c.Inside = [2]string{f.Filename, g.Filename}
	if err := c.metadata(ctx, tx, catalog.Telling(a), catalog.Telling(b)); err != nil {
		return err
	}
	m, err := tx.Members(ctx, f.ID)
	n, err2 := tx.Members(ctx, g.ID)
	if fault.Is(err, fault.NotFound) || fault.Is(err2, fault.NotFound) {
		return nil
	}
	if err != nil || err2 != nil {
		return cmp.Or(err, err2)
	}
	c.MembersKnown = true
	c.Members = changed(membersWithout(m.Names, c.From.Version, f), membersWithout(n.Names, c.To.Version, g))
	return nil
}

// counterparts picks a file of each release to compare members of: of the same kind and with the same tags if there is
// such a pair.
func counterparts(a, b []catalog.File) (catalog.File, catalog.File) {
	f, g := catalog.Telling(a), catalog.Telling(b)
	for _, x := range a {
		for _, y := range b {
			if x.Kind == y.Kind && tagsOf(x) == tagsOf(y) && x.Kind == f.Kind {
				return x, y
			}
		}
	}
	return f, g
}

func tagsOf(f catalog.File) string { return strings.ReplaceAll(f.Filename, f.Version, "") }

func withoutVersion(files []catalog.File) []string {
	out := make([]string, len(files))
	for i, f := range files {
		out[i] = strings.Replace(f.Filename, "-"+f.Version, "-*", 1)
	}
	return out
}

// membersWithout removes the version from folders named after it, so that they do not all differ.
func membersWithout(names []string, version string, f catalog.File) []string {
	out := make([]string, 0, len(names))
	for _, name := range names {
		top, rest, nested := strings.Cut(name, "/")
		if i := strings.LastIndex(top, "-"+version); i > 0 &&
			(f.Kind == packaging.SDist || strings.HasPrefix(top[i+1+len(version):], ".")) {
			top = top[:i] + "-*" + top[i+1+len(version):]
		}
		if nested {
			top += "/" + rest
		}
		out = append(out, top)
	}
	return out
}

func changed(before, after []string) Change {
	return Change{Removed: lacking(before, after), Added: lacking(after, before)}
}

// lacking returns the values of a that are not in b, sorted.
func lacking(a, b []string) []string {
	have := make(map[string]bool, len(b))
	for _, s := range b {
		have[s] = true
	}
	out := slices.DeleteFunc(slices.Clone(a), func(s string) bool { return have[s] })
	slices.Sort(out)
	return slices.Compact(out)
}

func (c *Comparison) metadata(ctx context.Context, tx Tx, a, b catalog.File) error {
	m, err := tx.Metadata(ctx, a.ID)
	if err != nil {
		return err
	}
	n, err := tx.Metadata(ctx, b.ID)
	if err != nil {
		return err
	}
	c.Described = m.Description != n.Description
	old, current := requirements(m), requirements(n)
	c.Required = Change{Removed: absent(old, current), Added: absent(current, old)}
	for _, f := range comparedFields {
		if before, after := f.value(m), f.value(n); before != after && (f.key == nil || f.key(before) != f.key(after)) {
			c.Fields = append(c.Fields, FieldChange{f.name, before, after})
		}
	}
	return nil
}

// requirements returns the canonical text of each requirement, by a text that does not depend on the build backend that
// wrote it.
func requirements(m packaging.Metadata) map[string]string {
	out := make(map[string]string, len(m.RequiresDist))
	for _, s := range m.RequiresDist {
		if r, ok := packaging.LegacyRequirement(s); ok {
			out[r.Equivalent()] = r.Canonical()
		} else {
			out[s] = s
		}
	}
	return out
}

// absent returns the values of a whose keys are not in b, sorted.
func absent(a, b map[string]string) []string {
	var out []string
	for key, text := range a {
		if _, ok := b[key]; !ok {
			out = append(out, text)
		}
	}
	slices.Sort(out)
	return out
}

type comparedField struct {
	name  string
	value func(packaging.Metadata) string
	key   func(string) string // equal for values that mean the same; nil compares the text
}

// sameSpecifiers returns an equal text for all spellings of a Requires-Python.
func sameSpecifiers(s string) string {
	if set, err := packaging.ParseSpecifiers(s); err == nil {
		return set.String()
	}
	return s
}

// sameExtras returns an equal text for all spellings and orders of a list of extras.
func sameExtras(s string) string {
	names := strings.Split(s, "\n")
	for i, name := range names {
		if n, err := packaging.ParseProjectName(name); err == nil { // extras are normalized like projects
			names[i] = n.String()
		}
	}
	slices.Sort(names)
	return lined(slices.Compact(names))
}

func lined(values []string) string { return strings.Join(values, "\n") }

// comparedFields are the compared fields of core metadata, in the order of the specification.
var comparedFields = []comparedField{
	{"Metadata-Version", func(m packaging.Metadata) string { return m.MetadataVersion }, nil},
	{"Summary", func(m packaging.Metadata) string { return m.Summary }, nil},
	{"Description-Content-Type", func(m packaging.Metadata) string { return m.DescriptionContentType }, nil},
	{"Keywords", func(m packaging.Metadata) string { return m.Keywords }, nil},
	{"Author", func(m packaging.Metadata) string { return m.Author }, nil},
	{"Author-email", func(m packaging.Metadata) string { return m.AuthorEmail }, nil},
	{"Maintainer", func(m packaging.Metadata) string { return m.Maintainer }, nil},
	{"Maintainer-email", func(m packaging.Metadata) string { return m.MaintainerEmail }, nil},
	{"License", func(m packaging.Metadata) string { return m.License }, strings.ToLower},
	{"License-Expression", func(m packaging.Metadata) string { return m.LicenseExpression }, packaging.LicenseKey},
	{"License-File", func(m packaging.Metadata) string { return lined(m.LicenseFiles) }, nil},
	{"Requires-Python", func(m packaging.Metadata) string { return m.RequiresPython }, sameSpecifiers},
	{"Provides-Extra", func(m packaging.Metadata) string { return lined(m.ProvidesExtra) }, sameExtras},
	{"Classifier", func(m packaging.Metadata) string { return lined(m.Classifiers) }, nil},
	{"Home-page", func(m packaging.Metadata) string { return m.HomePage }, nil},
	{"Project-URL", func(m packaging.Metadata) string { return lined(m.ProjectURLs) }, nil},
	{"Platform", func(m packaging.Metadata) string { return lined(m.Platforms) }, nil},
	{"Dynamic", func(m packaging.Metadata) string { return lined(m.Dynamic) }, nil},
	{"Import-Name", func(m packaging.Metadata) string { return lined(m.ImportNames) }, nil},
}
