package insight

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/packaging"
	"pyindex/internal/publishers"
	"pyindex/internal/workload"
)

// Publishing describes, for the owners of a project, everything that determines who may publish it.
type Publishing struct {
	Project    catalog.Project
	Publishers []Shown
	Wide       []Shown // of the repository, those with the longest prefix first
	Tokens     []UploadToken
	Exchanges  []Exchange // newest first, at most shownExchanges
}

// Shown is a publisher on a project's page.
type Shown struct {
	publishers.Listed
	Words    workload.Words
	Warnings []workload.Warning
	AddedBy  string // the user's name; "" for the command line on the server or a deleted account
	// Last is the newest exchange that the publisher granted or was nearest to, among the lastLookedAt newest exchanges
	// of the project. It is nil if there is none.
	Last *Exchange
	// Own is the kind of the workload's platform, if a publisher of that kind can replace this one and is stricter. It is
	// nil otherwise.
	Own     *workload.Kind
	Missing []MissingField // required fields of Own that the publisher says nothing about
	// Unlike is the newest accepted exchange that is unlike the earlier ones, among the latestOf newest. It is nil if
	// there is none.
	Unlike *Entry
}

// MissingField is a required field, with the value of the last accepted job. The value may be "".
type MissingField struct {
	workload.Field
	Value string
}

// UploadToken is an API token that can upload to a project.
type UploadToken struct {
	access.TokenInfo
	Whole bool // it allows everything its user may do, not only chosen projects
	Mine  bool // the caller may revoke it
}

// Service reports whether the token is one of a service account, which has the roles of one project or group.
func (t UploadToken) Service() bool { return strings.HasPrefix(t.User, access.ServicePrefix) }

// The number of exchanges on the page, and the number searched for each publisher's last one.
const (
	shownExchanges = 20
	lastLookedAt   = 100
)

// ForProject returns everything that determines who may publish a project. It returns fault.NotFound unless the caller
// owns the project or is an administrator, and fault.Unauthenticated for an anonymous caller. Repository "" is main.
func (v *View) ForProject(ctx context.Context, who access.Caller, repository, project string) (Publishing, error) {
	var out Publishing
	if err := publishers.CheckKnown(who); err != nil {
		return out, err
	}
	name, err := packaging.ParseProjectName(project)
	if err != nil {
		return out, err
	}
	err = v.registry.Store().View(ctx, func(tx publishers.Tx) error {
		out = Publishing{}
		var err error
		if out.Project, err = publishers.ProjectFor(ctx, tx, who, repository, name); err != nil {
			return err
		}
		if err := v.showExchanges(ctx, tx, who, &out); err != nil {
			return err
		}
		if err := v.showPublishers(ctx, tx, who, &out); err != nil {
			return err
		}
		if err := v.showWide(ctx, tx, &out); err != nil {
			return err
		}
		out.Tokens, err = uploadTokens(ctx, tx, who, out.Project, v.registry.Options().Now())
		return err
	})
	out.Exchanges = out.Exchanges[:min(len(out.Exchanges), shownExchanges)]
	return out, err
}

func (v *View) showExchanges(ctx context.Context, tx publishers.Tx, who access.Caller, out *Publishing) error {
	p := out.Project
	entries, err := tx.Exchanges(ctx,
		publishers.ExchangeFilter{
			RepositoryID: p.Repository.ID, Project: p.Name.String(), Since: p.CreatedAt, Limit: lastLookedAt,
		})
	if err != nil {
		return err
	}
	whole := slices.Clone(entries)
	if err := v.Redact(ctx, tx, who, p.ID, entries); err != nil {
		return err
	}
	for i, e := range entries {
		if waitedFor(e.Detail) { // only the registrant of the pending publisher may see those
			continue
		}
		x := v.exchangeOf(e, map[string]string{p.Repository.ID: p.Repository.Name})
		if !x.Withheld {
			x.whole = detail(whole[i].Detail).object("claims")
		}
		out.Exchanges = append(out.Exchanges, x)
	}
	return nil
}

func (v *View) showPublishers(ctx context.Context, tx publishers.Tx, who access.Caller, out *Publishing) error {
	links, err := tx.AttachedTo(ctx, "", out.Project.ID)
	if err != nil {
		return err
	}
	for _, a := range links {
		s := v.shown(publishers.Listed{
			ID: a.Publisher.ID, Repository: out.Project.Repository.Name, Project: a.Project, AddedAt: a.AddedAt,
		}, a.Publisher)
		if s.AddedBy, err = publishers.UserName(ctx, tx, a.AddedBy); err != nil {
			return err
		}
		s.Last = lastOf(out.Exchanges, a.Publisher.ID)
		if s.Unlike, err = v.latestUnlike(ctx, tx, who, out.Project, s.ID); err != nil {
			return err
		}
		s.suggestValues()
		v.findOwn(&s)
		out.Publishers = append(out.Publishers, s)
	}
	return nil
}

func (v *View) showWide(ctx context.Context, tx publishers.Tx, out *Publishing) error {
	all, err := publishers.Covering(ctx, tx, out.Project)
	if err != nil {
		return err
	}
	for _, l := range all {
		s, err := v.wide(ctx, tx, out.Project.Repository, l)
		if err != nil {
			return err
		}
		s.Project = out.Project.Name.String() // for its workflow file
		out.Wide = append(out.Wide, s)
	}
	return nil
}

// wide fills in the row of a publisher of a repository for display.
func (v *View) wide(ctx context.Context, tx publishers.Tx, repo catalog.Repository,
	l publishers.RepositoryPublisher,
) (Shown, error) {
	s := v.shown(publishers.Listed{
		ID: l.Publisher.ID, Repository: repo.Name, AddedAt: l.AddedAt, Names: l.Prefix.String(), Creates: l.Creates,
	}, l.Publisher)
	var err error
	if s.AddedBy, err = publishers.UserName(ctx, tx, l.AddedBy); err == nil {
		s.Owner, err = publishers.UserName(ctx, tx, l.OwnerUser)
	}
	return s, err
}

// ForRepository returns the publishers of a repository, by prefix and time, each with the number of existing projects
// that it covers and its newest exchanges. It returns fault.Denied unless the caller is an administrator,
// fault.NotFound if there is no such repository, and fault.Unauthenticated for an anonymous caller. Repository "" is
// main.
func (v *View) ForRepository(ctx context.Context, who access.Caller, repository string) ([]WideShown, error) {
	if err := publishers.CheckKnown(who); err != nil {
		return nil, err
	}
	var out []WideShown
	err := v.registry.Store().View(ctx, func(tx publishers.Tx) error {
		out = nil
		repo, err := publishers.WideFor(ctx, tx, who, repository)
		if err != nil {
			return err
		}
		all, err := tx.RepositoryPublishers(ctx, "", repo.ID)
		if err != nil || len(all) == 0 {
			return err
		}
		entries, err := tx.Exchanges(ctx, publishers.ExchangeFilter{RepositoryID: repo.ID, Whole: true, Limit: MaxExchanges})
		if err != nil {
			return err
		}
		var exchanges []Exchange
		for _, e := range entries {
			exchanges = append(exchanges, v.exchangeOf(e, map[string]string{repo.ID: repo.Name}))
		}
		for _, l := range all {
			s, err := v.wide(ctx, tx, repo, l)
			if err != nil {
				return err
			}
			s.Project = l.Prefix.String() // for its workflow file
			near := nearTo(ofNames(exchanges, l.Prefix.Pattern()), l.Publisher.ID)
			if len(near) > 0 {
				s.Last = &near[0]
			}
			n, err := tx.CoveredProjects(ctx, repo.ID, l.Prefix)
			if err != nil {
				return err
			}
			out = append(out, WideShown{s, n, near[:min(len(near), shownRecent)]})
		}
		return nil
	})
	return out, err
}

// WideShown is a publisher of a repository for display.
type WideShown struct {
	Shown
	Covers int        // existing projects
	Recent []Exchange // that it granted or was nearest to, newest first, at most shownRecent
}

// shownRecent is the number of exchanges of each publisher of a repository.
const shownRecent = 10

func ofNames(all []Exchange, names string) (out []Exchange) {
	for _, x := range all {
		if x.Names == names {
			out = append(out, x)
		}
	}
	return out
}

// shown fills in a publisher's row for display.
func (v *View) shown(l publishers.Listed, p publishers.Publisher) Shown {
	kind := workload.Of(p.Provider)
	return Shown{
		Listed:   v.registry.Listed(l, p),
		Words:    kind.Describe(p.Issuer, p.Fields).Capital(),
		Warnings: kind.Warnings(p.Fields, p.OwnerID),
	}
}

// lastOf returns the newest exchange that a publisher granted or was nearest to.
func lastOf(all []Exchange, id string) *Exchange {
	if i := slices.IndexFunc(all, func(x Exchange) bool { return x.near(id) }); i >= 0 {
		return &all[i]
	}
	return nil
}

func nearTo(all []Exchange, id string) (out []Exchange) {
	for _, x := range all {
		if x.near(id) {
			out = append(out, x)
		}
	}
	return out
}

// near reports whether a publisher granted an exchange or was nearest to it.
func (x Exchange) near(id string) bool {
	return x.PublisherID == id || slices.ContainsFunc(x.Nearest, func(n Nearest) bool { return n.ID == id })
}

// suggestValues fills in values from the last accepted job, so that a tightened rule still accepts the job.
func (s *Shown) suggestValues() {
	if s.Last == nil || !s.Last.Granted {
		return
	}
	for i, w := range s.Warnings {
		s.Warnings[i].Value = cmp.Or(workload.Of(s.Provider).Seen(w.Field, s.Last.whole), w.Value)
	}
}

// findOwn sets the kind that can replace rules on claims, and the fields that it needs.
func (v *View) findOwn(s *Shown) {
	own := workload.Of(s.Provider).Own(s.Issuer, s.Fields)
	if own == nil || own.OwnWarning() == "" || v.registry.CheckIssuer(own, s.Issuer) != nil {
		return
	}
	s.Own = own
	for _, name := range own.Missing(s.Fields) {
		f, _ := own.Field(name)
		m := MissingField{Field: f}
		if s.Last != nil && s.Last.Granted {
			m.Value = own.Seen(name, s.Last.whole)
		}
		s.Missing = append(s.Missing, m)
	}
}

// uploadTokens returns the API tokens that can upload to a project. The description of another user's token is visible
// only if the token is bound to projects, and to administrators.
func uploadTokens(ctx context.Context, tx publishers.Tx, who access.Caller, p catalog.Project,
	now time.Time,
) ([]UploadToken, error) {
	all, err := access.UploadTokens(ctx, tx, p.Object(), now)
	var out []UploadToken
	for _, t := range all {
		u := UploadToken{TokenInfo: t, Whole: !t.Limited, Mine: who.Admin() || t.UserID == who.ID()}
		u.Hash = ""
		if u.Whole && !u.Mine {
			u.Description = ""
		}
		out = append(out, u)
	}
	return out, err
}

// PendingOf returns the pending publishers that the caller registered, oldest first, each with the newest exchange that
// came near it. An administrator gets all of them. It returns fault.Unauthenticated for an anonymous caller.
func (v *View) PendingOf(ctx context.Context, who access.Caller) ([]Shown, error) {
	if err := publishers.CheckKnown(who); err != nil {
		return nil, err
	}
	var out []Shown
	err := v.registry.Store().View(ctx, func(tx publishers.Tx) error {
		out = nil
		all, err := tx.PendingAll(ctx)
		if err != nil {
			return err
		}
		for _, p := range all {
			if !publishers.MayManagePending(who, p) {
				continue
			}
			s, err := v.showPending(ctx, tx, who, p)
			if err != nil {
				return err
			}
			out = append(out, s)
		}
		return nil
	})
	return out, err
}

func (v *View) showPending(ctx context.Context, tx publishers.Tx, who access.Caller,
	p publishers.Pending,
) (Shown, error) {
	repo, err := publishers.RepositoryByID(ctx, tx, p.RepositoryID)
	if err != nil {
		return Shown{}, err
	}
	s := v.shown(publishers.Listed{
		ID: p.ID, Pending: true, Repository: repo.Name, Project: p.Project, Registrant: p.Registrant, AddedAt: p.CreatedAt,
		ExpiresAt: p.ExpiresAt,
	}, p.Publisher)
	if s.AddedBy, err = publishers.UserName(ctx, tx, p.Registrant); err != nil {
		return s, err
	}
	near, err := tx.Exchanges(ctx, publishers.ExchangeFilter{Subject: p.ID, Limit: 1})
	if err == nil {
		err = v.Redact(ctx, tx, who, "", near)
	}
	if err == nil && len(near) > 0 {
		x := v.exchangeOf(near[0], map[string]string{repo.ID: repo.Name})
		s.Last = &x
	}
	return s, err
}
