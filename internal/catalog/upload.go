package catalog

import (
	"context"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// Upload is a file together with what its sender says about it.
type Upload struct {
	Repository    string
	Filename      string         // as the sender wrote it, not cleaned in any way
	Kind          packaging.Kind // "" where the sender does not say
	PythonVersion string
	Comment       string
	Form          packaging.Metadata // a zero Name means that the sender leaves it to the file
	Digests       Digests
	ContentType   string // of the file's part, "" where there is none
	Content       *Incoming
	Attestations  []string // the field of PEP 740, each time that it was sent; a byte beyond MaxAttestations of it will do
}

// Receipt says what became of an upload.
type Receipt struct {
	File     File
	Created  bool     // false where the identical file was there already, and nothing changed
	Warnings []string // sentences for the sender
}

// uploadTarget returns the repository for a caller who may upload something to it.
func (x *Index) uploadTarget(ctx context.Context, who access.Caller, repo string) (Repository, error) {
	if !who.Known() {
		return Repository{}, errAnonymous()
	}
	if !who.Uploads() {
		return Repository{}, fault.New(fault.Denied, "this API token may only read: make one with --scope upload")
	}
	at, err := x.store.Stamp(ctx)
	if err != nil {
		return Repository{}, err
	}
	return x.repository(ctx, who, at, repo)
}

// MayPublish answers before the bytes come whether the caller may upload to a project of that name: nil, or the fault
// that Publish would return for it.
func (x *Index) MayPublish(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName) error {
	r, err := x.uploadTarget(ctx, who, repo)
	if err != nil {
		return err
	}
	err = x.store.View(ctx, func(tx Tx) error {
		if err := unspent(ctx, tx, who); err != nil {
			return err
		}
		_, _, err := x.admit(ctx, tx, who, r, name)
		return err
	})
	x.failed(ctx, err)
	if err != nil && fault.KindOf(err) != fault.Internal {
		x.refused(ctx, who, Upload{Repository: repo, Form: packaging.Metadata{Name: name.String()}}, err)
	}
	return err
}

// MayUpload answers before anything of an upload is read whether the caller may upload anything at all to a repository: nil,
// or fault.Denied. It returns fault.Unauthenticated for an anonymous caller and fault.NotFound if the caller may not see
// the repository.
func (x *Index) MayUpload(ctx context.Context, who access.Caller, repo string) error {
	r, err := x.uploadTarget(ctx, who, repo)
	if err != nil || who.MayUpload(r.Object()) {
		return err
	}
	if who.Kind() == access.KindUser { // an upload of a moment ago may have made a project
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

// admit finds the project that the caller may add files to. The bool is false where it has to be made first.
func (x *Index) admit(ctx context.Context, tx Tx, who access.Caller, r Repository, name packaging.ProjectName) (Project, bool, error) {
	p, err := tx.ProjectByName(ctx, r.ID, name)
	switch {
	case fault.Is(err, fault.NotFound):
		return Project{}, false, x.mayCreate(ctx, tx, who, r, name)
	case err != nil:
		return Project{}, false, err
	}
	switch may, err := mayUpload(ctx, tx, who, p); {
	case err != nil:
		return Project{}, false, err
	case !may:
		return Project{}, false, notYours(who, name, p.Object())
	case p.Status == Archived, p.Status == Quarantined:
		return Project{}, false, fault.New(fault.Denied, "project %s is %s and takes no uploads", name, p.Status)
	}
	return p, true, trusts(who, p)
}

// mayUpload asks again with the grants of this moment before it says no: the first of several uploads that began together
// made the project, and its uploader the owner.
func mayUpload(ctx context.Context, tx Tx, who access.Caller, p Project) (bool, error) {
	if who.May(access.Uploader, p.Object()) || who.Kind() != access.KindUser {
		return who.May(access.Uploader, p.Object()), nil
	}
	grants, err := tx.GrantsOf(ctx, who.ID())
	return err == nil && who.Renewed(grants).May(access.Uploader, p.Object()), err
}

// notYours refuses in the same words whether the project exists or not.
func notYours(who access.Caller, name packaging.ProjectName, o access.Object) error {
	return fault.New(fault.Denied, "%s may not upload to project %s: %s", whoText(who), name, whoHint(who, o))
}

// mayCreate decides about a name that no project has yet.
func (x *Index) mayCreate(ctx context.Context, tx Tx, who access.Caller, r Repository, name packaging.ProjectName) error {
	switch {
	case who.Kind() == access.KindPublisher:
		return fault.New(fault.Invalid, "project %s does not exist, and a trusted publisher cannot create it: register a pending publisher for it", name)
	case !who.MayCreate(r.Object()):
		return notYours(who, name, r.Object())
	}
	return x.policy.CheckNewName(ctx, tx, r, name, who.ID(), x.changes.Clock())
}

// CheckNewName returns nil if a user who may create projects in a repository may create one of a name that no project has, and
// otherwise why not: fault.Invalid or fault.Conflict for a name that the policy forbids, fault.Denied for one that is kept for
// the last owners of a deleted project. User "" stands for the operator.
func (p Policy) CheckNewName(ctx context.Context, tx Tx, r Repository, name packaging.ProjectName, user string, now time.Time) error {
	if p.ReservedNames && packaging.IsStdlibModule(name) {
		return fault.New(fault.Invalid, "project name %s is reserved: it is a module of the standard library", name)
	}
	if p.SimilarNames {
		if err := lookalike(ctx, tx, r, name, user, now); err != nil {
			return err
		}
	}
	_, err := nameFree(ctx, tx, r, name, user, now)
	return err
}

// lookalike refuses a new name that people could take for an existing one, or for one that is kept for others than the user.
func lookalike(ctx context.Context, tx Tx, r Repository, name packaging.ProjectName, user string, now time.Time) error {
	p, err := tx.ProjectWithSkeleton(ctx, r.ID, name.Skeleton())
	if err == nil {
		return fault.New(fault.Conflict, "project name %s is too similar to %s", name, p.Name)
	}
	if !fault.Is(err, fault.NotFound) {
		return err
	}
	gone, err := tx.DeletedProjects(ctx)
	if err != nil {
		return err
	}
	for _, d := range gone {
		if d.Repository != r.Name || d.Name == name || !d.Name.LooksLike(name) {
			continue
		}
		if _, err := nameFree(ctx, tx, r, d.Name, user, now); fault.Is(err, fault.Denied) {
			return fault.Wrap(fault.Conflict, err, "project name %s is too similar to %s, which was deleted and is kept for its last owners until %s",
				name, d.Name, d.FreeAt.UTC().Format(time.DateOnly))
		} else if err != nil {
			return err
		}
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
		return "add it to the project's publishers"
	case who.SessionID() != "":
		return "your account has no right to"
	case !who.Covers(o):
		return "it is bound to other projects"
	}
	return "its owner, " + who.Name() + ", has no right to"
}

// named is an upload whose names were understood.
type named struct {
	Upload
	name     packaging.ProjectName
	version  packaging.Version
	filename packaging.Filename
}

// name reads the names that the form and the file name state, and refuses an upload in which they differ.
func (x *Index) name(u Upload) (named, error) {
	n := named{Upload: u}
	err := x.nameProject(&n)
	if err != nil {
		return n, err
	}
	if n.filename, err = packaging.ParseFilename(u.Filename, n.name); err != nil {
		return n, err
	}
	if u.Kind != "" && u.Kind != n.filename.Kind() {
		return n, fault.New(fault.Invalid, "filetype is %s, but %s is a %s", u.Kind, n.filename, n.filename.Kind())
	}
	if n.version.IsZero() {
		n.version = n.filename.Version()
	}
	if n.version.Key() != n.filename.Version().Key() {
		return n, fault.New(fault.Invalid, "the file name %s says version %s, but the form says %s", n.filename, n.filename.Version(), n.version)
	}
	return n, x.checkSpelling(n.filename)
}

// nameProject takes project and version from the form, or the project from the file name where the form is silent.
func (x *Index) nameProject(n *named) (err error) {
	if n.Form.Name == "" {
		n.name, err = packaging.ProjectOf(n.Filename)
		return err
	}
	if err := n.Form.Check(x.policy.Rules); err != nil {
		return err
	}
	if n.name, err = packaging.ParseProjectName(n.Form.Name); err != nil {
		return err
	}
	n.version, err = packaging.ParseVersion(n.Form.Version)
	return err
}

func (x *Index) checkSpelling(f packaging.Filename) error {
	if x.policy.Spelling {
		if err := f.CheckSpelling(); err != nil {
			return err
		}
	}
	if x.policy.Platforms {
		return f.CheckPlatforms()
	}
	return nil
}

// checkPart looks at what the sender says the bytes are.
func checkPart(u Upload) error {
	if u.Content == nil {
		return fault.New(fault.Invalid, "Upload payload does not have a file.")
	}
	if strings.HasPrefix(strings.ToLower(u.ContentType), "image/") {
		return fault.New(fault.Invalid, "the file is sent as %.60q, which is no distribution", u.ContentType)
	}
	return u.Content.failed
}
