package resolve

import (
	"context"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/holds"
	"pyindex/internal/packaging"
)

// FilesOf implements holds.Files: the files of a project that the caller may read through a repository, with those that
// a page leaves out because they are held, denied, removed upstream, or have no digest yet.
func (x *Reader) FilesOf(ctx context.Context, who access.Caller, repository string,
	name packaging.ProjectName,
) (out []holds.File, err error) {
	v, err := x.viewHeld(ctx, who, repository, name, Ask{})
	if err != nil {
		return nil, err
	}
	c, err := x.All(ctx, who, v)
	if err != nil {
		return nil, err
	}
	own := map[string]bool{}
	for i := range c.Files {
		f := &c.Files[i]
		if f.Upstream != nil {
			continue // the page has them all
		}
		one := holds.File{Filename: f.Filename, Version: f.Version, SHA256: f.SHA256, Own: true}
		if f.Decision != nil {
			one.Decision = *f.Decision
		}
		own[versionKey(f.Version)] = true
		out = append(out, one)
	}
	if v.Upstream.Name == "" || v.Project.Status == catalog.Quarantined {
		return out, nil
	}
	foreign, err := x.foreignFilesOf(v)
	for _, f := range foreign {
		if !own[versionKey(f.Version)] { // a version that is own stays own alone
			out = append(out, f)
		}
	}
	return out, err
}

// versionKey returns a text that is equal for spellings of one version.
func versionKey(s string) string {
	v, err := packaging.ParseVersion(s)
	if err != nil {
		return s
	}
	return v.Key()
}

// foreignFilesOf returns all files of a view's upstream, with those that it removed.
func (x *Reader) foreignFilesOf(v *View) ([]holds.File, error) {
	p, err := v.held.Page()
	if err != nil {
		return nil, err
	}
	rules, judged, now := v.rulesOf(p), v.judge(&p), x.o.Now()
	out := make([]holds.File, 0, len(p.Files)+len(p.Gone))
	for i := range judged {
		f := &judged[i]
		out = append(out, holds.File{
			Filename: p.Files[i].Filename, Version: f.Version, SHA256: f.SHA256, Decision: rules.Decide(f, now),
		})
	}
	gone := v.judgeGone(&p)
	for i := range gone {
		f := &gone[i]
		out = append(out, holds.File{
			Filename: p.Gone[i].Filename, Version: f.Version, SHA256: f.SHA256, Gone: true, Decision: rules.Decide(f, now),
		})
	}
	return out, nil
}
