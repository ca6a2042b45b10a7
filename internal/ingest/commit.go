package ingest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/packaging/archive"
)

// commit stores the content, then the row. A crash in between leaves content that is not listed; the sweeper finds it
// by the hold that was recorded first.
func (a *addition) commit(ctx context.Context) (Receipt, error) {
	// From here on, a disconnecting client must not leave a partial upload.
	ctx = context.WithoutCancel(ctx)
	f := a.file()
	x := a.intake
	held, err := x.custody.Hold(ctx, f.AllStored()...)
	if err != nil {
		return Receipt{}, err
	}
	f.Generation = held[0].Generation
	if len(held) > 1 {
		f.MetadataGeneration = held[1].Generation
	}
	keys := heldKeys(held)
	err = a.keep(ctx, held)
	if err == nil {
		err = access.Update(ctx, x.store, a.who, func(tx Tx, who access.Caller) (err error) {
			a.who = who
			f, err = a.insert(ctx, tx, f, keys)
			return err
		})
	}
	if err == nil {
		return Receipt{File: f, Created: true, Warnings: a.warnings()}, nil
	}
	x.custody.ReleaseHolds(ctx, keys)
	if errors.Is(err, errIdentical) {
		return a.identical(ctx)
	}
	return Receipt{}, err
}

// file returns the row for the upload. Metadata comes from the archive, never from the form.
func (a *addition) file() catalog.File {
	python := a.python
	if python == "" {
		python = a.filename.PythonTag()
	}
	f := catalog.File{
		ID: a.intake.changes.NewID(), RepositoryID: a.repository.ID, Filename: a.filename.String(), NameKey: a.filename.Key(),
		Kind: a.filename.Kind(), PythonVersion: python, Size: a.content.Size(), Comment: a.comment,
		MD5: a.measured.MD5, SHA256: a.measured.SHA256, Blake2b256: a.measured.Blake2b256,
		RequiresPython: a.contents.Parsed.RequiresPython, UploadedAt: a.intake.changes.Clock(), Attested: a.provable(),
		Uploader: catalog.Uploader{
			Kind: string(a.who.Kind()), ID: a.who.ID(), Name: a.who.Name(),
			TokenID: a.who.TokenID(), Claims: a.who.Claims(),
		},
	}
	if a.sibling() {
		sum := sha256.Sum256(a.contents.Metadata)
		f.MetadataSHA256 = hex.EncodeToString(sum[:])
	}
	return f
}

// keep stores the content durably, or compares and repairs it if another file already has the same content. It stores
// the metadata at the same time, because both mostly wait for the disk or for the object store.
func (a *addition) keep(ctx context.Context, held []custody.Held) error {
	if len(held) == 1 {
		return a.intake.custody.Keep(ctx, held[0], a.content.stage)
	}
	put := make(chan error, 1)
	go func() { put <- a.intake.custody.Put(ctx, held[1], a.contents.Metadata) }()
	err := a.intake.custody.Keep(ctx, held[0], a.content.stage)
	return cmp.Or(err, <-put)
}

// insert writes all changes in one transaction. It repeats the earlier checks, because other uploads may have been
// faster and the caller's rights may have ended during the upload. It returns f with its place filled in.
func (a *addition) insert(ctx context.Context, tx Tx, f catalog.File, keys []string) (catalog.File, error) {
	if err := catalog.CheckUploadsIn(ctx, tx); err != nil {
		return f, err
	}
	if err := a.spendToken(ctx, tx); err != nil {
		return f, err
	}
	if err := a.recheck(ctx, tx); err != nil {
		return f, err
	}
	p, err := a.project(ctx, tx, f)
	if err != nil {
		return f, err
	}
	if err := a.checkRoom(p); err != nil {
		return f, err
	}
	if f, err = a.insertFile(ctx, tx, p, f); err != nil {
		return f, err
	}
	if p, err = a.bumpProject(ctx, tx, p, f); err != nil {
		return f, err
	}
	a.nearLimits(p)
	if err := catalog.AddToCard(ctx, tx, p, f, a.contents.Parsed); err != nil {
		return f, err
	}
	if err := a.tokenWarning(ctx, tx, p, f); err != nil {
		return f, err
	}
	if err := releaseUsed(ctx, tx, keys); err != nil {
		return f, err
	}
	detail := map[string]any{
		"sha256": f.SHA256, "size": f.Size, "uploader": f.Uploader, "warnings": a.contents.Warnings, "attested": f.Attested,
	}
	if startup := a.startupFiles(); len(startup) > 0 {
		detail["startup_files"] = startup
	}
	e := a.intake.changes.Entry(a.who, "file.add", detail)
	e.Repository, e.Project, e.Version, e.Filename = a.repository.ID, a.name.String(), f.Version, f.Filename
	return f, tx.InsertAudit(ctx, e)
}

// recheck repeats the checks that depend on other files, in the transaction that adds the file.
func (a *addition) recheck(ctx context.Context, tx Tx) error {
	if err := a.checkNameFree(ctx, tx); err != nil {
		return err
	}
	if err := a.checkStartup(ctx, tx); err != nil {
		return err
	}
	return a.checkVersion(ctx, tx)
}

// releaseUsed ends the holds of keys that a row references now.
func releaseUsed(ctx context.Context, tx Tx, keys []string) error {
	for _, key := range keys {
		if _, err := tx.ReleaseBlob(ctx, key, true); err != nil {
			return err
		}
	}
	return nil
}

// project returns the project of the file, and creates it if it does not exist. recheck has read the decision about its
// name.
func (a *addition) project(ctx context.Context, tx Tx, f catalog.File) (catalog.Project, error) {
	p, exists, err := a.intake.findProject(ctx, tx, a.who, a.repository, a.name, a.compared)
	if err != nil || exists {
		return p, err
	}
	n := catalog.NewProject{
		ID: a.intake.changes.NewID(), Repository: a.repository, Name: a.name, Display: a.contents.Parsed.Name,
		Owner: a.who.ID(), Actor: a.who.Actor(), EntryID: a.intake.changes.NewID(), At: f.UploadedAt,
		Reason: map[string]any{"first_file": f.Filename},
	}
	if rule, ok := a.who.NameRule(a.repository.Object(), a.name); ok {
		n.Owner, n.For, n.Reason["names"] = rule.OwnerID, catalog.NoUser, rule.Prefix.Pattern()
	}
	a.notCompared = a.compared.Warning()
	if p, err = catalog.Create(ctx, tx, n); err != nil {
		return p, err
	}
	// for its size; a.repository is as of the upload's start
	p.Repository, err = tx.RepositoryByName(ctx, p.Repository.Name)
	return p, err
}

// nearLimits keeps warnings about the limits of p, with the new file, of which a fifth or less is left.
func (a *addition) nearLimits(p catalog.Project) {
	a.near = nil
	for _, u := range p.LimitUses(a.intake.limits) {
		if text := u.Warning(); text != "" {
			a.near = append(a.near, text)
		}
	}
}

// insertFile inserts the file's row, and its release if this is the first file.
func (a *addition) insertFile(ctx context.Context, tx Tx, p catalog.Project, f catalog.File) (catalog.File, error) {
	rel, err := tx.ReleaseByKey(ctx, p.ID, a.version.Key())
	if fault.Is(err, fault.NotFound) {
		rel = catalog.Release{
			ID: a.intake.changes.NewID(), ProjectID: p.ID, Version: a.version.String(), Key: a.version.Key(),
			CreatedAt: f.UploadedAt,
		}
		err = tx.InsertRelease(ctx, rel)
	}
	if err != nil {
		return f, err
	}
	f.ProjectID, f.ReleaseID, f.Version = p.ID, rel.ID, rel.Version
	if err := tx.InsertFile(ctx, f, a.contents.Parsed); fault.Is(err, fault.Conflict) {
		return f, a.conflictWithWinner(ctx, tx)
	} else if err != nil {
		return f, err
	}
	names := a.contents.Members
	members := catalog.Members{
		Names: names[:min(len(names), catalog.MaxMembers)], Total: len(names), Startup: a.startupFiles(),
	}
	if err := tx.InsertMembers(ctx, f.ID, members); err != nil {
		return f, err
	}
	for _, t := range a.attested {
		if err := tx.InsertAttestation(ctx, f.ID, t); err != nil {
			return f, err
		}
	}
	return f, nil
}

// conflictWithWinner returns the error for an upload that lost a race for its file name.
func (a *addition) conflictWithWinner(ctx context.Context, tx Tx) error {
	f, err := tx.FileByKey(ctx, a.repository.ID, a.filename.Key())
	if err != nil {
		return err
	}
	return a.conflict(f)
}

// bumpProject updates the project's serial, size and display name.
func (a *addition) bumpProject(ctx context.Context, tx Tx, p catalog.Project,
	f catalog.File,
) (_ catalog.Project, err error) {
	if p.Serial, err = tx.NextSerial(ctx); err != nil {
		return p, err
	}
	p.Size += f.Size
	p.Repository.Size += f.Size // UpdateProject writes it
	if n, err := packaging.ParseProjectName(a.contents.Parsed.Name); err == nil && n == a.name {
		p.Display = a.contents.Parsed.Name
	}
	return p, tx.UpdateProject(ctx, p)
}

// identical answers an upload of a file that already exists. The sender has the right content, so the stored one is
// compared with it, and repaired if needed.
func (a *addition) identical(ctx context.Context) (Receipt, error) {
	ctx = context.WithoutCancel(ctx)
	if err := a.intact(ctx); err != nil {
		return Receipt{}, err
	}
	return Receipt{File: a.existing, Warnings: unread(a.sent)}, nil
}

// intact ensures that the stored content matches the row of the existing file. It writes only if they differ.
func (a *addition) intact(ctx context.Context) error {
	x, f := a.intake, a.existing
	metadata, err := a.siblingOf(ctx, f)
	if err != nil {
		return err
	}
	why, err := x.custody.Differs(ctx, f.Key(), a.content.stage, f.Size)
	if err != nil || why == "" && metadata == nil {
		return err
	}
	// The hold prevents a deletion of the key during the repair.
	held, err := x.custody.Hold(ctx, f.AllStored()...)
	if err != nil {
		return err
	}
	defer x.custody.ReleaseHolds(ctx, heldKeys(held))
	if held[0].Key != f.Key() || metadata != nil && held[1].Key != f.MetadataKey() {
		return fault.New(fault.Unavailable, "%s is just being deleted or its stored bytes are damaged; try again", f.Filename)
	}
	held[0].Named = true
	if err := x.custody.Keep(ctx, held[0], a.content.stage); err != nil || metadata == nil {
		return err
	}
	held[1].Named = true
	return x.custody.Put(ctx, held[1], metadata)
}

func heldKeys(held []custody.Held) (keys []string) {
	for _, h := range held {
		keys = append(keys, h.Key)
	}
	return keys
}

// siblingOf returns the metadata of f, read from the archive, if the stored copy is damaged. It returns nil if the copy
// is intact or f has no metadata sibling.
func (a *addition) siblingOf(ctx context.Context, f catalog.File) ([]byte, error) {
	if f.MetadataSHA256 == "" {
		return nil, nil
	}
	sound, err := a.intake.custody.Sound(ctx, f.StoredMetadata())
	if sound || err != nil {
		return nil, err
	}
	if a.contents.Metadata == nil {
		a.contents, err = archive.Inspect(a.content.stage, a.content.Size(), a.filename, archive.DefaultLimits(),
			a.intake.policy.Archive)
	}
	sum := sha256.Sum256(a.contents.Metadata)
	if err != nil || hex.EncodeToString(sum[:]) != f.MetadataSHA256 {
		return nil, fault.Wrap(fault.Unavailable, err,
			"the stored metadata of %s is damaged, and this upload does not have it: the administrator of the index must restore it", f.Filename)
	}
	return a.contents.Metadata, nil
}

// spendToken marks a single-use token as used, in the transaction that adds its file. It runs before everything else
// there, so that the later of two uploads with one token is always refused. A failed transaction leaves the token
// usable.
func (a *addition) spendToken(ctx context.Context, tx Tx) error {
	if !a.who.SingleUse() {
		return nil
	}
	did, err := tx.SpendToken(ctx, a.who.TokenID(), a.intake.changes.Clock())
	if err == nil && !did {
		return errSpent
	}
	return err
}

// tokenWarning warns about an API token that uploads to a project with trusted publishers, because the token is then an
// unnecessary secret. It writes one audit entry for each token and project.
func (a *addition) tokenWarning(ctx context.Context, tx Tx, p catalog.Project, f catalog.File) error {
	a.warning = ""
	if !renews(a.who) || a.who.TokenID() == "" {
		return nil
	}
	has, err := tx.HasPublishers(ctx, p.ID)
	if err != nil || !has {
		return err
	}
	a.warning = "project " + p.Name.String() +
		" has trusted publishers, but this upload used an API token: publish from the workflow and revoke the token, or have API tokens refused with: index project trusted-only " + p.Name.String() + " on"
	first, err := tx.NoteBeside(ctx, a.who.TokenID(), p.ID, f.UploadedAt)
	if err != nil || !first {
		return err
	}
	e := a.intake.changes.Entry(a.who, "token.used-beside-publishers", map[string]any{"warning": a.warning})
	e.Repository, e.Project, e.Version, e.Filename, e.Subject = p.Repository.ID, p.Name.String(), f.Version, f.Filename,
		a.who.TokenID()
	return tx.InsertAudit(ctx, e)
}

func (a *addition) warnings() []string {
	all := a.contents.Warnings[:len(a.contents.Warnings):len(a.contents.Warnings)]
	if a.warning != "" {
		all = append(all, a.warning)
	}
	if a.notCompared != "" {
		all = append(all, a.notCompared)
	}
	all = append(all, a.near...)
	if n := len(a.contents.Startup); n > 0 {
		all = append(all, fmt.Sprintf("%s runs code whenever Python starts, even if the package is not imported%s",
			a.contents.Startup[0], others(n)))
	}
	return all
}

// provable reports whether the file has a verified attestation.
func (a *addition) provable() bool {
	return slices.ContainsFunc(a.attested, func(t catalog.Attestation) bool { return t.Verified })
}

func unread(sent []string) []string {
	if len(sent) == 0 {
		return nil
	}
	return []string{
		"the attestations were ignored: this file is here already, and its attestations never change",
	}
}
