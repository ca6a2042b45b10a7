package lockout

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/account/onetime"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/publishers"
	"pyindex/internal/roles"
)

// plan is a report and the rows that it describes.
type plan struct {
	Report
	user     access.User
	uploads  catalog.UploadFilter
	links    []string // ids, including invitations
	pending  []string // ids
	attached []publishers.Attached
	wide     []publishers.RepositoryPublisher
	readers  []string // ids
}

// plan finds everything that a lockout of t revokes.
func (d *Desk) plan(ctx context.Context, tx Tx, t Target, since time.Time) (plan, error) {
	p := plan{Report: Report{Target: t}}
	f := catalog.UploadFilter{Since: since}
	var err error
	switch t.Kind {
	case User:
		f.UserID, err = d.planUser(ctx, tx, &p)
	case Publisher:
		f.Publisher, err = d.planPublisher(ctx, tx, &p)
		f.Minted = t.Name
	case Token:
		f.TokenID, err = d.planToken(ctx, tx, &p)
	default:
		err = fault.New(fault.Invalid, "%.40q cannot be locked out: choose user, publisher or token", t.Kind)
	}
	if err == nil {
		p.Uploads, err = tx.Uploads(ctx, f, catalog.MaxUploads)
	}
	if p.uploads, p.Uploaded = f, len(p.Uploads); err == nil && p.Uploaded == catalog.MaxUploads {
		p.Uploaded, err = tx.CountUploads(ctx, f)
	}
	return p, err
}

func (d *Desk) planUser(ctx context.Context, tx Tx, p *plan) (string, error) {
	u, err := tx.UserByName(ctx, p.Name)
	if fault.Is(err, fault.NotFound) {
		return "", fault.Wrap(fault.NotFound, err, "there is no user %.80q", p.Name)
	} else if err != nil {
		return "", err
	}
	p.user, p.Sentence, p.Account, p.Already = u, "the account "+u.Name, u.Name, !u.Active()
	tokens, _, err := tx.Tokens(ctx, u.ID)
	if err != nil {
		return "", err
	}
	p.Tokens = slices.DeleteFunc(tokens, func(t access.Token) bool { return !t.RevokedAt.IsZero() })
	if err := p.addServiceTokens(ctx, tx); err != nil {
		return "", err
	}
	sessions, err := tx.SessionsOf(ctx, u.ID)
	if err != nil {
		return "", err
	}
	p.Sessions = len(sessions)
	if err := d.planLinks(ctx, tx, p); err != nil {
		return "", err
	}
	all, err := tx.PendingAll(ctx)
	if err != nil {
		return "", err
	}
	for _, x := range all {
		if x.Registrant == u.ID || x.Publisher.CreatedBy == u.ID {
			p.addPending(x)
		}
	}
	return u.ID, d.reviewUser(ctx, tx, p)
}

// addServiceTokens adds the tokens that the user created for service accounts, because the user has seen them.
func (p *plan) addServiceTokens(ctx context.Context, tx Tx) error {
	made, err := tx.TokensCreatedBy(ctx, p.user.ID)
	if err != nil || len(made) == 0 {
		return err
	}
	var names []string
	for _, t := range made {
		u, err := tx.UserByID(ctx, t.UserID)
		if err != nil {
			return err
		}
		if !slices.Contains(names, u.Name) {
			names = append(names, u.Name)
		}
	}
	p.Tokens = append(p.Tokens, made...)
	p.Review = append(p.Review, fmt.Sprintf(
		"%s has seen tokens of service accounts, which end too. Their jobs need new tokens: %s", p.user.Name, few(names)))
	return nil
}

// planLinks finds the links that a user can use, and those that the user created for others.
func (d *Desk) planLinks(ctx context.Context, tx Tx, p *plan) error {
	for _, kind := range []onetime.Kind{onetime.Reset, onetime.Factor, onetime.Invite} {
		links, err := tx.Links(ctx, kind, d.o.Now())
		if err != nil {
			return err
		}
		for _, l := range links {
			if l.UserID != p.user.ID && l.CreatedBy != p.user.ID {
				continue
			}
			p.links = append(p.links, l.ID)
			if kind == onetime.Invite {
				p.Invitations++
			} else {
				p.Links++
			}
		}
	}
	return nil
}

func (p *plan) addPending(x publishers.Pending) {
	p.pending, p.Pending = append(p.pending, x.ID), append(p.Pending, x.Project)
}

// reviewUser lists the things that a lockout keeps: roles, which have no effect while the account is disabled, and
// publishers and readers that the user added, because projects may depend on them.
func (d *Desk) reviewUser(ctx context.Context, tx Tx, p *plan) error {
	if err := access.AnotherAdmin(ctx, tx, p.user); fault.Is(err, fault.Conflict) {
		p.LastAdmin = true
		p.Review = append(p.Review,
			p.user.Name+" is the only active administrator. Make another user an administrator first, or use --force on the server.")
	} else if err != nil {
		return err
	}
	if err := p.reviewRoles(ctx, tx); err != nil {
		return err
	}
	if err := p.reviewInvitees(ctx, tx); err != nil {
		return err
	}
	links, err := tx.AttachedTo(ctx, "", "")
	if err != nil {
		return err
	}
	for _, l := range links {
		if l.AddedBy == p.user.ID {
			p.Review = append(p.Review,
				fmt.Sprintf("%s may publish %s, because %s added it: publisher %s", d.o.Sentence(l.Publisher), l.Project,
					p.user.Name, l.Publisher.ID))
		}
	}
	if err := d.reviewWide(ctx, tx, p); err != nil {
		return err
	}
	readers, err := tx.ReadersAll(ctx)
	for _, r := range readers {
		if r.CreatedBy == p.user.ID {
			p.Review = append(p.Review,
				fmt.Sprintf("%s may read, because %s added it: reader %s", d.o.Sentence(r.Publisher), p.user.Name, r.ID))
		}
	}
	return err
}

// reviewWide lists the publishers of repositories that the user added, and those whose new projects the user would own.
func (d *Desk) reviewWide(ctx context.Context, tx Tx, p *plan) error {
	all, err := tx.RepositoryPublishers(ctx, "", "")
	if err != nil {
		return err
	}
	for _, l := range all {
		names, err := namesOf(ctx, tx, l)
		if err != nil {
			return err
		}
		if l.AddedBy == p.user.ID {
			p.Review = append(p.Review, fmt.Sprintf("%s may publish %s, because %s added it: publisher %s",
				d.o.Sentence(l.Publisher), names, p.user.Name, l.Publisher.ID))
		}
		if l.OwnerUser == p.user.ID {
			p.Review = append(p.Review, fmt.Sprintf(
				"New projects of the publisher %s, which has %s, would belong to %s, so it can create none. Add it again with another owner.",
				l.Publisher.ID, names, p.user.Name))
		}
	}
	return nil
}

// namesOf describes the names of a publisher of a repository, such as "acme-* in main".
func namesOf(ctx context.Context, tx Tx, l publishers.RepositoryPublisher) (string, error) {
	repo, err := publishers.RepositoryByID(ctx, tx, l.RepositoryID)
	return l.Prefix.Pattern() + " in " + repo.Name, err
}

// reviewInvitees lists the active accounts that the user invited, directly or indirectly. A lockout does not change
// them.
func (p *plan) reviewInvitees(ctx context.Context, tx Tx) error {
	all, err := tx.Users(ctx)
	if err != nil {
		return err
	}
	for _, u := range access.InviteesOf(all, p.user) {
		if !u.Active() {
			continue
		}
		what := "The account " + u.Name
		if u.Admin {
			what = "The administrator " + u.Name
		}
		p.Review = append(p.Review,
			what+" was invited by "+u.By+" and stays active. To lock it out too: index lockout user "+u.Name)
	}
	return nil
}

// reviewRoles notes that the user keeps all roles, and lists the projects without another owner.
func (p *plan) reviewRoles(ctx context.Context, tx Tx) error {
	grants, err := tx.GrantsOf(ctx, p.user.ID)
	if err != nil || len(grants) == 0 {
		return err
	}
	p.Review = append(p.Review,
		p.user.Name+" keeps all roles and group memberships. They take effect again if the account is enabled.")
	seen := map[string]bool{}
	for _, g := range grants {
		if g.ProjectID == "" || g.Role != access.Owner || seen[g.ProjectID] {
			continue
		}
		seen[g.ProjectID] = true
		project, err := tx.ProjectByID(ctx, g.ProjectID)
		if err != nil {
			return err
		}
		if owned, err := roles.OwnedWithout(ctx, tx, project, p.user.ID); err != nil {
			return err
		} else if !owned {
			p.Unowned = append(p.Unowned, place(project))
		}
	}
	slices.Sort(p.Unowned)
	if len(p.Unowned) > 0 {
		p.Review = append(p.Review, "No other active user owns "+few(p.Unowned)+". Give another user the role owner.")
	}
	return nil
}

// place returns a project's name, with its repository's unless that is the main one.
func place(p catalog.Project) string {
	if p.Repository.Name == catalog.MainRepository {
		return p.Name.String()
	}
	return p.Name.String() + " in " + p.Repository.Name
}

// planPublisher finds every rule that trusts the same workloads as the named one: of projects and repositories, pending
// publishers, and readers.
func (d *Desk) planPublisher(ctx context.Context, tx Tx, p *plan) (string, error) {
	attached, err := tx.AttachedTo(ctx, "", "")
	if err != nil {
		return "", err
	}
	pending, err := tx.PendingAll(ctx)
	if err != nil {
		return "", err
	}
	readers, err := tx.ReadersAll(ctx)
	if err != nil {
		return "", err
	}
	wide, err := tx.RepositoryPublishers(ctx, "", "")
	if err != nil {
		return "", err
	}
	rule, ok := ruleOf(p.Name, attached, wide, pending, readers)
	if !ok {
		return "", fault.New(fault.NotFound, "there is no publisher, pending publisher or reader %.80q", p.Name)
	}
	p.Sentence = d.o.Sentence(rule)
	ids := map[string]bool{}
	for _, l := range attached {
		if same(rule, l.Publisher) {
			project, err := tx.ProjectByID(ctx, l.ProjectID)
			if err != nil {
				return "", err
			}
			if len(p.attached) == 0 {
				p.First = project
			}
			p.attached, p.Projects = append(p.attached, l), append(p.Projects, place(project))
			ids[l.Publisher.ID] = true
		}
	}
	for _, l := range wide {
		if same(rule, l.Publisher) {
			names, err := namesOf(ctx, tx, l)
			if err != nil {
				return "", err
			}
			p.wide, p.Projects = append(p.wide, l), append(p.Projects, names)
			ids[l.Publisher.ID] = true
		}
	}
	for _, x := range pending {
		if same(rule, x.Publisher) {
			p.addPending(x)
		}
	}
	for _, r := range readers {
		if same(rule, r.Publisher) {
			p.readers = append(p.readers, r.ID)
			ids[r.ID] = true
		}
	}
	p.Readers = len(p.readers)
	return p.Sentence, p.addMinted(ctx, tx, slices.Sorted(maps.Keys(ids)))
}

// ruleOf finds a rule by the id of its publisher, pending publisher or reader.
func ruleOf(id string, attached []publishers.Attached, wide []publishers.RepositoryPublisher,
	pending []publishers.Pending, readers []publishers.Reader,
) (publishers.Publisher, bool) {
	ofNames := func(l publishers.RepositoryPublisher) bool { return l.Publisher.ID == id }
	if i := slices.IndexFunc(wide, ofNames); i >= 0 {
		return wide[i].Publisher, true
	}
	if i := slices.IndexFunc(attached, func(l publishers.Attached) bool { return l.Publisher.ID == id }); i >= 0 {
		return attached[i].Publisher, true
	}
	if i := slices.IndexFunc(pending, func(x publishers.Pending) bool { return x.ID == id }); i >= 0 {
		return pending[i].Publisher, true
	}
	if i := slices.IndexFunc(readers, func(r publishers.Reader) bool { return r.ID == id }); i >= 0 {
		return readers[i].Publisher, true
	}
	return publishers.Publisher{}, false
}

// same reports whether two rules trust the same workloads, ignoring their pinned claims.
func same(a, b publishers.Publisher) bool {
	return a.Issuer == b.Issuer && a.Provider == b.Provider && maps.Equal(a.Fields, b.Fields)
}

func (p *plan) addMinted(ctx context.Context, tx Tx, ids []string) error {
	seen := map[string]bool{}
	for _, id := range ids {
		tokens, err := tx.MintedFor(ctx, id)
		if err != nil {
			return err
		}
		for _, tokenID := range tokens {
			if seen[tokenID] {
				continue
			}
			seen[tokenID] = true
			t, err := tx.TokenByID(ctx, tokenID)
			if err != nil {
				return err
			}
			p.Tokens = append(p.Tokens, t)
		}
	}
	return nil
}

func (d *Desk) planToken(ctx context.Context, tx Tx, p *plan) (string, error) {
	t, err := tx.TokenByID(ctx, p.Name)
	if fault.Is(err, fault.NotFound) {
		return "", fault.Wrap(fault.NotFound, err, "there is no token %.80q: index token list shows the tokens", p.Name)
	} else if err != nil {
		return "", err
	}
	p.Sentence = "a token of " + t.Publisher
	if t.Kind == access.TokenAPI {
		u, err := tx.UserByID(ctx, t.UserID)
		if err != nil {
			return "", err
		}
		p.Account, p.Sentence = u.Name, fmt.Sprintf("the API token %q of %s", t.Description, u.Name)
		if t.Description == "" {
			p.Sentence = fmt.Sprintf("an API token of %s without a description (ID %s)", u.Name, t.ID)
		}
	}
	if p.Already = !t.RevokedAt.IsZero(); !p.Already {
		p.Tokens = []access.Token{t}
	}
	return t.ID, nil
}
