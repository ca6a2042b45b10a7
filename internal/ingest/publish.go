package ingest

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/packaging/archive"
)

// Publish adds a file to the index. nil means: the bytes are durable, the row is committed, the next read lists it.
//
// The order of checks is PyPI's: caller, form, names, permission, size, digests, duplicate, deleted name, archive, attestations. An
// identical file that is there already is no change and no error; stored bytes of it that are missing or damaged are put back. Every refusal leaves nothing behind: no project, no
// release, no bytes. It returns fault.Invalid for a bad form or file, fault.Conflict ("File already exists…") for a name
// or bytes that are taken, fault.Denied, fault.TooLarge, and fault.Unavailable where a retry may succeed.
func (x *Intake) Publish(ctx context.Context, who access.Caller, u Upload) (Receipt, error) {
	receipt, err := x.publish(ctx, who, u)
	x.failed(ctx, err)
	if receipt.Created {
		x.worked(ctx)
	}
	if err != nil && fault.KindOf(err) != fault.Internal && who.Known() {
		x.refused(ctx, who, u, err)
	}
	return receipt, err
}

func (x *Intake) publish(ctx context.Context, who access.Caller, u Upload) (Receipt, error) {
	r, err := x.uploadTarget(ctx, who, u.Repository)
	if err != nil {
		return Receipt{}, err
	}
	n, err := x.name(u)
	if err != nil {
		return Receipt{}, err
	}
	a := addition{intake: x, who: who, repository: r, named: n}
	if err := x.store.View(ctx, func(tx Tx) error { return a.permitted(ctx, tx) }); err != nil {
		return Receipt{}, err
	}
	if err := a.measure(); err != nil {
		return Receipt{}, err
	}
	if err := x.store.View(ctx, func(tx Tx) error { return a.confirmed(ctx, tx, a.available(ctx, tx)) }); errors.Is(err, errIdentical) {
		return a.identical(ctx)
	} else if err != nil {
		return Receipt{}, err
	}
	if err := a.inspect(); err != nil {
		return Receipt{}, err
	}
	if err := a.attest(); err != nil {
		return Receipt{}, err
	}
	return a.commit(ctx)
}

// errIdentical ends a transaction that found the very file there already.
var errIdentical = errors.New("the identical file is there already")

// addition is an upload on its way through the checks.
type addition struct {
	intake     *Intake
	who        access.Caller
	repository catalog.Repository
	named
	digests  Digests
	contents archive.Contents
	attested []catalog.Attestation
	existing catalog.File // set with errIdentical
	beside   string       // warning about an API token, see noteBeside
}

func (a *addition) permitted(ctx context.Context, tx Tx) error {
	if err := unspent(ctx, tx, a.who); err != nil {
		return err
	}
	p, _, err := a.intake.admit(ctx, tx, a.who, a.repository, a.name)
	if err != nil {
		return err
	}
	if err := checkPart(a.Upload); err != nil {
		return err
	}
	return checkSize(p.LimitsUnder(a.intake.limits), p, a.name, a.Content.Size())
}

// measure compares the bytes with what the form says of them.
func (a *addition) measure() error {
	a.digests = a.Content.Digests()
	if a.Form.Name == "" && a.Upload.Digests == (Digests{}) {
		return nil // a local file, which nobody made a statement about
	}
	return a.Upload.Digests.check(a.digests)
}

// available refuses a file name that is taken, was deleted, or may not be a second one.
func (a *addition) available(ctx context.Context, tx Tx) error {
	f, err := tx.FileByKey(ctx, a.repository.ID, a.filename.Key())
	if err == nil {
		return a.taken(f)
	}
	if !fault.Is(err, fault.NotFound) {
		return err
	}
	gone, err := tx.Tombstoned(ctx, a.repository.ID, a.filename.Key())
	if err != nil {
		return err
	}
	if gone {
		return fault.New(fault.Invalid, "%s was previously used by a file that has since been deleted, and a name is never used twice: choose another version or build number", a.filename)
	}
	if err := a.fresh(ctx, tx); err != nil {
		return err
	}
	return a.onlySDist(ctx, tx)
}

// confirmed is err, or why the caller may not even hear errIdentical any longer: that answer comes without an insert.
func (a *addition) confirmed(ctx context.Context, tx Tx, err error) error {
	if errors.Is(err, errIdentical) {
		if _, ended := a.who.Recheck(ctx, tx); ended != nil {
			return ended
		}
	}
	return err
}

// taken answers for a name that exists: nothing to do for the same file, refusal for another.
func (a *addition) taken(f catalog.File) error {
	if f.Quarantined() {
		return fault.New(fault.Denied, "File already exists: %s is here in quarantine, where nobody can install it; ask an administrator, or choose another version or build number", f.Filename)
	}
	if f.Filename == a.filename.String() && f.SHA256 == a.digests.SHA256 && f.Blake2b256 == a.digests.Blake2b256 {
		a.existing = f
		return errIdentical
	}
	if f.Filename != a.filename.String() {
		return fault.New(fault.Conflict, "File already exists: %s is another spelling of %s", a.filename, f.Filename)
	}
	return fault.New(fault.Conflict, "File already exists: %s has other content here (sha256 %s); files never change, so choose another version or build number", f.Filename, f.SHA256)
}

// fresh refuses bytes that the repository has under another name, in a project that the caller may see. Those of other projects
// are let in: a refusal would tell that somebody's private project has these very bytes.
func (a *addition) fresh(ctx context.Context, tx Tx) error {
	if a.intake.policy.SharedContent {
		return nil
	}
	same, err := tx.FilesBySHA256(ctx, a.repository.ID, a.digests.SHA256)
	if err != nil {
		return err
	}
	for _, f := range same {
		p, err := tx.ProjectByID(ctx, f.ProjectID)
		if err != nil {
			return err
		}
		if a.who.May(access.Reader, p.Object()) {
			return fault.New(fault.Conflict, "File already exists: these bytes are here as %s", f.Filename)
		}
	}
	return nil
}

// onlySDist refuses a second source distribution of a release where the policy says so.
func (a *addition) onlySDist(ctx context.Context, tx Tx) error {
	if !a.intake.policy.OneSDist || a.filename.Kind() != packaging.SDist {
		return nil
	}
	p, err := tx.ProjectByName(ctx, a.repository.ID, a.name)
	if fault.Is(err, fault.NotFound) {
		return nil
	} else if err != nil {
		return err
	}
	rel, err := tx.ReleaseByKey(ctx, p.ID, a.version.Key())
	if fault.Is(err, fault.NotFound) {
		return nil
	} else if err != nil {
		return err
	}
	files, err := tx.AllFilesOfRelease(ctx, rel.ID)
	if i := slices.IndexFunc(files, func(f catalog.File) bool { return f.Kind == packaging.SDist }); i >= 0 {
		return fault.New(fault.Invalid, "release %s of %s has a source distribution, %s: the policy of this index allows one", rel.Version, a.name, files[i].Filename)
	}
	return err
}

// inspect looks inside the archive and compares it with the form.
func (a *addition) inspect() (err error) {
	a.contents, err = archive.Inspect(a.Content.stage, a.Content.Size(), a.filename, archive.DefaultLimits(), a.intake.policy.Archive)
	if err != nil {
		return err
	}
	if a.Form.Name == "" {
		return a.contents.Parsed.Check(a.intake.policy.Rules)
	}
	return packaging.Disagreement(a.Form, a.contents.Parsed)
}

// sibling reports whether the file gets a ".metadata" sibling: wheels always, sdists when their metadata is static (PEP 643).
func (a *addition) sibling() bool {
	return a.filename.Kind() == packaging.Wheel || a.contents.Parsed.StaticDependencies()
}

// refused records an upload that was turned away, in the history of the project that it was for where the names tell. A
// record that cannot be written is logged: the answer stands anyway.
func (x *Intake) refused(ctx context.Context, who access.Caller, u Upload, why error) {
	e := x.changes.Entry(who, "file.add", map[string]any{"reason": fault.Message(why), "kind": fault.KindOf(why).String()})
	e.Outcome, e.Filename, e.Project = audit.Refused, audit.Cut(u.Filename), audit.Cut(u.Form.Name)
	if name, err := aimed(u); err == nil {
		e.Project = name.String()
	}
	err := x.store.Update(context.WithoutCancel(ctx), func(tx Tx) error {
		r, err := tx.RepositoryByName(ctx, cmp.Or(audit.Cut(u.Repository), catalog.MainRepository))
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		e.Repository = r.ID
		return tx.InsertAudit(ctx, e)
	})
	if err != nil {
		x.log.Error("recording a refused upload", "error", err)
	}
}

// aimed is the project that an upload was for, as far as its names tell.
func aimed(u Upload) (packaging.ProjectName, error) {
	if u.Form.Name != "" {
		return packaging.ParseProjectName(u.Form.Name)
	}
	return packaging.ProjectOf(u.Filename)
}
