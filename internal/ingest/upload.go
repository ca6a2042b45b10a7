package ingest

import (
	"context"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
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
	File     catalog.File
	Created  bool     // false where the identical file was there already, and nothing changed
	Warnings []string // sentences for the sender
}

// uploadTarget returns the repository for a caller who may upload something to it.
func (x *Intake) uploadTarget(ctx context.Context, who access.Caller, repo string) (catalog.Repository, error) {
	if !who.Known() {
		return catalog.Repository{}, catalog.ErrAnonymous
	}
	if !who.Uploads() {
		return catalog.Repository{}, fault.New(fault.Denied, "this API token may only read: make one with --scope upload")
	}
	return x.index.Repository(ctx, who, repo)
}

// MayPublish answers before the bytes come whether the caller may upload to a project of that name: nil, or the fault
// that Publish would return for it.
func (x *Intake) MayPublish(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName) error {
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
func (x *Intake) MayUpload(ctx context.Context, who access.Caller, repo string) error {
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
func (x *Intake) admit(ctx context.Context, tx Tx, who access.Caller, r catalog.Repository, name packaging.ProjectName) (catalog.Project, bool, error) {
	p, err := tx.ProjectByName(ctx, r.ID, name)
	switch {
	case fault.Is(err, fault.NotFound):
		return catalog.Project{}, false, x.mayCreate(ctx, tx, who, r, name)
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
	return p, true, trusts(who, p)
}

// mayUpload asks again with the grants of this moment before it says no: the first of several uploads that began together
// made the project, and its uploader the owner.
func mayUpload(ctx context.Context, tx Tx, who access.Caller, p catalog.Project) (bool, error) {
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
func (x *Intake) mayCreate(ctx context.Context, tx Tx, who access.Caller, r catalog.Repository, name packaging.ProjectName) error {
	switch {
	case who.Kind() == access.KindPublisher:
		return fault.New(fault.Invalid, "project %s does not exist, and a trusted publisher cannot create it: register a pending publisher for it", name)
	case !who.MayCreate(r.Object()):
		return notYours(who, name, r.Object())
	}
	return x.policy.CheckNewName(ctx, tx, r, name, who.ID(), x.changes.Clock())
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
func (x *Intake) name(u Upload) (named, error) {
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
func (x *Intake) nameProject(n *named) (err error) {
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

func (x *Intake) checkSpelling(f packaging.Filename) error {
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
