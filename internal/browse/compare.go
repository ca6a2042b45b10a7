package browse

import (
	"context"
	"slices"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/packaging"
)

// Comparison contains the differences between two releases of a project.
type Comparison struct {
	Project      catalog.Project
	From, To     catalog.Summary
	Releases     []catalog.Summary // all releases to choose from, newest version first; shared, must not be modified
	Fields       []FieldChange     // of core metadata, without the description
	Descriptions [2]string         // before and after if the description differs, otherwise both ""
	Required     Change            // requirements, compared by their meaning
	Files        Change            // file names, without the version in them
	Inside       Inside
}

// FieldChange is a field of core metadata that differs. A list has only its changed values, in List.
type FieldChange struct {
	Name, Before, After string
	List                Change
}

// Change contains removed, added and changed values, sorted.
type Change struct {
	Removed, Added, Changed []string
	More                    Omitted
}

// Omitted is how many values are left out of each list of a Change.
type Omitted struct{ Removed, Added, Changed int }

// Empty reports whether nothing changed.
func (c Change) Empty() bool { return len(c.Removed)+len(c.Added)+len(c.Changed) == 0 }

// Pair selects what to compare.
type Pair struct {
	From string // version, by any spelling; "" is the version before To
	To   string // version
	File string // name of the file of To whose members are compared; "" or an unknown one is the first with a counterpart
}

// Compare returns the differences between two releases of a project. It reads the content of one file of each, within
// bounds. It returns fault.NotFound if the caller may not see the project or a release does not exist.
func (x *Browser) Compare(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName,
	pair Pair,
) (Comparison, error) {
	o, err := x.index.Releases(ctx, who, repo, name)
	if err != nil {
		return Comparison{}, err
	}
	i := o.Find(pair.To)
	j := o.Find(pair.From)
	if pair.From == "" && i >= 0 {
		j = before(o.Releases, i)
	}
	if i < 0 || j < 0 || i >= len(o.Releases) || j >= len(o.Releases) {
		return Comparison{}, catalog.Missing("release of that version to compare with")
	}
	c := Comparison{Project: o.Project, From: o.Releases[j], To: o.Releases[i], Releases: o.Releases}
	var a, b []catalog.File
	err = x.store.View(ctx, func(tx Tx) (err error) {
		a, b, err = c.fill(ctx, tx)
		return err
	})
	if err != nil || len(a) == 0 || len(b) == 0 {
		return c, err
	}
	f, g, others, ok := c.counterparts(a, b, pair.File)
	if !ok {
		return c, nil
	}
	c.Inside, err = x.inside(ctx, who, c, f, g)
	c.Inside.Others = others
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

// fill compares the rows of both releases and returns their files.
func (c *Comparison) fill(ctx context.Context, tx Tx) (a, b []catalog.File, err error) {
	if a, err = tx.FilesOfRelease(ctx, c.From.ID); err != nil {
		return nil, nil, err
	}
	if b, err = tx.FilesOfRelease(ctx, c.To.ID); err != nil || len(a) == 0 || len(b) == 0 {
		return nil, nil, err
	}
	c.Files = changed(c.allTags(a), c.allTags(b))
	return a, b, c.metadata(ctx, tx, catalog.Telling(a), catalog.Telling(b))
}

// counterparts picks a file of each release to compare members of: of the same kind, and with the same tags if there is
// such a pair. file is the preferred one of b. others are the files of b that would have a counterpart too. It reports
// false if no two files have the same kind.
func (c *Comparison) counterparts(a, b []catalog.File, file string) (f, g catalog.File, others []string, ok bool) {
	byTags, byKind := map[string]catalog.File{}, map[packaging.Kind]catalog.File{}
	for _, x := range slices.Backward(a) {
		byTags[c.tags(x)], byKind[x.Kind] = x, x
	}
	kind := catalog.Telling(b).Kind
	best := 0
	for _, y := range b {
		x, grade := byKind[y.Kind], 1
		if same, ok := byTags[c.tags(y)]; ok {
			x, grade = same, 2
		}
		if x.ID == "" {
			continue
		}
		others = append(others, y.Filename)
		if y.Kind == kind {
			grade += 2
		}
		if y.Filename == file {
			grade += 4
		}
		if grade > best {
			best, f, g = grade, x, y
		}
	}
	return f, g, slices.DeleteFunc(others, func(name string) bool { return name == g.Filename }), best > 0
}

// tags returns a file name with * in place of the version.
func (c *Comparison) tags(f catalog.File) string {
	return strings.Replace(f.Filename, "-"+c.spelled(f), "-*", 1)
}

func (c *Comparison) allTags(files []catalog.File) []string {
	out := make([]string, len(files))
	for i, f := range files {
		out[i] = c.tags(f)
	}
	return out
}

// spelled returns the version as the file name spells it, which may differ from the release: 1.0.0 for 1.0.
func (c *Comparison) spelled(f catalog.File) string {
	if parsed, err := packaging.ParseFilename(f.Filename, c.Project.Name); err == nil {
		return parsed.VersionPart()
	}
	return f.Version
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
	if m.Description != n.Description {
		c.Descriptions = [2]string{m.Description, n.Description}
	}
	old, current := requirements(m), requirements(n)
	c.Required = Change{Removed: absent(old, current), Added: absent(current, old)}
	for _, f := range comparedFields {
		if before, after := f.value(m), f.value(n); before != after && (f.key == nil || f.key(before) != f.key(after)) {
			c.Fields = append(c.Fields, FieldChange{Name: f.name, Before: before, After: after})
		}
	}
	for _, f := range comparedLists {
		before, after := keyed(f.values(m), f.key), keyed(f.values(n), f.key)
		list := Change{Removed: absent(before, after), Added: absent(after, before)}
		if !list.Empty() {
			c.Fields = append(c.Fields, FieldChange{Name: f.name, List: list})
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

// sameExtra returns an equal text for all spellings of an extra, which is normalized like a project.
func sameExtra(s string) string {
	if n, err := packaging.ParseProjectName(s); err == nil {
		return n.String()
	}
	return s
}

// keyed returns values by their key.
func keyed(values []string, key func(string) string) map[string]string {
	out := make(map[string]string, len(values))
	for _, s := range values {
		if key != nil {
			out[key(s)] = s
		} else {
			out[s] = s
		}
	}
	return out
}

type comparedList struct {
	name   string
	values func(packaging.Metadata) []string
	key    func(string) string // equal for values that mean the same; nil compares the text
}

// comparedFields are the compared fields of core metadata with one value, in the order of the specification.
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
	{"Requires-Python", func(m packaging.Metadata) string { return m.RequiresPython }, sameSpecifiers},
	{"Home-page", func(m packaging.Metadata) string { return m.HomePage }, nil},
	{"Download-URL", func(m packaging.Metadata) string { return m.DownloadURL }, nil},
}

// comparedLists are the compared fields with several values, in the order of the specification.
var comparedLists = []comparedList{
	{"License-File", func(m packaging.Metadata) []string { return m.LicenseFiles }, nil},
	{"Classifier", func(m packaging.Metadata) []string { return m.Classifiers }, nil},
	{"Provides-Extra", func(m packaging.Metadata) []string { return m.ProvidesExtra }, sameExtra},
	{"Project-URL", func(m packaging.Metadata) []string { return m.ProjectURLs }, nil},
	{"Platform", func(m packaging.Metadata) []string { return m.Platforms }, nil},
	{"Supported-Platform", func(m packaging.Metadata) []string { return m.SupportedPlatforms }, nil},
	{"Requires-External", func(m packaging.Metadata) []string { return m.RequiresExternal }, nil},
	{"Provides-Dist", func(m packaging.Metadata) []string { return m.ProvidesDist }, nil},
	{"Obsoletes-Dist", func(m packaging.Metadata) []string { return m.ObsoletesDist }, nil},
	{"Dynamic", func(m packaging.Metadata) []string { return m.Dynamic }, nil},
	{"Import-Name", func(m packaging.Metadata) []string { return m.ImportNames }, nil},
	{"Import-Namespace", func(m packaging.Metadata) []string { return m.ImportNamespaces }, nil},
}
