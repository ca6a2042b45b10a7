package ingest

import (
	"context"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// uploadTarget returns the repository if the caller's token allows uploads.
func (x *Intake) uploadTarget(ctx context.Context, who access.Caller, repo string) (catalog.Repository, error) {
	if !who.Known() {
		return catalog.Repository{}, catalog.ErrAnonymous
	}
	if !who.Uploads() {
		return catalog.Repository{}, fault.New(fault.Denied, "this API token may only read: create one with --scope upload")
	}
	return x.index.Repository(ctx, who, repo)
}

// MayUpload checks, before an upload is read, whether the caller may upload anything to a repository. It returns
// fault.Denied if not, fault.Unauthenticated for an anonymous caller, and fault.NotFound if the caller may not see the
// repository.
func (x *Intake) MayUpload(ctx context.Context, who access.Caller, repo string) error {
	r, err := x.uploadTarget(ctx, who, repo)
	if err != nil || who.MayUpload(r.Object()) {
		return err
	}
	if renews(who) { // another upload may just have created a project
		var grants []access.Grant
		err := x.store.View(ctx, func(tx Tx) (err error) {
			grants, err = tx.GrantsOf(ctx, who.ID())
			return err
		})
		if err != nil || who.Renewed(grants).MayUpload(r.Object()) {
			return err
		}
	}
	return fault.New(fault.Denied, "%s may not upload anything here: %s", whoText(who), whoHint(who, r.Object()))
}

// checkPermission returns the project, if it exists, and the decision about its name, if there is one. It returns an
// error if the caller may not upload to the name.
func (x *Intake) checkPermission(ctx context.Context, tx Tx, who access.Caller, r catalog.Repository,
	name packaging.ProjectName, compared catalog.Comparison,
) (catalog.Project, catalog.Ruling, error) {
	if err := unspent(ctx, tx, who); err != nil {
		return catalog.Project{}, catalog.Ruling{}, err
	}
	p, _, err := x.findProject(ctx, tx, who, r, name, compared)
	if err != nil {
		return p, catalog.Ruling{}, err
	}
	d, err := catalog.MayUploadTo(ctx, tx, r, name)
	return p, d, err
}

// findProject returns the project if the caller may upload to it. The bool is false if the project must be created
// first. It checks neither whether a single-use token is spent nor the decision about the name.
func (x *Intake) findProject(ctx context.Context, tx Tx, who access.Caller, r catalog.Repository,
	name packaging.ProjectName, compared catalog.Comparison,
) (catalog.Project, bool, error) {
	p, err := tx.ProjectByName(ctx, r.ID, name)
	switch {
	case fault.Is(err, fault.NotFound):
		return catalog.Project{}, false, x.mayCreate(ctx, tx, who, r, name, compared)
	case err != nil:
		return catalog.Project{}, false, err
	}
	switch may, err := mayUpload(ctx, tx, who, p); {
	case err != nil:
		return catalog.Project{}, false, err
	case !may:
		return catalog.Project{}, false, notYours(who, name, p.Object())
	case p.Status == catalog.Archived, p.Status == catalog.Quarantined:
		return catalog.Project{}, false, fault.New(fault.Denied, "project %s is %s and takes no uploads", name, p.Status)
	}
	if err := trusts(who, p); err != nil {
		return catalog.Project{}, false, err
	}
	return p, true, nil
}

// mayUpload checks again with the current grants before it refuses: the first of several concurrent uploads may have
// created the project and made its uploader the owner.
func mayUpload(ctx context.Context, tx Tx, who access.Caller, p catalog.Project) (bool, error) {
	if who.May(access.Uploader, p.Object()) || !renews(who) {
		return who.May(access.Uploader, p.Object()), nil
	}
	grants, err := tx.GrantsOf(ctx, who.ID())
	return err == nil && who.Renewed(grants).May(access.Uploader, p.Object()), err
}

// renews reports whether the caller's grants can have changed since it was identified; see access.Caller.Renewed.
func renews(who access.Caller) bool {
	return who.Kind() == access.KindUser || who.Kind() == access.KindService
}

// notYours returns the same refusal whether or not the project exists.
func notYours(who access.Caller, name packaging.ProjectName, o access.Object) error {
	return fault.New(fault.Denied, "%s may not upload to project %s: %s", whoText(who), name, whoHint(who, o))
}

// mayCreate decides whether the caller may create a project of a new name. It reads the repository again, because its
// members' role may have changed since the upload began. A refusal must not differ from that for a project of others,
// also not in its cost: a publisher is refused without another query, and a user after one, in both cases.
func (x *Intake) mayCreate(ctx context.Context, tx Tx, who access.Caller, r catalog.Repository,
	name packaging.ProjectName, compared catalog.Comparison,
) error {
	if who.Kind() == access.KindPublisher {
		return x.mayCreateByName(ctx, tx, who, r, name, compared)
	}
	r, err := tx.RepositoryByName(ctx, r.Name)
	switch {
	case fault.Is(err, fault.NotFound):
		return fault.Wrap(fault.NotFound, err, "there is no repository of that name here")
	case err != nil:
		return err
	case !who.MayCreate(r.Object()):
		return notYours(who, name, r.Object())
	}
	return x.policy.CheckNewName(ctx, tx, catalog.NewName{
		Repository: r, Name: name, User: who.ID(), At: x.changes.Clock(), Compared: compared,
	})
}

// maxCreatedByToken limits the projects that one minted token creates. A job whose dependencies are malicious could
// otherwise take any number of names.
const maxCreatedByToken = 20

// createdWithin is longer than a minted token can create projects.
const createdWithin = 6*time.Hour + access.MintedGrace

// mayCreateByName decides whether a publisher of the repository may create a project. Its token reads every project
// that it covers, so that a refusal because of one of them tells nothing new. The policy for similar names compares
// with all projects of the repository, so its refusal can tell that one exists that the rule does not cover, as it does
// to every user who may create projects.
func (x *Intake) mayCreateByName(ctx context.Context, tx Tx, who access.Caller, r catalog.Repository,
	name packaging.ProjectName, compared catalog.Comparison,
) error {
	rule, ok := who.NameRule(r.Object(), name)
	if !ok {
		return notYours(who, name, r.Object())
	}
	if !rule.Creates {
		return fault.New(fault.Denied,
			"there is no project %s, and %s may only upload to projects that exist: ask a user to create it, or an administrator to let the publisher of %s create projects",
			name, whoText(who), rule.Prefix.Pattern())
	}
	if rule.OwnerID != "" {
		u, err := tx.UserByID(ctx, rule.OwnerID)
		if fault.Is(err, fault.NotFound) || err == nil && (!u.Active() || u.Service) {
			return fault.New(fault.Denied,
				"project %s cannot be created: the user who would own the new projects of %s has no active account, so ask an administrator to change the publisher",
				name, rule.Prefix.Pattern())
		} else if err != nil {
			return err
		}
	}
	if err := x.mayCreateMore(ctx, tx, who, r, name); err != nil {
		return err
	}
	return x.policy.CheckNewName(ctx, tx, catalog.NewName{
		Repository: r, Name: name, User: catalog.NoUser, At: x.changes.Clock(), Compared: compared,
	})
}

// mayCreateMore returns fault.Denied if a minted token has created as many projects as one may. Uploads that arrive at
// the same moment may exceed the limit by their number.
func (x *Intake) mayCreateMore(ctx context.Context, tx Tx, who access.Caller, r catalog.Repository,
	name packaging.ProjectName,
) error {
	all, err := tx.Entries(ctx, audit.Filter{
		RepositoryID: r.ID, Actions: []string{"project.create"}, Outcome: audit.Granted, Actor: who.Name(), WithToken: true,
		Since: x.changes.Clock().Add(-createdWithin), Limit: audit.MaxEntries,
	})
	if err != nil {
		return err
	}
	created := 0
	for _, e := range all {
		if e.Actor.TokenID == who.TokenID() {
			created++
		}
	}
	if created >= maxCreatedByToken {
		return fault.New(fault.Denied,
			"project %s cannot be created with this token: one token creates at most %d projects, so run the job again to publish the others",
			name, maxCreatedByToken)
	}
	return nil
}

func whoText(who access.Caller) string {
	if who.Kind() == access.KindPublisher {
		return "the trusted publisher " + who.Name()
	}
	if who.SessionID() != "" {
		return "you"
	}
	return "this API token"
}

func whoHint(who access.Caller, o access.Object) string {
	switch {
	case who.Kind() == access.KindPublisher:
		return "add it to the project's publishers, or register a pending publisher if there is no such project yet"
	case who.SessionID() != "":
		return "your account does not have permission"
	case !who.Covers(o):
		return "it is bound to other projects"
	}
	return "its owner, " + who.Name() + ", does not have permission"
}

// trusts refuses API tokens if the project only takes uploads from its publishers. This is an allow list: every caller
// kind except publisher and operator is refused, including kinds added later.
func trusts(who access.Caller, p catalog.Project) error {
	if !p.TrustedOnly || who.Kind() == access.KindPublisher || who.Kind() == access.KindOperator {
		return nil
	}
	if who.SessionID() != "" {
		return fault.New(fault.Denied,
			"project %s takes uploads from its trusted publishers alone: publish from the workflow that it trusts, or ask an owner to allow other uploads", p.Name)
	}
	return fault.New(fault.Denied,
		"project %s takes uploads from its trusted publishers alone, and this is an API token: publish from the workflow that the project trusts, or ask an owner to allow API tokens again", p.Name)
}

func unspent(ctx context.Context, tx Tx, who access.Caller) error {
	if !who.SingleUse() {
		return nil
	}
	spent, err := tx.TokenSpent(ctx, who.TokenID())
	if err == nil && spent {
		return errSpent
	}
	return err
}

var errSpent = fault.New(fault.Denied,
	"this upload token was for one upload, and it has been used: exchange another identity token for each file, or leave out the feature single-use-token")

// Limits returns the effective limits of a project, or the configured limits if the name is zero. It needs an uploader:
// it returns fault.NotFound if the caller may not see the project, and fault.Denied if the role is missing.
func (x *Intake) Limits(ctx context.Context, who access.Caller, repo string,
	name packaging.ProjectName,
) (catalog.Limits, error) {
	if name.IsZero() {
		_, err := x.uploadTarget(ctx, who, repo)
		return x.limits, err
	}
	p, err := x.index.Project(ctx, who, repo, name)
	if err == nil {
		err = catalog.Permit(who, access.Uploader, p)
	}
	if err != nil {
		return catalog.Limits{}, err
	}
	return p.LimitsUnder(x.limits), nil
}
