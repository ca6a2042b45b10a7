package projects

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"strings"

	"pyindex/internal/app"
	"pyindex/internal/catalog"
	"pyindex/internal/cli"
	"pyindex/internal/fault"
	"pyindex/internal/lockfile/lockcheck"
	"pyindex/internal/packaging"
	"pyindex/internal/policy"
	"pyindex/internal/resolve"
	"pyindex/internal/terminal"
)

// OpenForLocks opens the index for the comparison of lock files with a repository. It returns *terminal.Misuse if the
// URL of the index is not configured, because lock files contain URLs.
func OpenForLocks(s *cli.Session, repository string,
	use func(lockcheck.Site, lockcheck.Index) error,
) error {
	if s.Config.BaseURL.URL == nil {
		return terminal.Misused(fault.New(fault.Invalid,
			"base_url is not set: set it, or specify the address of the index with --index-url"))
	}
	root := s.Config.BaseURL.URL
	if repository = cmp.Or(repository, catalog.MainRepository); repository != catalog.MainRepository {
		root = root.JoinPath("r", repository)
	}
	return s.With(func(a *app.App) error {
		if _, err := a.Index.Repository(s.Ctx, a.Operator, repository); err != nil {
			return err
		}
		site := lockcheck.NewSite(root)
		return use(site, &lockIndex{app: a, site: site, repository: repository})
	})
}

// lockIndex reads the projects of a repository, its bases and upstreams without a server.
type lockIndex struct {
	app        *app.App
	site       lockcheck.Site
	repository string
}

// Project returns the files of a project, those that are held, denied or in quarantine included.
func (x *lockIndex) Project(ctx context.Context, name packaging.ProjectName) (lockcheck.Project, error) {
	all, err := x.app.Reader.Held(ctx, x.app.Operator, x.repository, name, resolve.Ask{})
	if catalog.IsMissing(err) {
		return lockcheck.Project{Missing: true}, nil
	}
	if err != nil {
		return lockcheck.Project{}, unanswered(err)
	}
	p := lockcheck.Project{
		Own: all.Reserved, Quarantined: all.Project.Status == catalog.Quarantined, Reason: all.Project.StatusReason,
	}
	if d := all.Whole; d != nil && (all.Project.ID == "" || d.Rule != policy.RuleStatus) {
		p.Quarantined, p.Reason = true, x.app.Reader.Line(x.repository, name, "", *d)
	}
	for _, f := range all.Files {
		listed := x.listed(f)
		if f.Held() {
			listed.Refused = x.app.Reader.Line(x.repository, name, f.Version, *f.Decision)
		}
		p.Files = append(p.Files, listed)
		p.Upstream = p.Upstream || f.Upstream != nil
	}
	if all.Project.ID == "" {
		return p, nil
	}
	p.Own = true
	managed, err := x.app.Index.ManagedContents(ctx, x.app.Operator, all.Project.Repository.Name, name)
	if err != nil {
		return p, err
	}
	for _, f := range managed.Files {
		if f.Quarantined() {
			listed := x.listed(f)
			listed.Refused = strings.TrimSuffix("quarantined: "+f.QuarantineReason, ": ")
			p.Files = append(p.Files, listed)
		}
	}
	return p, nil
}

// listed returns a file with the URL at which the index serves it.
func (x *lockIndex) listed(f catalog.File) lockcheck.Listed {
	u := x.site.Root().JoinPath("packages", f.SHA256, f.Filename)
	if f.Upstream != nil {
		u = x.site.Root().JoinPath("packages", f.Upstream.Name, f.Upstream.Path)
	}
	return lockcheck.Listed{
		Name: f.Filename, URL: u.String(), SHA256: f.SHA256, Yanked: f.Yanked, Reason: f.YankedReason,
	}
}

// unanswered returns a *lockcheck.Unchecked for a fault that concerns one name, such as an upstream that does not
// answer.
func unanswered(err error) error {
	switch fault.KindOf(err) {
	case fault.Unavailable, fault.BadGateway, fault.Denied:
		return &lockcheck.Unchecked{Reason: fault.Message(err)}
	}
	return err
}

// Refusal returns the reason for which a file of an upstream is not served.
func (x *lockIndex) Refusal(ctx context.Context, raw string) (string, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return "", nil
	}
	rest, ok := strings.CutPrefix(u.Path, x.site.Root().Path+"/packages/")
	name, path, further := strings.Cut(rest, "/")
	if !ok || !further || lockcheck.OwnPath(raw) {
		return "", nil
	}
	f, err := x.app.Reader.Foreign(ctx, x.app.Operator, x.repository, name, path, resolve.Ask{})
	if err == nil && x.app.Config.Offline {
		if known, err := x.app.Reader.Stat(ctx, f); err != nil || known.Stored {
			return "", err
		}
		return policy.Decision{Verdict: policy.Deny, Rule: policy.RuleOffline}.Text(), nil
	}
	if refused, is := errors.AsType[resolve.Refused](err); is {
		return refused.Line(), nil
	}
	if catalog.IsMissing(err) || fault.Is(err, fault.Unavailable) || fault.Is(err, fault.BadGateway) {
		return "", nil
	}
	return "", err
}
