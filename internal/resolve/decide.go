package resolve

import (
	"cmp"
	"context"
	"maps"
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/holds"
	"pyindex/internal/packaging"
	"pyindex/internal/policy"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/files"
	"pyindex/internal/upstream/page"
)

// facts are what decisions about the files of a page of a view's upstream depend on.
type facts struct {
	v       *View
	first   time.Time // when this index first saw a file of the page
	dated   bool      // the upstream states when files were uploaded
	malware map[string]string
}

func (v *View) factsOf(p *page.Page) facts {
	f := facts{v: v}
	for _, all := range [...][]page.File{p.Files, p.Gone} {
		for i := range all {
			if at := all[i].FirstSeen; !at.IsZero() && (f.first.IsZero() || at.Before(f.first)) {
				f.first = at
			}
			f.dated = f.dated || !all[i].Uploaded.IsZero() && v.Upstream.TrustTimes
		}
	}
	return f
}

// put sets the facts about a file, without its Age.
func (f *facts) put(out *policy.File, file *page.File, path string) {
	v := f.v
	seen := cmp.Or(file.FirstSeen, v.held.FetchedAt)
	uploaded, stated := policy.Origin(file.Uploaded, seen, seen.Add(policy.Skew), v.Upstream.TrustTimes)
	*out = policy.File{
		Filename: v.ruled.standing.Spelled(file.Filename), Version: file.Version, SHA256: file.SHA256, Uploaded: uploaded,
		Age: uploaded, FirstSeen: file.FirstSeen, RemovedAt: file.LastSeen,
		Undated: !stated && !f.dated && seen.Equal(f.first),
	}
	if len(v.startup) > 0 {
		found := v.startup[path]
		out.Startup, out.StartupKnown = found.New, found.Known
		if found.At != 0 {
			out.StartupAt = time.UnixMicro(found.At)
		}
	}
	if pin := v.pins[path]; pin != "" && pin != file.SHA256 {
		if out.SHA256 = pin; file.SHA256 != "" { // accepted later
			out.FirstSeen = time.Time{}
		}
	}
	if v.ruled.about != nil {
		out.Malware = f.malwareOf(file.Version)
	}
}

// malwareOf returns the id of the advisory that says that a version is malware, or "".
func (f *facts) malwareOf(version string) string {
	if id, known := f.malware[version]; known {
		return id
	}
	if f.malware == nil {
		f.malware = map[string]string{}
	}
	id := ""
	for _, a := range f.v.ruled.about.Of(version) {
		if a.Malware {
			id = a.ID
			break
		}
	}
	f.malware[version] = id
	return id
}

// judge returns the facts about each file of a page, in their order. Files without a digest count as well: a release
// comes free with them.
func (v *View) judge(p *page.Page) []policy.File {
	f, out := v.factsOf(p), make([]policy.File, len(p.Files))
	for i := range p.Files {
		f.put(&out[i], &p.Files[i], p.Files[i].Path(v.Upstream.ArtifactBase))
	}
	policy.Ages(out)
	return out
}

// judgeGone returns the facts about each file that left a page, in their order.
func (v *View) judgeGone(p *page.Page) []policy.File {
	f, listed := v.factsOf(p), make(map[string][]policy.File, len(p.Gone)) // by version: a release comes free together
	for i := range p.Gone {
		listed[p.Gone[i].Version] = nil
	}
	for i := range p.Files {
		file := &p.Files[i]
		if others, wanted := listed[file.Version]; wanted {
			others = append(others, policy.File{})
			f.put(&others[len(others)-1], file, file.Path(v.Upstream.ArtifactBase))
			listed[file.Version] = others
		}
	}
	out := make([]policy.File, len(p.Gone))
	for i := range p.Gone {
		file := &p.Gone[i]
		f.put(&out[i], file, file.Path(v.Upstream.ArtifactBase))
		release := append([]policy.File{out[i]}, listed[file.Version]...)
		policy.Ages(release)
		out[i] = release[0]
	}
	return out
}

// decideOne decides about one file of a page of the view's upstream, or one that left it.
func (v *View) decideOne(p page.Page, file page.File, path string, now time.Time) policy.Decision {
	f, rules := v.factsOf(&p), v.rulesOf(p)
	release := make([]policy.File, 1, 8)
	f.put(&release[0], &file, path)
	for i := range p.Files { // those of a release come free together
		if other := &p.Files[i]; other.Version == file.Version && other.Filename != file.Filename {
			release = append(release, policy.File{})
			f.put(&release[len(release)-1], other, other.Path(v.Upstream.ArtifactBase))
		}
	}
	policy.Ages(release)
	return rules.Decide(&release[0], now)
}

// viewKey is the key of the *View of a request in its context.
type viewKey struct{}

// MayServe returns a Refused if a file, of which digest and start-up files were found just now, is held or denied for
// the caller whose request has the context. It implements files.Options.MayServe.
func (x *Reader) MayServe(ctx context.Context, _ upstream.Upstream, name packaging.ProjectName, file page.File,
	found files.Startup,
) error {
	v, ok := ctx.Value(viewKey{}).(*View)
	if !ok { // nobody in particular: as through a repository with the default settings
		v = &View{Name: name, ruled: &ruled{standing: nothing, ways: []policy.Settings{{Direct: true}}}}
	}
	p, err := v.held.Page()
	if err != nil {
		return err
	}
	path := file.Path(v.Upstream.ArtifactBase)
	with := *v
	with.startup = maps.Clone(v.startup)
	if with.startup == nil {
		with.startup = map[string]files.Startup{}
	}
	with.startup[path] = found
	with.pins = maps.Clone(v.pins)
	delete(with.pins, path) // the digest of the content counts
	d := with.decideOne(p, file, path, x.o.Now())
	if d.Verdict == policy.Serve {
		return nil
	}
	return x.refused(v, file.Version, x.count(d))
}

// marking marks the files of contents that are not served.
type marking struct {
	repository catalog.Repository // that was asked
	address    func(version string) string

	all    bool // also what a project in quarantine has
	marked bool // whether there is a file that is held or denied
	last   struct {
		decision policy.Decision
		version  string
		kept     *policy.Decision
		reason   string
	}
}

func (x *Reader) marking(v *View) marking {
	return marking{repository: v.Repository, address: func(version string) string { return x.addressOf(v, version) }}
}

// addressOf returns the URL of the page that explains why a version is held, or a project if version is "".
func (x *Reader) addressOf(v *View, version string) string {
	if x.o.Address == nil {
		return ""
	}
	return x.o.Address(v.Repository.Name, v.Name, version)
}

// mark notes the decision about a file. Many files of a release have the same one, so it is kept once.
func (m *marking) mark(f *catalog.File, d policy.Decision) {
	if d.Verdict == policy.Serve && d.Observed == "" && d.Exemption == "" {
		return
	}
	if m.last.kept == nil || m.last.version != f.Version || m.last.decision != d {
		kept := d
		m.last.decision, m.last.version, m.last.kept, m.last.reason = d, f.Version, &kept, ""
		if d.Verdict != policy.Serve {
			m.last.reason = d.Reason(m.address(f.Version), m.address(""))
		}
	}
	f.Decision = m.last.kept
	if d.Verdict != policy.Serve {
		f.Yanked, f.YankedReason = true, m.last.reason
		m.marked = true
	}
}

// markOwn marks the files of this index that people decided about.
func (m *marking) markOwn(files []catalog.File, s *holds.Standing) {
	if s.Revision == "" {
		return
	}
	rules := ownRules(s)
	for i := range files {
		if f := &files[i]; f.Upstream == nil {
			m.mark(f, decideOwn(&rules, s, f))
		}
	}
}

// decideOwn decides about a file of this index. Time does not matter.
func decideOwn(rules *policy.Rules, s *holds.Standing, f *catalog.File) policy.Decision {
	return rules.Decide(ownFacts(s, f), time.Time{})
}

// ownFacts returns the facts about a file of this index.
func ownFacts(s *holds.Standing, f *catalog.File) *policy.File {
	return &policy.File{Filename: s.Spelled(f.Filename), Version: f.Version, SHA256: f.SHA256, Own: true}
}

// whole returns the decision that denies every file of a project by its name, its status, or an administrator's denial
// of the project, if there is one.
func whole(rules *policy.Rules, own bool, now time.Time) (policy.Decision, bool) {
	d := rules.Decide(&policy.File{Own: own}, now)
	return d, d.Verdict == policy.Deny && (d.Rule == policy.RuleName || d.Rule == policy.RuleStatus ||
		d.Rule == policy.RuleDenylist)
}

// empty makes the contents of a project that is denied as a whole empty, and says why.
func (m *marking) empty(c *catalog.Contents, d policy.Decision) {
	for i := range c.Files {
		if !c.Files[i].Held() {
			return // it is served by a decision of its own
		}
	}
	c.Releases, c.Files = nil, nil
	c.Project.Status, c.Project.StatusReason = catalog.Quarantined, d.Reason(m.address(""))
}

// hide leaves out the files that are not served, and releases that have no others.
func (m *marking) hide(c *catalog.Contents) {
	if !m.marked || !m.repository.HidesHeld() {
		return
	}
	kept, lost := map[string]bool{}, map[string]bool{} // by version: what pages show has no ids
	files := make([]catalog.File, 0, len(c.Files))
	for _, f := range c.Files {
		if f.Held() {
			lost[f.Version] = true
			continue
		}
		kept[f.Version] = true
		files = append(files, f)
	}
	var releases []catalog.Release
	for _, r := range c.Releases {
		if kept[r.Version] || !lost[r.Version] {
			releases = append(releases, r)
		}
	}
	c.Files, c.Releases = files, releases
}
