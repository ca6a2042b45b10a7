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
	"maps"
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
	c := &check{
		site: site, index: index, pages: map[packaging.ProjectName]*answer{}, refused: map[string]string{},
	}
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
	c.compare(locks) // notes the files that the index has to be asked about
	if err := c.probe(ctx); err != nil {
		return Report{}, err
	}
	c.found = nil
	c.compare(locks)
	r := Report{Index: site.Simple(), Files: []string{}, Names: c.names()}
	for _, l := range locks {
		r.Files, r.Packages = append(r.Files, l.Read...), r.Packages+len(l.Packages)
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
	site    Site
	index   Index
	pages   map[packaging.ProjectName]*answer
	refused map[string]string // by the URL of a file: why the index refuses it, or ""
	found   []Problem

	// Of the lock that is being compared:
	tool   lockfile.Kind
	hashed bool            // a package has a hash
	bare   map[string]bool // files in which no package has one, reported already
}

// compare reports the problems of all packages.
func (c *check) compare(locks []lockfile.Lock) {
	for _, l := range locks {
		c.tool, c.hashed, c.bare = l.Kind, slices.ContainsFunc(l.Packages, lockfile.Package.Hashed), map[string]bool{}
		c.places(l)
		for _, p := range l.Packages {
			c.onePackage(l, p)
		}
	}
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
	return each(ctx, c.sorted(), func(ctx context.Context, name packaging.ProjectName) error {
		p, err := c.index.Project(ctx, name)
		a := c.pages[name]
		a.set(name, p)
		if errors.As(err, &a.unchecked) {
			return nil
		}
		return err
	})
}

// probe asks whether the index serves the files that were noted.
func (c *check) probe(ctx context.Context) error {
	var mu sync.Mutex
	return each(ctx, slices.Sorted(maps.Keys(c.refused)), func(ctx context.Context, u string) error {
		reason, err := c.index.Refusal(ctx, u)
		mu.Lock()
		defer mu.Unlock()
		c.refused[u] = reason
		return err
	})
}

// each calls do for every item, several at once, until one fails.
func each[T any](ctx context.Context, items []T, do func(context.Context, T) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	queue := make(chan T)
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for item := range queue {
				if err := do(ctx, item); err != nil {
					cancel(err)
				}
			}
		})
	}
	for _, item := range items {
		select {
		case queue <- item:
		case <-ctx.Done():
		}
	}
	close(queue)
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
func (c *check) onePackage(l lockfile.Lock, p lockfile.Package) {
	if p.Origin == lockfile.Local {
		return
	}
	c.origin(p)
	if p.Constraint || p.Origin == lockfile.Direct {
		return
	}
	if !p.Hashed() {
		c.noHash(l, p)
	}
	a := c.pages[p.Name]
	switch {
	case a.unchecked != nil:
		c.report(NotChecked, p.At, &p, "%s", a.unchecked.Reason)
		return
	case a.Quarantined:
		c.denied(p, a.Reason)
		return
	case a.Missing:
		c.missing(p, "there is no project %s here", p.Name)
		return
	case p.Version == "":
		if !a.listed {
			c.report(Absent, p.At, &p, "no file of %s is here", p.Name)
		}
		return
	}
	c.localVersion(p, a.Files)
	if len(p.Files) == 0 {
		c.byHash(p, a.Files)
	} else {
		c.byFile(p, a.Files)
	}
}

// denied reports a package of a project that is in quarantine, or denied as a whole: the reason says so then.
func (c *check) denied(p lockfile.Package, reason string) {
	if rest, whole := strings.CutPrefix(reason, "denied:"); whole {
		c.report(Denied, p.At, &p, "the whole project: %s", strings.TrimSpace(rest))
		return
	}
	c.report(Denied, p.At, &p, "the project is quarantined%s", because(reason))
}

// noHash reports a package without a hash: for a requirements file without any hash one line suffices.
func (c *check) noHash(l lockfile.Lock, p lockfile.Package) {
	if l.Kind != lockfile.Requirements || c.hashed {
		c.report(NoHash, p.At, &p, "no hash: nothing verifies the content")
		return
	}
	if !c.bare[p.At.Path] {
		c.bare[p.At.Path] = true
		c.report(NoHash, lockfile.Place{Path: p.At.Path}, nil, "no package has a hash: nothing verifies the content")
	}
}

// origin reports where the files of a package would come from, if not from this index.
func (c *check) origin(p lockfile.Package) {
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
func (c *check) missing(p lockfile.Package, format string, args ...any) {
	var files []Listed
	for _, f := range p.Files {
		files = append(files, Listed{URL: f.URL})
	}
	if !c.refusals(p, files) {
		c.report(Absent, p.At, &p, format, args...)
	}
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
func (c *check) byHash(p lockfile.Package, files []Listed) {
	here := of(p, files)
	if len(here) == 0 {
		c.missing(p, "no file of this version is here")
		return
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
			return
		case len(lacking) > 0:
			c.report(Absent, p.At, &p, "%d of %d hashes belong to no file here", len(lacking), len(p.Hashes))
		}
	}
	c.standing(p, usable)
}

// byFile compares a package whose lock names its files.
func (c *check) byFile(p lockfile.Package, files []Listed) {
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
		c.missing(p, "no file of this version is here")
		return
	}
	if len(absent) > 0 {
		c.report(Absent, p.At, &p, "%s not here: %s", counted(len(absent), len(p.Files)), some(absent))
	}
	if len(other) > 0 {
		c.report(OtherDigest, p.At, &p, "%s with other content here: %s", counted(len(other), len(p.Files)), some(other))
	}
	c.standing(p, here)
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

// standing reports files that are here and held, denied or yanked.
func (c *check) standing(p lockfile.Package, here []Listed) {
	if c.refusals(p, here) {
		return
	}
	var reasons []string
	for _, f := range here {
		if f.Yanked {
			reasons = append(reasons, f.Reason)
		}
	}
	if len(reasons) > 0 {
		c.report(Yanked, p.At, &p, "%s yanked%s", counted(len(reasons), len(here)), because(reasons[0]))
	}
}

// refusals reports files that the index refuses, with the reason for the first, and whether there are any.
func (c *check) refusals(p lockfile.Package, files []Listed) bool {
	n, reason := 0, ""
	for _, f := range files {
		why := f.Refused
		if why == "" && c.site.has(f.URL) {
			why = c.refused[f.URL]
			c.refused[f.URL] = why // so that it is asked about
		}
		if why != "" {
			n, reason = n+1, cmp.Or(reason, why)
		}
	}
	if n == 0 {
		return false
	}
	kind, text := Denied, strings.TrimPrefix(reason, "denied:")
	if rest, held := strings.CutPrefix(reason, "held:"); held {
		kind, text = Held, rest
	}
	c.report(kind, p.At, &p, "%s: %s", counted(n, len(files)), strings.TrimSpace(text))
	return true
}
