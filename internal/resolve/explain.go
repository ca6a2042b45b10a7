package resolve

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/policy"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/page"
	"pyindex/internal/upstream/pages"
)

// Explanation says where the files of a name come from in a repository, and why others are not there.
type Explanation struct {
	Repository string            `json:"repository"`
	Project    string            `json:"project"`
	Origin     catalog.Origin    `json:"origin"` // "" if nobody has the name yet
	Why        string            `json:"why"`    // of the origin, in a sentence
	Since      time.Time         `json:"since,omitzero"`
	Sources    []ExplainedSource `json:"sources"`  // in the order in which they are read
	Files      int               `json:"files"`    // that are listed and served
	Yanked     int               `json:"yanked"`   // that are listed as yanked, because they are held or denied
	LeftOut    int               `json:"left_out"` // that are not listed, because they are held or denied
	Hidden     []HiddenFile      `json:"hidden"`
	Next       string            `json:"next,omitempty"` // how an administrator can change it
}

// ExplainedSource is a repository or an upstream, and its part in the answer.
type ExplainedSource struct {
	Source string `json:"source"` // "main" or "upstream:public"
	Does   string `json:"does"`
}

// HiddenFile is a file that an upstream lists and this index does not, or does not serve.
type HiddenFile struct {
	Filename string      `json:"filename"`
	Reason   string      `json:"reason"`
	Next     string      `json:"next"` // what would make it available
	Rule     policy.Rule `json:"rule,omitempty"`
	Until    time.Time   `json:"until,omitzero"` // end of a hold that ends by time alone
	Address  string      `json:"address,omitempty"`
}

// Explain explains what a repository shows of a name, or of one version of it if version is not "". It asks no
// upstream: it tells what is held. It needs an administrator.
func (x *Reader) Explain(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName,
	version string,
) (Explanation, error) {
	if !who.Admin() {
		return Explanation{}, fault.New(fault.Denied, "only an administrator may see where names come from")
	}
	in, err := x.open(ctx, who, repo)
	if err != nil {
		return Explanation{}, err
	}
	o, err := x.originOf(ctx, in, name)
	if err != nil {
		return Explanation{}, err
	}
	e := Explanation{
		Repository: in.Repository.Name, Project: name.String(), Origin: o.Origin, Since: o.Name.Since,
		Hidden: []HiddenFile{},
	}
	e.Why, e.Next = whyOf(in.Repository.Name, name, o)
	v := &View{opened: in, Name: name, Ownership: o}
	if v.Project, _, err = x.firstOwn(ctx, who, in, name); err != nil {
		return e, err
	}
	if v.Project.ID != "" && o.Origin != catalog.Foreign {
		own := &View{opened: in, Name: name, Ownership: o, Project: v.Project}
		c, err := x.All(ctx, who, own)
		if err != nil {
			return e, err
		}
		if err := x.countFiles(ctx, who, &e, own, c, version); err != nil {
			return e, err
		}
		x.explainHeld(&e, own, c, version)
	}
	err = x.explainSources(ctx, who, &e, v, version)
	return e, err
}

// whyOf returns the reason for an origin, and how to change it.
func whyOf(repo string, name packaging.ProjectName, o catalog.Ownership) (why, next string) {
	set := func(origin string) string {
		return fmt.Sprintf("index origin set %s %s %s --reason R", repo, name, origin)
	}
	if o.Ruling.Origin != "" {
		return fmt.Sprintf("%s decided it for the repository: %s", o.Ruling.By.Name, o.Ruling.Why), set("own|upstream|both")
	}
	switch {
	case o.Origin == catalog.Own && o.Reserved:
		return "the name is reserved, so no upstream is asked for it", "index reserve list"
	case o.Origin == catalog.Own:
		return "this index has, or had, a project of that name, so no upstream is asked for it", set("upstream")
	case o.Origin == catalog.Foreign && o.Private:
		return "a private upstream has it, so no public one is asked for it", set("own")
	case o.Origin == catalog.Foreign:
		return "the upstream " + o.Upstream + " answered for it first, so nobody uploads to it", set("own")
	}
	return "nobody has used the name yet", ""
}

// countFiles counts the files of a view, of one version if it is not "". all has those that are not listed, too.
func (x *Reader) countFiles(ctx context.Context, who access.Caller, e *Explanation, v *View, all catalog.Contents,
	version string,
) error {
	listed, err := x.Contents(ctx, who, v)
	e.Files, e.Yanked = split(listed, version)
	_, e.LeftOut = split(all, version)
	e.LeftOut -= e.Yanked
	return err
}

// split counts the files that are served, and those that are not, of one version if it is not "".
func split(c catalog.Contents, version string) (served, held int) {
	for _, f := range c.Files {
		switch {
		case version != "" && !catalog.SameVersion(f.Version, version):
		case f.Held():
			held++
		default:
			served++
		}
	}
	return served, held
}

// Listing says in a sentence how many files are listed, and how.
func (e Explanation) Listing() string {
	text := ""
	switch n := e.Files + e.Yanked; {
	case e.Yanked == 1 && n == 1:
		text = "1 file is listed as yanked, because it is not served: installers pass over it."
	case e.Yanked == n && n > 0:
		text = fmt.Sprintf("%d files are listed as yanked, because they are not served: installers pass over them.", n)
	case e.Yanked > 0:
		text = fmt.Sprintf("%d files are listed, %d of them as yanked, because %s not served: installers pass over %s.", n,
			e.Yanked, oneOr(e.Yanked, "it is", "they are"), oneOr(e.Yanked, "it", "them"))
	default:
		text = fmt.Sprintf("%d %s listed.", n, oneOr(n, "file is", "files are"))
	}
	if e.LeftOut > 0 {
		text += fmt.Sprintf(" %d %s left out, because %s held or denied.", e.LeftOut,
			oneOr(e.LeftOut, "file is", "files are"), oneOr(e.LeftOut, "it is", "they are"))
	}
	return text
}

func oneOr(n int, one, more string) string {
	if n == 1 {
		return one
	}
	return more
}

func (x *Reader) explainSources(ctx context.Context, who access.Caller, e *Explanation, v *View, version string) error {
	var all []upstream.Upstream
	var err error
	if x.o.Upstreams != nil {
		if all, err = x.o.Upstreams.All(ctx, v.At); err != nil {
			return err
		}
	}
	asked := map[string]bool{}
	shared := v.Project.ID == "" || v.Ownership.Origin == catalog.Both
	if x.o.Upstreams != nil && v.Ownership.Origin != catalog.Own && shared {
		_, able, err := x.able(ctx, v)
		if err != nil {
			return err
		}
		for _, u := range able {
			asked[u.Name] = true
		}
	}
	found := false
	for _, s := range v.chain {
		if s.Upstream == "" {
			e.Sources = append(e.Sources, ExplainedSource{s.Repository.Name, ownPart(s, v)})
			continue
		}
		var u upstream.Upstream
		if known := upstream.Find(all, s.Upstream); known != nil {
			u = *known
		}
		var does string
		switch {
		case !u.MayAsk(v.Name):
			does = "is not asked: its allow and deny lists leave the name out"
		case !asked[u.Name] && v.Ownership.Origin == catalog.Own:
			does = "is not asked: the name is this index's own"
		case !asked[u.Name]:
			does = "is not asked: the name belongs to another source"
		default:
			var has bool
			if does, has, err = x.upstreamPart(ctx, who, e, v, u, version, found); err != nil {
				return err
			}
			found = found || has
		}
		e.Sources = append(e.Sources, ExplainedSource{"upstream:" + s.Upstream, does})
	}
	return nil
}

func ownPart(s catalog.Source, v *View) string {
	switch {
	case v.Project.ID != "" && v.Project.Repository.ID == s.Repository.ID && v.Ownership.Origin == catalog.Foreign:
		return "has a project of that name, which is hidden because the name was given to an upstream"
	case v.Project.ID != "" && v.Project.Repository.ID == s.Repository.ID:
		return "has the project"
	}
	return "has no project of that name, or comes later"
}

// upstreamPart explains the part of an upstream that may be asked, and counts its files.
func (x *Reader) upstreamPart(ctx context.Context, who access.Caller, e *Explanation, v *View, u upstream.Upstream,
	version string, found bool,
) (does string, has bool, err error) {
	held, err := x.o.Pages.Get(ctx, u, v.Name, pages.Normal, false)
	var failed *upstream.Failure
	switch {
	case errors.As(err, &failed):
		return "does not answer: " + failed.Error(), false, nil
	case errors.Is(err, pages.ErrNotHeld):
		return "has not been asked for it lately, and its page is not kept here", false, nil
	case err != nil && fault.KindOf(err) != fault.Internal:
		return "is not asked: " + fault.Message(err), false, nil
	case err != nil:
		return "", false, err
	case held.Absent:
		return "has no such project", false, nil
	case found:
		return "is not used: an earlier source has the name", false, nil
	}
	p, err := held.Page()
	if err != nil {
		return "", false, err
	}
	pins := map[string]string{}
	if x.o.Files != nil {
		if pins, _, err = x.o.Files.Pins(ctx, u, v.Name); err != nil {
			return "", false, err
		}
	}
	if x.o.Files != nil {
		if v.startup, _, err = x.o.Files.Examined(ctx, u, v.Name); err != nil {
			return "", false, err
		}
	}
	v.Upstream, v.held, v.pins = u, held, pins
	if v.ruled, err = x.compile(ctx, v); err != nil {
		return "", false, err
	}
	if err := x.explainFiles(ctx, who, e, v, p, version); err != nil {
		return "", false, err
	}
	noun := "files"
	if len(p.Files) == 1 {
		noun = "file"
	}
	does = fmt.Sprintf("has it: %d %s, read %s ago", len(p.Files), noun, held.Age.Round(time.Second))
	if held.Stale > 0 {
		does += fmt.Sprintf(", %s later than it should be", held.Stale.Round(time.Second))
	}
	if p.Dropped > 0 {
		does += fmt.Sprintf("; %d entries of its page could not be read", p.Dropped)
	}
	if p.Status == string(catalog.Quarantined) {
		does += "; it is in quarantine there, so nothing is offered"
	}
	return does, true, nil
}

// explainFiles counts the listed files of a name from an upstream, and tells why others are hidden.
func (x *Reader) explainFiles(ctx context.Context, who access.Caller, e *Explanation, v *View, p page.Page,
	version string,
) error {
	c, err := x.All(ctx, who, v)
	if err != nil {
		return err
	}
	if err := x.countFiles(ctx, who, e, v, c, version); err != nil {
		return err
	}
	e.Hidden = e.Hidden[:0] // what is own was told without the upstream
	x.explainHeld(e, v, c, version)
	listed := map[string]bool{}
	for _, f := range c.Files {
		if f.Upstream != nil {
			listed[f.Filename] = true
		}
	}
	for _, f := range p.Files {
		if version != "" && !catalog.SameVersion(f.Version, version) {
			continue
		}
		if !listed[f.Filename] {
			e.Hidden = append(e.Hidden, v.whyHidden(c, p, f))
		}
		if f.Changed != "" {
			e.Hidden = append(e.Hidden, HiddenFile{
				Filename: f.Filename, Reason: "the upstream states another SHA-256 for it now; the first one counts",
				Next: "compare the two files, and ask the upstream",
			})
		}
	}
	return nil
}

// whyHidden tells why a file of an upstream is not listed.
func (v *View) whyHidden(c catalog.Contents, p page.Page, f page.File) HiddenFile {
	own := slices.ContainsFunc(c.Files,
		func(o catalog.File) bool { return o.Upstream == nil && catalog.SameVersion(o.Version, f.Version) })
	h := HiddenFile{Filename: f.Filename}
	switch {
	case p.Status == string(catalog.Quarantined):
		h.Reason, h.Next = "the project is in quarantine at the upstream", "wait until the upstream releases it"
	case c.Project.Status == catalog.Quarantined:
		h.Reason, h.Next = "the project is in quarantine here", fmt.Sprintf("index project status %s active", v.Name)
	case own:
		h.Reason = "this index has a version " + f.Version + " of its own"
		h.Next = fmt.Sprintf("index project delete %s %s", v.Name, f.Version)
	default:
		h.Reason = "the upstream states no SHA-256, the repository requires one, and this index has not downloaded it yet"
		h.Next = fmt.Sprintf("index upstream fetch %s --repository %s -r FILE, with the line %s==%s in FILE",
			v.Upstream.Name, v.Repository.Name, v.Name, f.Version)
	}
	return h
}

// explainHeld tells why files of contents are held or denied.
func (x *Reader) explainHeld(e *Explanation, v *View, c catalog.Contents, version string) {
	for i := range c.Files {
		f := &c.Files[i]
		if !f.Held() || version != "" && !catalog.SameVersion(f.Version, version) {
			continue
		}
		d := *f.Decision
		e.Hidden = append(e.Hidden, HiddenFile{
			Filename: f.Filename, Reason: Sentence(d), Next: nextFor(v, f, d), Rule: d.Rule, Until: d.Until,
			Address: x.addressOf(v, f.Version),
		})
	}
}

// nextFor returns what would make a file available that is held or denied.
func nextFor(v *View, f *catalog.File, d policy.Decision) string {
	if d.Rule == policy.RuleStatus && v.Project.Status == catalog.Quarantined {
		return fmt.Sprintf("index project status %s active", v.Name)
	}
	return Remedy(v.Repository.Name, v.Name, f, d)
}
