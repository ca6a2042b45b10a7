package ingest

import (
	"context"
	"errors"
	"slices"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/holds"
	"pyindex/internal/packaging"
	"pyindex/internal/packaging/archive"
)

// Upload contains the sender's statements about a file.
type Upload struct {
	Filename      string         // as sent, not sanitized
	Kind          packaging.Kind // "" if not stated
	PythonVersion string
	Comment       string
	Form          packaging.Metadata // if Name is zero, the metadata is taken from the file
	Digests       Digests            // claimed by the sender
	ContentType   string             // of the file's part, or ""
	// all values of the field of PEP 740; one byte more than MaxAttestations is enough
	Attestations []string
	// Startup accepts start-up files although no earlier version had one, under KnownStartup. Only the operator can set
	// it.
	Startup bool
}

// Receipt is the result of an upload.
type Receipt struct {
	File     catalog.File
	Created  bool     // false if the identical file already existed and nothing changed
	Warnings []string // for the sender
}

// Publish adds a file to the index. If the error is nil, the content is stored durably, the row is committed, and the
// next read lists the file.
//
// The order of checks is PyPI's: caller, form, names, permission, size, digests, duplicate, deleted name, limits of
// project and repository, archive, attestations. Uploading an identical file again is not an error and changes nothing,
// but repairs missing or damaged content. A refusal leaves nothing behind: no project, no release, no content. Publish
// returns fault.Invalid for a bad form or file, fault.Conflict ("File already exists…") if the name or content is
// taken, fault.Denied, fault.TooLarge, and fault.Unavailable if a retry may succeed.
func (x *Intake) Publish(ctx context.Context, in *Incoming, u Upload) (Receipt, error) {
	if in == nil {
		return Receipt{}, fault.New(fault.Invalid, "Upload payload does not have a file.")
	}
	receipt, err := x.publish(ctx, in, u)
	x.count(ctx, receipt, err)
	x.failed(ctx, err)
	if receipt.Created {
		x.worked(ctx)
	}
	if err != nil && fault.KindOf(err) != fault.Internal {
		x.refused(ctx, in.who, in.repository, targetProject(u), u.Filename, err)
	}
	return receipt, err
}

func (x *Intake) publish(ctx context.Context, in *Incoming, u Upload) (Receipt, error) {
	a := &addition{
		intake: x, who: in.who, repository: in.repository, content: in, python: u.PythonVersion, comment: u.Comment,
		form: u.Form, claimed: u.Digests, measured: in.Digests(), sent: u.Attestations,
		startup: u.Startup && in.who.Kind() == access.KindOperator,
	}
	if err := a.parseNames(u); err != nil {
		return Receipt{}, err
	}
	var err error
	if a.compared, err = x.compare(ctx, a.who, a.repository, a.name); err != nil {
		return Receipt{}, err
	}
	err = x.store.View(ctx, func(tx Tx) error { return a.check(ctx, tx, u.ContentType) })
	if errors.Is(err, errIdentical) {
		return a.identical(ctx)
	} else if err != nil {
		return Receipt{}, err
	}
	if err := a.compareVersion(ctx); err != nil {
		return Receipt{}, err
	}
	if err := a.inspect(); err != nil {
		return Receipt{}, err
	}
	if err := a.attest(); err != nil {
		return Receipt{}, err
	}
	if len(a.contents.Startup) > 0 {
		if err := x.store.View(ctx, func(tx Tx) error { return a.checkStartup(ctx, tx) }); err != nil {
			return Receipt{}, err
		}
	}
	return a.commit(ctx)
}

// addition is an upload in progress.
type addition struct {
	intake     *Intake
	who        access.Caller
	repository catalog.Repository
	content    *Incoming

	name     packaging.ProjectName
	version  packaging.Version
	filename packaging.Filename
	python   string
	comment  string
	form     packaging.Metadata // a zero Name means that there is no statement about the file
	claimed  Digests
	measured Digests
	sent     []string // attestations
	startup  bool     // start-up files are accepted
	legacy   bool     // an import accepts the defects of legacy files
	stored   bool     // another file of the import stores the same metadata

	contents archive.Contents
	attested []catalog.Attestation
	existing catalog.File // set with errIdentical
	warning  string       // see tokenWarning
	near     []string     // warnings about limits that are nearly used up

	compared    catalog.Comparison // of the name of a new project with those of upstreams
	notCompared string             // a warning if that was not possible
	ruling      catalog.Ruling     // an administrator's decision about the name, if any
	upstream    []string           // versions that an upstream has, if asked is set
	asked       bool
}

// parseNames parses the names in the form and the file name, and refuses the upload if they differ.
func (a *addition) parseNames(u Upload) (err error) {
	if a.form.Name == "" {
		a.name, err = packaging.ProjectOf(u.Filename)
	} else if err = a.form.Check(packaging.KindOf(u.Filename), a.intake.policy.Rules); err == nil {
		if a.name, err = packaging.ParseProjectName(a.form.Name); err == nil {
			a.version, err = packaging.ParseVersion(a.form.Version)
		}
	}
	if err != nil {
		return err
	}
	if a.filename, err = packaging.ParseFilename(u.Filename, a.name); err != nil {
		return err
	}
	if u.Kind != "" && u.Kind != a.filename.Kind() {
		return fault.New(fault.Invalid, "filetype is %s, but %s is a %s", u.Kind, a.filename, a.filename.Kind())
	}
	if a.version.IsZero() {
		a.version = a.filename.Version()
	}
	if a.version.Key() != a.filename.Version().Key() {
		return fault.New(fault.Invalid, "the file name %s says version %s, but the form says %s", a.filename,
			a.filename.Version(), a.version)
	}
	return a.checkSpelling()
}

func (a *addition) checkSpelling() error {
	if a.rules().Spelling {
		if err := a.filename.CheckSpelling(); err != nil {
			return err
		}
	}
	if a.rules().Platforms {
		return a.filename.CheckPlatforms()
	}
	return nil
}

// check runs the checks that do not need the archive.
func (a *addition) check(ctx context.Context, tx Tx, contentType string) error {
	p, ruling, err := a.intake.checkPermission(ctx, tx, a.who, a.repository, a.name, a.compared)
	if err != nil {
		return err
	}
	a.ruling = ruling
	if err := a.checkContent(p, contentType); err != nil {
		return err
	}
	if err := a.compareDigests(); err != nil {
		return err
	}
	err = a.checkNameFree(ctx, tx)
	if errors.Is(err, errIdentical) { // this answer comes without an insert, so check the rights again here
		if _, ended := a.who.Recheck(ctx, tx); ended != nil {
			return ended
		}
	}
	if err != nil {
		return err
	}
	return a.checkRoomFor(ctx, tx, p)
}

// checkContent refuses content that is not declared as a distribution, is incomplete, or is too large.
func (a *addition) checkContent(p catalog.Project, contentType string) error {
	if strings.HasPrefix(strings.ToLower(contentType), "image/") {
		return fault.New(fault.Invalid, "the file is sent as %.60q, which is not a distribution", contentType)
	}
	if a.content.err != nil {
		return a.content.err
	}
	size, limits := a.content.Size(), p.LimitsUnder(a.intake.limits)
	if limits.FileSize > 0 && size > limits.FileSize {
		return fault.New(fault.TooLarge, "File too large: project %s takes files of up to %s", a.name,
			catalog.SizeText(limits.FileSize))
	}
	return nil
}

// checkRoom refuses a file that exceeds the size limit of its project or of the repository. An identical file that is
// here already needs no room.
func (a *addition) checkRoom(p catalog.Project) error {
	for _, u := range p.LimitUses(a.intake.limits) {
		if err := u.Admit(a.content.Size()); err != nil {
			return err
		}
	}
	return nil
}

// checkRoomFor is checkRoom before the archive is read, also for a project that does not exist yet. insert repeats the
// check in the transaction that adds the file, so that concurrent uploads cannot exceed a limit together.
func (a *addition) checkRoomFor(ctx context.Context, tx Tx, p catalog.Project) (err error) {
	if p.ID == "" {
		p.Name = a.name
		if p.Repository, err = tx.RepositoryByName(ctx, a.repository.Name); err != nil {
			return err
		}
	}
	return a.checkRoom(p)
}

func (a *addition) compareDigests() error {
	if a.form.Name == "" && a.claimed == (Digests{}) {
		return nil // a local file without any statement about it
	}
	if a.claimed == (Digests{}) {
		return fault.New(fault.Invalid, "the upload states no digest: send sha256_digest, blake2_256_digest or md5_digest")
	}
	for _, c := range []struct{ name, claimed, measured string }{
		{"sha256", a.claimed.SHA256, a.measured.SHA256},
		{"blake2_256", a.claimed.Blake2b256, a.measured.Blake2b256},
		{"md5", a.claimed.MD5, a.measured.MD5},
	} {
		if c.claimed != "" && c.claimed != c.measured {
			return fault.New(fault.Invalid,
				"the %s digest is %s, but the upload states %s: the file changed in transit, send it again", c.name, c.measured,
				c.claimed)
		}
	}
	return nil
}

// errIdentical ends a transaction that found the identical file.
var errIdentical = errors.New("the identical file is there already")

// errBurned marks the refusal of the name of a deleted file.
var errBurned = errors.New("the name was used by a deleted file")

// checkNameFree refuses a file that is denied on this index, and a file name that is taken, was deleted, or would be a
// disallowed second one. A file that is here and is denied was added before that.
func (a *addition) checkNameFree(ctx context.Context, tx Tx) error {
	if err := holds.CheckUpload(ctx, tx, a.filename, a.measured.SHA256); err != nil {
		return err
	}
	f, err := tx.FileByKey(ctx, a.repository.ID, a.filename.Key())
	if err == nil {
		return a.conflict(f)
	}
	if !fault.Is(err, fault.NotFound) {
		return err
	}
	gone, err := tx.Tombstoned(ctx, a.repository.ID, a.filename.Key())
	if err != nil {
		return err
	}
	if gone {
		return fault.Wrap(fault.Invalid, errBurned,
			"%s was previously used by a file that has since been deleted, and file names are never reused: choose another version or build number", a.filename)
	}
	if err := a.checkContentUnique(ctx, tx); err != nil {
		return err
	}
	return a.checkOneSDist(ctx, tx)
}

// conflict returns the error for an existing file name: errIdentical for the same file, a refusal otherwise.
func (a *addition) conflict(f catalog.File) error {
	if f.Quarantined() {
		return fault.New(fault.Denied,
			"File already exists: %s is in quarantine here and cannot be installed; ask an administrator, or choose another version or build number", f.Filename)
	}
	if f.Filename == a.filename.String() && f.SHA256 == a.measured.SHA256 && f.Blake2b256 == a.measured.Blake2b256 {
		a.existing = f
		return errIdentical
	}
	if f.Filename != a.filename.String() {
		return fault.New(fault.Conflict, "File already exists: %s is another spelling of %s", a.filename, f.Filename)
	}
	return fault.New(fault.Conflict,
		"File already exists: %s has other content here (sha256 %s); files never change, so choose another version or build number", f.Filename, f.SHA256)
}

// checkContentUnique refuses content that the repository has under another name in a project that the caller may see.
// Content of other projects is accepted: a refusal would reveal that a hidden project has it.
func (a *addition) checkContentUnique(ctx context.Context, tx Tx) error {
	if a.intake.policy.SharedContent {
		return nil
	}
	same, err := tx.FilesBySHA256(ctx, a.repository.ID, a.measured.SHA256)
	if err != nil {
		return err
	}
	for _, f := range same {
		p, err := tx.ProjectByID(ctx, f.ProjectID)
		if err != nil {
			return err
		}
		if a.who.May(access.Reader, p.Object()) {
			return fault.New(fault.Conflict, "File already exists: this content is here already as %s", f.Filename)
		}
	}
	return nil
}

// checkOneSDist refuses a second source distribution of a release if the policy forbids it.
func (a *addition) checkOneSDist(ctx context.Context, tx Tx) error {
	if !a.rules().OneSDist || a.filename.Kind() != packaging.SDist {
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
		return fault.New(fault.Invalid,
			"release %s of %s has a source distribution, %s: the policy of this index allows one", rel.Version, a.name,
			files[i].Filename)
	}
	return err
}

func (a *addition) inspect() (err error) {
	policy := a.rules()
	a.contents, err = archive.Inspect(a.content.stage, a.content.Size(), a.filename, archive.DefaultLimits(),
		policy.Archive)
	if err != nil {
		return err
	}
	kind, rules, m := a.filename.Kind(), policy.Rules, a.contents.Parsed
	a.contents.Warnings = append(a.contents.Warnings, m.Tolerated(kind)...)
	if a.form.Name == "" {
		return m.Check(kind, rules)
	}
	if err := packaging.Disagreement(a.form, m); err != nil {
		return err
	}
	return m.CheckDependencies(kind, rules)
}

// sibling reports whether the file gets a ".metadata" sibling: always for wheels, and for sdists if their metadata is
// static (PEP 643).
func (a *addition) sibling() bool {
	return a.filename.Kind() == packaging.Wheel || a.contents.Parsed.StaticDependencies()
}

// refused writes an audit entry for a refused upload, in the history of its project. If the entry cannot be written,
// the error is logged, and the response to the sender is the same.
func (x *Intake) refused(ctx context.Context, who access.Caller, r catalog.Repository, project, filename string,
	why error,
) {
	reason := strings.TrimPrefix(fault.Message(why), filename+": ") // the entry has the name
	e := x.changes.Entry(who, "file.add", map[string]any{"reason": reason, "kind": fault.KindOf(why).String()})
	e.Outcome, e.Repository, e.Filename, e.Project = audit.Refused, r.ID, audit.Cut(filename), project
	err := x.store.Update(context.WithoutCancel(ctx), func(tx Tx) error { return tx.InsertAudit(ctx, e) })
	if err != nil {
		x.log.Error("cannot record a refused upload", "error", err)
	}
}

// targetProject returns the project name of an upload, as far as it can be determined.
func targetProject(u Upload) string {
	name, err := packaging.ProjectOf(u.Filename)
	if u.Form.Name != "" {
		name, err = packaging.ParseProjectName(u.Form.Name)
	}
	if err != nil {
		return audit.Cut(u.Form.Name)
	}
	return name.String()
}

func (a *addition) attest() error {
	keep, warnings, err := a.intake.attester.Attest(Attested{
		Sent: a.sent, Filename: a.filename, SHA256: a.measured.SHA256, Uploader: a.who.Kind(), Claims: a.who.Claims(),
	})
	a.intake.countAttestations(a.sent, keep, err)
	a.attested = keep
	a.contents.Warnings = append(a.contents.Warnings, warnings...)
	return err
}
