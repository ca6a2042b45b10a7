// Package lockcheck compares lock files with an index: what an installation from them would fetch elsewhere, and what
// it would not find here.
//
// It judges the URL of a file before the source that the lock names, because uv and pip fetch by it. It never reports a
// credential. The package does not know how the index is reached.
package lockcheck

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"pyindex/internal/lockfile"
	"pyindex/internal/packaging"
)

// Kind is a kind of problem.
type Kind string

// The kinds, in the order of a report.
const (
	Past         Kind = "past"          // would be fetched past this index
	FilePast     Kind = "file-past"     // the source is this index, the file is not
	OtherIndex   Kind = "other-index"   // a file names a second index
	Password     Kind = "password"      // a password in a URL
	Absent       Kind = "absent"        // not here
	OtherDigest  Kind = "other-digest"  // here with other content
	Denied       Kind = "denied"        // the index refuses to serve it
	Held         Kind = "held"          // the index does not serve it yet
	Yanked       Kind = "yanked"        // yanked
	NoHash       Kind = "no-hash"       // a package without any hash
	LocalVersion Kind = "local-version" // a local version beside a pin
	NotChecked   Kind = "unchecked"     // the index gave no answer
)

// kinds is the order of a report.
var kinds = []Kind{
	Past, FilePast, OtherIndex, Password, Absent, OtherDigest, Denied, Held, Yanked, NoHash, LocalVersion, NotChecked,
}

// Problem is one line of a report.
type Problem struct {
	Kind Kind `json:"kind"`
	lockfile.Place
	Project string `json:"project,omitempty"`
	Version string `json:"version,omitempty"`
	Own     bool   `json:"own,omitempty"` // the name is this index's own
	Text    string `json:"text"`

	tool lockfile.Kind
}

// Name is whose a project is: "own", "upstream", "both", "empty" if its page lists nothing, or "missing".
type Name struct {
	Name   string `json:"name"`
	Origin string `json:"origin"`
}

// Report is the result of a comparison.
type Report struct {
	OK       bool      `json:"ok"`
	Index    string    `json:"index"` // the simple root
	Files    []string  `json:"files"` // all files that were read
	Packages int       `json:"packages"`
	Problems []Problem `json:"problems"`
	Names    []Name    `json:"names"`
	Next     []Step    `json:"next"`
}

// workers is the number of projects that are asked about at once.
const workers = 8

// Check compares locks with an index. The problems are ordered by kind, own names first.
func Check(ctx context.Context, locks []lockfile.Lock, site Site, index Index) (Report, error) {
	c := &check{site: site, index: index, pages: map[packaging.ProjectName]*answer{}}
	for _, l := range locks {
		for _, p := range l.Packages {
			if !p.Name.IsZero() && p.Origin != lockfile.Local {
				c.want(p)
			}
		}
	}
	if err := c.ask(ctx); err != nil {
		return Report{}, err
	}
	r := Report{Index: site.Simple(), Files: []string{}, Names: c.names()}
	for _, l := range locks {
		r.Files = append(r.Files, l.Read...)
		c.tool = l.Kind
		c.places(l)
		for _, p := range l.Packages {
			r.Packages++
			if err := c.onePackage(ctx, l, p); err != nil {
				return Report{}, err
			}
		}
	}
	slices.SortStableFunc(c.found, func(a, b Problem) int {
		own := func(p Problem) int { return map[bool]int{true: 0, false: 1}[p.Own] }
		return cmp.Or(cmp.Compare(slices.Index(kinds, a.Kind), slices.Index(kinds, b.Kind)), cmp.Compare(own(a), own(b)))
	})
	r.Problems, r.OK = append([]Problem{}, c.found...), len(c.found) == 0
	r.Next = steps(r.Problems)
	return r, nil
}

// check is a running comparison.
type check struct {
	site  Site
	index Index
	pages map[packaging.ProjectName]*answer
	found []Problem
	tool  lockfile.Kind
}

// answer is the page of a project, or the reason why there is none. Of the files, only those of the pinned versions are
// kept: some projects have ten thousand.
type answer struct {
	Project
	unchecked *Unchecked
	listed    bool            // the page has files
	pins      map[string]bool // the keys of the pinned versions, without their local parts
}

// want notes that a package has to be compared.
func (c *check) want(p lockfile.Package) {
	a := c.pages[p.Name]
	if a == nil {
		a = &answer{pins: map[string]bool{}}
		c.pages[p.Name] = a
	}
	if v, err := packaging.ParseVersion(p.Version); err == nil {
		a.pins[v.Public().Key()] = true
	}
}

// set keeps what is needed of a page.
func (a *answer) set(name packaging.ProjectName, p Project) {
	files := p.Files
	a.Project, a.listed, a.Files = p, len(files) > 0, nil
	for _, f := range files {
		if v := version(name, f.Name); !v.IsZero() && a.pins[v.Public().Key()] {
			a.Files = append(a.Files, f)
		}
	}
}

// ask asks for the page of every name.
func (c *check) ask(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	names := make(chan packaging.ProjectName)
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for name := range names {
				p, err := c.index.Project(ctx, name)
				a := c.pages[name]
				a.set(name, p)
				if err != nil && !errors.As(err, &a.unchecked) {
					cancel(err)
				}
			}
		})
	}
	for _, name := range c.sorted() {
		select {
		case names <- name:
		case <-ctx.Done():
		}
	}
	close(names)
	group.Wait()
	return context.Cause(ctx)
}

func (c *check) sorted() []packaging.ProjectName {
	var all []packaging.ProjectName
	for name := range c.pages {
		all = append(all, name)
	}
	slices.SortFunc(all, func(a, b packaging.ProjectName) int { return cmp.Compare(a.String(), b.String()) })
	return all
}

// names returns whose each name is.
func (c *check) names() []Name {
	out := []Name{}
	for _, name := range c.sorted() {
		origin := ""
		switch a := c.pages[name]; {
		case a.unchecked != nil:
			continue
		case a.Missing:
			origin = "missing"
		case a.Own && a.Upstream:
			origin = "both"
		case a.Own:
			origin = "own"
		case a.Upstream:
			origin = "upstream"
		default:
			origin = "empty"
		}
		out = append(out, Name{name.String(), origin})
	}
	return out
}

func (c *check) report(kind Kind, at lockfile.Place, p *lockfile.Package, format string, args ...any) {
	problem := Problem{Kind: kind, Place: at, Text: fmt.Sprintf(format, args...), tool: c.tool}
	if p != nil {
		problem.Version = p.Version
		if !p.Name.IsZero() {
			problem.Project = p.Name.String()
			problem.Own = c.pages[p.Name] != nil && c.pages[p.Name].Own
		}
	}
	c.found = append(c.found, problem)
}

// places reports second indexes and passwords.
func (c *check) places(l lockfile.Lock) {
	for _, at := range l.Passwords {
		c.report(Password, at, nil, "a password in clear")
	}
	only := slices.ContainsFunc(l.Indexes, func(i lockfile.Index) bool { return i.Use == lockfile.Default })
	for _, i := range l.Indexes {
		ours, host := c.site.isRoot(i.URL), where(i.URL)
		name := ""
		if i.Name != "" {
			name = fmt.Sprintf(" (the source %s)", i.Name)
		}
		switch {
		case i.Use == lockfile.Implied:
			c.report(OtherIndex, i.At, nil, "%s", implied[l.Kind])
		case i.Use == lockfile.Include:
			c.report(OtherIndex, i.At, nil, "includes a file from %s, which was not read", host)
		case i.Use == lockfile.Links:
			c.report(OtherIndex, i.At, nil, "files are also taken from %s%s", host, name)
		case ours && i.Use == lockfile.Extra && !only && l.Kind == lockfile.Requirements:
			c.report(OtherIndex, i.At, nil, "this index is only the extra one: the installer's own index is asked too")
		case ours:
		case i.Use == lockfile.Default:
			c.report(OtherIndex, i.At, nil, "names %s as the index%s", host, name)
		case i.Use == lockfile.Explicit:
			c.report(OtherIndex, i.At, nil, "names %s for some packages%s", host, name)
		default:
			c.report(OtherIndex, i.At, nil, "names %s as a further index%s", host, name)
		}
	}
}

// implied says why a tool asks the public index although the project names other ones.
var implied = map[lockfile.Kind]string{
	lockfile.UV:     "no index has default = true: uv also asks the public index",
	lockfile.Poetry: "no source is primary: poetry also asks the public index",
	lockfile.PDM:    "no source is named pypi: pdm also asks the public index, unless its configuration replaces that",
}

// onePackage compares a package.
func (c *check) onePackage(ctx context.Context, l lockfile.Lock, p lockfile.Package) error {
	if p.Origin == lockfile.Local {
		return nil
	}
	c.origin(l, p)
	if p.Constraint || p.Origin == lockfile.Direct {
		return nil
	}
	if !p.Hashed() {
		c.noHash(l, p)
	}
	a := c.pages[p.Name]
	switch {
	case a.unchecked != nil:
		c.report(NotChecked, p.At, &p, "%s", a.unchecked.Reason)
		return nil
	case a.Quarantined:
		c.report(Denied, p.At, &p, "the project is quarantined%s", because(a.Reason))
		return nil
	case a.Missing:
		return c.missing(ctx, p, "there is no project %s here", p.Name)
	case p.Version == "":
		if !a.listed {
			c.report(Absent, p.At, &p, "no file of %s is here", p.Name)
		}
		return nil
	}
	c.localVersion(p, a.Files)
	if len(p.Files) == 0 {
		return c.byHash(ctx, p, a.Files)
	}
	return c.byFile(ctx, p, a.Files)
}

// noHash reports a package without a hash: for a requirements file without any hash one line suffices.
func (c *check) noHash(l lockfile.Lock, p lockfile.Package) {
	if l.Kind != lockfile.Requirements || slices.ContainsFunc(l.Packages, lockfile.Package.Hashed) {
		c.report(NoHash, p.At, &p, "no hash: nothing verifies the content")
		return
	}
	at := lockfile.Place{Path: p.At.Path}
	if !slices.ContainsFunc(c.found, func(x Problem) bool { return x.Kind == NoHash && x.Place == at }) {
		c.report(NoHash, at, nil, "no package has a hash: nothing verifies the content")
	}
}

// origin reports where the files of a package would come from, if not from this index.
func (c *check) origin(l lockfile.Lock, p lockfile.Package) {
	own := ""
	if a := c.pages[p.Name]; a != nil && a.Own {
		own = ", although the name belongs to this index"
	}
	if p.Origin == lockfile.Direct {
		if !c.site.has(p.URL) {
			c.report(Past, p.At, &p, "from %s%s", where(p.URL), own)
		}
		return
	}
	ours := p.Origin == lockfile.Configured || p.Origin == lockfile.Named && c.site.isRoot(p.Index)
	urls, past, hosts := 0, []lockfile.File(nil), []string(nil)
	for _, f := range p.Files {
		if f.URL == "" {
			continue
		}
		urls++
		if !c.site.has(f.URL) {
			past = append(past, f)
			hosts = append(hosts, where(f.URL))
		}
	}
	slices.Sort(hosts)
	from := strings.Join(slices.Compact(hosts), ", ")
	switch {
	case len(past) > 0 && ours && p.Origin == lockfile.Named:
		c.report(FilePast, past[0].At, &p, "%s from %s%s", counted(len(past), urls), from, own)
	case len(past) > 0:
		c.report(Past, past[0].At, &p, "%s from %s%s", counted(len(past), urls), from, own)
	case urls > 0 && !ours:
		c.report(OtherIndex, p.At, &p, "the files are here, but the lock names %s as their index", where(p.Index))
	case p.Origin == lockfile.Public:
		c.report(Past, p.At, &p, "from the public index: the lock names no source%s", own)
	case !ours:
		c.report(Past, p.At, &p, "from %s%s", where(p.Index), own)
	}
}

// counted returns "2 files" or "1 of 2 files".
func counted(n, all int) string {
	s := "s"
	if all == 1 {
		s = ""
	}
	if n == all {
		return fmt.Sprintf("%d file%s", n, s)
	}
	return fmt.Sprintf("%d of %d file%s", n, all, s)
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

// missing reports a package of which nothing is here, or the reason for which this index refuses its files.
func (c *check) missing(ctx context.Context, p lockfile.Package, format string, args ...any) error {
	for _, f := range p.Files {
		if refused, err := c.refused(ctx, Listed{URL: f.URL}); err != nil || refused != "" {
			c.refusal(p, refused)
			return err
		}
	}
	c.report(Absent, p.At, &p, format, args...)
	return nil
}

// localVersion reports local versions beside a pin of the version without one.
func (c *check) localVersion(p lockfile.Package, files []Listed) {
	pin, err := packaging.ParseVersion(p.Version)
	if err != nil || pin.HasLocal() {
		return
	}
	var beside []string
	for _, f := range files {
		if v := version(p.Name, f.Name); v.HasLocal() && v.Public().Compare(pin) == 0 {
			beside = append(beside, v.String())
		}
	}
	slices.Sort(beside)
	if beside = slices.Compact(beside); len(beside) > 0 {
		c.report(LocalVersion, p.At, &p, "%s is here too", strings.Join(beside, ", "))
	}
}

func version(name packaging.ProjectName, file string) packaging.Version {
	f, err := packaging.ParseFilename(file, name)
	if err != nil {
		return packaging.Version{}
	}
	return f.Version()
}

// of returns the files of a version.
func of(p lockfile.Package, files []Listed) (some []Listed) {
	pin, err := packaging.ParseVersion(p.Version)
	if err != nil {
		return nil
	}
	for _, f := range files {
		if v := version(p.Name, f.Name); !v.IsZero() && v.Compare(pin) == 0 {
			some = append(some, f)
		}
	}
	return some
}

// byHash compares a package whose lock has hashes without file names, or none.
func (c *check) byHash(ctx context.Context, p lockfile.Package, files []Listed) error {
	here := of(p, files)
	if len(here) == 0 {
		return c.missing(ctx, p, "no file of this version is here")
	}
	usable := here
	if len(p.Hashes) > 0 {
		usable = slices.DeleteFunc(slices.Clone(here), func(f Listed) bool { return !slices.Contains(p.Hashes, f.SHA256) })
		lacking := slices.DeleteFunc(slices.Clone(p.Hashes), func(h string) bool {
			return slices.ContainsFunc(here, func(f Listed) bool { return f.SHA256 == h })
		})
		switch {
		case len(usable) == 0:
			c.report(OtherDigest, p.At, &p, "no file here has a hash of the lock")
			return nil
		case len(lacking) > 0:
			c.report(Absent, p.At, &p, "%d of %d hashes belong to no file here", len(lacking), len(p.Hashes))
		}
	}
	return c.standing(ctx, p, usable)
}

// byFile compares a package whose lock names its files.
func (c *check) byFile(ctx context.Context, p lockfile.Package, files []Listed) error {
	listed := map[string]Listed{}
	for _, f := range files {
		listed[key(p.Name, f.Name)] = f
	}
	var here []Listed
	var absent, other []string
	for _, f := range p.Files {
		x, ok := listed[key(p.Name, f.Name)]
		switch {
		case !ok:
			absent = append(absent, f.Name)
		case f.SHA256 != "" && x.SHA256 != "" && f.SHA256 != x.SHA256:
			other = append(other, f.Name)
		default:
			here = append(here, x)
		}
	}
	if len(absent) == len(p.Files) {
		return c.missing(ctx, p, "no file of this version is here")
	}
	if len(absent) > 0 {
		c.report(Absent, p.At, &p, "%s not here: %s", counted(len(absent), len(p.Files)), some(absent))
	}
	if len(other) > 0 {
		c.report(OtherDigest, p.At, &p, "%s with other content here: %s", counted(len(other), len(p.Files)), some(other))
	}
	return c.standing(ctx, p, here)
}

// key returns a text that is equal for two spellings of a file name.
func key(name packaging.ProjectName, file string) string {
	f, err := packaging.ParseFilename(file, name)
	if err != nil {
		return file
	}
	return f.Key()
}

// some returns the first names of a list.
func some(names []string) string {
	const most = 3
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// standing reports files that are here and yanked, held or denied.
func (c *check) standing(ctx context.Context, p lockfile.Package, here []Listed) error {
	var yanked []Listed
	for _, f := range here {
		if f.Refused != "" {
			c.refusal(p, f.Refused)
			return nil
		}
		if f.Yanked {
			yanked = append(yanked, f)
		}
	}
	if len(yanked) == 0 {
		return nil
	}
	refused, err := c.refused(ctx, yanked[0])
	switch {
	case err != nil:
		return err
	case refused != "":
		c.refusal(p, refused)
	default:
		c.report(Yanked, p.At, &p, "%s yanked%s", counted(len(yanked), len(here)), because(yanked[0].Reason))
	}
	return nil
}

// refused returns the reason for which the index refuses a file of its tree, or "".
func (c *check) refused(ctx context.Context, f Listed) (string, error) {
	if !c.site.has(f.URL) {
		return "", nil
	}
	return c.index.Refusal(ctx, f.URL)
}

// refusal reports a refusal: a hold if its reason says so.
func (c *check) refusal(p lockfile.Package, reason string) {
	kind := Denied
	if strings.HasPrefix(reason, "held:") {
		kind = Held
	}
	if reason != "" {
		c.report(kind, p.At, &p, "%s", strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(reason, "held:"), "denied:")))
	}
}
