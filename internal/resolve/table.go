package resolve

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/holds"
	"pyindex/internal/packaging"
	"pyindex/internal/policy"
	"pyindex/internal/upstream"
)

// table collects what is decided about the files of a project in a repository, as rows.
type table struct {
	v     *View
	rules policy.Rules
	bare  policy.Rules // rules without exemptions and lifted denials
	now   time.Time

	rows     map[rowKey]*holds.Row
	releases map[string]bool // of all files
	files    int             // all of them
	until    time.Time       // when a decision changes by time alone; zero if none does
}

// rowKey tells rows of one project apart.
type rowKey struct {
	version string
	rule    policy.Rule
	verdict policy.Verdict
	served  string
}

func (x *Reader) newTable(v *View, rules policy.Rules) *table {
	t := &table{
		v: v, rules: rules, bare: rules, now: x.o.Now(), rows: map[rowKey]*holds.Row{}, releases: map[string]bool{},
	}
	t.bare.Lifts, t.bare.Ways = nil, slices.Clone(rules.Ways)
	for i := range t.bare.Ways {
		t.bare.Ways[i].Exempt = nil
	}
	return t
}

// foreignTable decides about the files of a view's upstream, with those that left its page. It returns nil if the
// stored page cannot be read.
func (x *Reader) foreignTable(ctx context.Context, v *View) (*table, error) {
	if v.denied {
		t := x.newTable(v, policy.Rules{NameDenied: true})
		r := t.note("", t.rules.Decide(&policy.File{}, t.now), "")
		r.Releases, r.Files = 0, 0 // nothing is known of them
		return t, nil
	}
	p, err := v.held.Page()
	if fault.Is(err, fault.Unavailable) { // damaged: it is read again when a client asks for it
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	own, err := x.ownVersions(ctx, v)
	if err != nil {
		return nil, err
	}
	t := x.newTable(v, v.rulesOf(p))
	judged := v.judge(&p)
	for i := range judged {
		if f := &judged[i]; f.SHA256 != "" || !v.Repository.RequireHashes { // else it is not listed yet
			t.add(f, own)
		}
	}
	gone := v.judgeGone(&p)
	for i := range gone {
		t.add(&gone[i], own)
	}
	x.survey.decided.Add(int64(len(judged) + len(gone)))
	return t, nil
}

// ownVersions returns the versions of a view that are this index's own, by their keys. They hide those of the upstream.
func (x *Reader) ownVersions(ctx context.Context, v *View) (map[string]bool, error) {
	if v.Project.ID == "" {
		return nil, nil
	}
	c, err := x.index.Contents(ctx, x.o.Surveyor, v.Project.Repository.Name, v.Name)
	if err != nil && !catalog.IsMissing(err) {
		return nil, err
	}
	out := map[string]bool{}
	for _, r := range c.Releases {
		out[r.Key] = true
	}
	return out, nil
}

// ownTable decides about the files of a project that the repository has itself. It returns nil if there is none.
func (x *Reader) ownTable(ctx context.Context, o opened, name packaging.ProjectName) (*table, error) {
	standing, err := x.standing(ctx, o.At, name)
	if err != nil {
		return nil, err
	}
	c, err := x.index.Contents(ctx, x.o.Surveyor, o.Repository.Name, name)
	if catalog.IsMissing(err) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	t := x.newTable(&View{opened: o, Name: name, Project: c.Project}, ownRules(standing))
	for i := range c.Files {
		f := &c.Files[i]
		t.add(ownFacts(standing, f), nil)
	}
	return t, nil
}

// add decides about a file, unless its version is one of those.
func (t *table) add(f *policy.File, but map[string]bool) {
	if len(but) > 0 && but[versionKey(f.Version)] {
		return
	}
	t.files++
	t.releases[f.Version] = true
	d := t.rules.Decide(f, t.now)
	if !d.Changes.IsZero() && (t.until.IsZero() || d.Changes.Before(t.until)) {
		t.until = d.Changes
	}
	switch {
	case d.Verdict != policy.Serve:
		t.note(f.Version, d, "")
	case d.Exemption != "":
		if would := t.bare.Decide(f, t.now); would.Verdict != policy.Serve {
			t.note(f.Version, would, d.Exemption)
		}
	}
}

// note adds a file to the row of its version and decision, which it returns.
func (t *table) note(version string, d policy.Decision, served string) *holds.Row {
	d.Changes, d.Exemption = time.Time{}, ""
	k := rowKey{version, d.Rule, d.Verdict, served}
	r := t.rows[k]
	if r == nil {
		r = &holds.Row{
			RepositoryID: t.v.Repository.ID, Repository: t.v.Repository.Name, Project: t.v.Name.String(), Version: version,
			Upstream: t.v.Upstream.Name, Releases: 1, Decision: d, Served: served,
		}
		t.rows[k] = r
	}
	if r.Files++; later(d.Until, r.Decision.Until) {
		r.Decision = d
	}
	return r
}

// later reports whether a hold ends later than another one. The zero time is no end.
func later(until, than time.Time) bool {
	return !than.IsZero() && (until.IsZero() || until.After(than))
}

// whole returns one row for the project if all its files are decided about alike, or nil.
func (t *table) whole() *holds.Row {
	var one *holds.Row
	for _, r := range t.rows {
		switch {
		case one == nil:
			one = new(*r)
			one.Files = 0
		case r.Decision != one.Decision || r.Served != one.Served:
			return nil
		}
		one.Files += r.Files
	}
	if one == nil || one.Files != t.files || len(t.releases) < 2 {
		return nil
	}
	one.Version, one.Releases = "", len(t.releases)
	return one
}

// sorted returns the rows, rule by rule and the newest version first.
func (t *table) sorted() []holds.Row {
	if one := t.whole(); one != nil {
		return []holds.Row{*one}
	}
	out := make([]holds.Row, 0, len(t.rows))
	for _, r := range t.rows {
		out = append(out, *r)
	}
	order := holds.RulesInOrder()
	slices.SortFunc(out, func(a, b holds.Row) int {
		return cmp.Or(
			cmp.Compare(slices.Index(order, a.Decision.Rule), slices.Index(order, b.Decision.Rule)),
			byVersion(catalog.Release{Version: b.Version}, catalog.Release{Version: a.Version}),
			cmp.Compare(b.Version, a.Version), cmp.Compare(a.Served, b.Served),
			cmp.Compare(b.Decision.Verdict, a.Decision.Verdict),
		)
	})
	return out
}

// tallied is a Tally of one project, with the number of rows.
type tallied struct {
	holds.Tally
	rows int
}

// tallies returns the numbers of each rule.
func (t *table) tallies() (out []tallied) {
	rows := t.sorted()
	for len(rows) > 0 {
		n := tallied{Tally: holds.Tally{Rule: rows[0].Decision.Rule, Projects: 1}}
		versions := map[string]bool{}
		for len(rows) > 0 && rows[0].Decision.Rule == n.Rule {
			r := &rows[0]
			n.rows++
			switch {
			case r.Served != "":
				n.Exempt += r.Files
			case !versions[r.Version]: // held and denied by one rule is one release
				versions[r.Version] = true
				n.Releases += r.Releases
				n.Files += r.Files
			default:
				n.Files += r.Files
			}
			rows = rows[1:]
		}
		out = append(out, n)
	}
	return out
}

// storedView returns the view of a name that the readers of a repository get from an upstream, without its page, or nil
// if the name does not come from an upstream or no page of it is stored. It asks no upstream, and is complete after
// noted.
func (x *Reader) storedView(ctx context.Context, o opened, name packaging.ProjectName,
	stored func(*upstream.Upstream) (bool, error),
) (*View, error) {
	v := &View{opened: o, Name: name}
	var err error
	if v.Project, _, err = x.firstOwn(ctx, x.o.Surveyor, o, name); err != nil {
		return nil, err
	}
	v.Ownership, err = x.originOf(ctx, o, name)
	switch {
	case errors.Is(err, catalog.ErrRecovered):
		return nil, nil
	case err != nil:
		return nil, err
	case v.Ownership.Origin == catalog.Own:
		return nil, nil
	case v.Ownership.Origin == catalog.Foreign:
		v.Project = catalog.Project{}
	case v.Project.ID != "" && v.Ownership.Origin != catalog.Both:
		return nil, nil
	}
	a, able, err := x.able(ctx, v)
	if err != nil {
		return nil, err
	}
	for _, u := range able {
		if found, err := stored(u); err != nil || found {
			v.Upstream, v.asked = *u, a
			return v, err
		}
	}
	if len(able) > 0 || v.Project.ID != "" {
		return nil, nil
	}
	if v.denied, err = x.deniedName(ctx, v); err != nil || !v.denied {
		return nil, err
	}
	return v, nil
}

// noted completes a view of storedView by what is known of files of its upstream, and by what decides about them. It
// returns the texts that differ whenever the former does.
func (x *Reader) noted(ctx context.Context, v *View) (pinned, examined string, err error) {
	if x.o.Files != nil {
		if v.pins, pinned, err = x.o.Files.Pins(ctx, v.Upstream, v.Name); err != nil {
			return "", "", err
		}
		if v.startup, examined, err = x.o.Files.Examined(ctx, v.Upstream, v.Name); err != nil {
			return "", "", err
		}
	}
	v.ruled, err = x.rule(ctx, v)
	return pinned, examined, err
}
