package exported

import (
	"context"
	"slices"
	"time"

	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// settle completes the rows of a project in the transaction that imports its files, with everything that only an export
// of this program has, and returns the project as it should be. Files that the import did not bring are left alone.
// created says that the import created the project; otherwise it keeps its own status, limits and counts.
func (p Project) settle(ctx context.Context, tx RestoreTx, here catalog.Project, importID string,
	created bool,
) (catalog.Project, error) {
	name, err := packaging.ParseProjectName(p.Name)
	if err != nil || name != here.Name {
		return here, fault.New(fault.Invalid, "the rows of project %.80q are those of another project", p.Name)
	}
	if err := p.settleFiles(ctx, tx, here, importID); err != nil {
		return here, err
	}
	if err := restoreTombstones(ctx, tx, here.Repository, p.Tombstones); err != nil {
		return here, err
	}
	if err := tx.RestoreCreated(ctx, here.ID, p.CreatedAt, p.releases()); err != nil || !created {
		return here, err
	}
	here.Display, here.Status, here.StatusReason = p.display(), p.status(), p.StatusReason
	here.TrustedOnly, here.StartupFiles = p.TrustedOnly, p.StartupFiles
	here.Limits = catalog.Limits{FileSize: p.FileLimit, ProjectSize: p.SizeLimit}
	return here, tx.RestoreDownloads(ctx, here.ID, p.DownloadBase, p.Downloads)
}

// releases returns when the releases were created, by the keys of their versions.
func (p Project) releases() map[string]time.Time {
	out := map[string]time.Time{}
	for _, r := range p.Releases {
		if v, err := packaging.ParseVersion(r.Version); err == nil {
			out[v.Key()] = r.CreatedAt
		}
	}
	return out
}

func (p Project) settleFiles(ctx context.Context, tx RestoreTx, here catalog.Project, importID string) error {
	files, err := tx.AllFiles(ctx, here.ID)
	if err != nil {
		return err
	}
	origins, err := tx.FileOrigins(ctx, here.ID)
	if err != nil {
		return err
	}
	stated := map[string]File{}
	for _, f := range p.Files {
		stated[f.Filename] = f
	}
	for _, f := range files {
		o, imported := origins[f.ID]
		was, ok := stated[f.Filename]
		if !imported || !ok || o.ImportID != importID || o.Facts != "" || was.Hashes.SHA256 != f.SHA256 {
			continue
		}
		if err := was.settle(ctx, tx, f, o); err != nil {
			return err
		}
	}
	return nil
}

// settle completes the rows of a file. Its metadata is what the import read in the archive, and its time is as
// trustworthy as the import found it.
func (f File) settle(ctx context.Context, tx RestoreTx, here catalog.File, o FileOrigin) error {
	said, err := encodeJSON(facts{f.Uploader, f.Imported}, "")
	if err != nil {
		return err
	}
	o.Facts = string(said)
	if f.Imported != nil {
		o.Legacy, o.DigestStated = o.Legacy || f.Imported.Legacy, f.Imported.DigestStated
	}
	if err := tx.PutFileFacts(ctx, here.ID, o); err != nil {
		return err
	}
	if err := tx.RestoreComment(ctx, here.ID, f.Comment); err != nil {
		return err
	}
	if !f.QuarantinedAt.IsZero() {
		if err := tx.SetQuarantine(ctx, here.ID, f.QuarantinedAt, f.QuarantineReason); err != nil {
			return err
		}
	}
	for _, a := range f.Attestations {
		// Those that could be verified again are there.
		err := tx.InsertAttestation(ctx, here.ID, catalog.Attestation{Predicate: a.Predicate, Document: a.Document})
		if err != nil && !fault.Is(err, fault.Conflict) {
			return err
		}
	}
	return nil
}

// display returns the spelling of the name, if it is one.
func (p Project) display() string {
	if n, err := packaging.ParseProjectName(p.Display); err == nil && n.String() == p.Name {
		return p.Display
	}
	return p.Name
}

func (p Project) status() catalog.Status {
	known := []catalog.Status{catalog.Active, catalog.Archived, catalog.Deprecated, catalog.Quarantined}
	if s := catalog.Status(p.Status); slices.Contains(known, s) {
		return s
	}
	return catalog.Active
}

// restoreTombstones keeps the names of deleted files from being used again. Names that files have here are left out.
func restoreTombstones(ctx context.Context, tx RestoreTx, r catalog.Repository, all []Tombstone) error {
	for _, t := range all {
		_, err := tx.FileByKey(ctx, r.ID, t.Key)
		if err == nil {
			continue
		} else if !fault.Is(err, fault.NotFound) {
			return err
		}
		if err := tx.InsertTombstone(ctx, r.ID, t.Key, t.Filename, t.DeletedAt); err != nil {
			return err
		}
	}
	return nil
}

// settle completes the rows of a repository after its projects were imported: decisions and reservations, deleted
// projects and the names of their files. It changes nothing that the repository has already, and none of its settings.
// source is that of the import in the rows of its files. It returns the decisions that were left out because they
// would let an upstream have a name that is in use or reserved here.
func (r Repository) settle(ctx context.Context, tx RestoreTx, here catalog.Repository, source string,
) (left []Ruling, err error) {
	if err := tx.RestoreRepository(ctx, here.ID, r.CreatedAt); err != nil {
		return nil, err
	}
	for _, d := range r.Rulings {
		did, err := d.settle(ctx, tx, here, source)
		if err != nil {
			return nil, err
		}
		if !did {
			left = append(left, d)
		}
	}
	return left, r.settleRest(ctx, tx, here)
}

// settleRest completes everything but the decisions.
func (r Repository) settleRest(ctx context.Context, tx RestoreTx, here catalog.Repository) error {
	for _, v := range r.Reservations {
		err := tx.PutReservation(ctx, catalog.Reservation{
			Pattern: v.Pattern, Prefix: v.Prefix, RepositoryID: here.ID, Why: v.Why, Since: v.Since, EndsAt: v.EndsAt,
			By: v.By.actor(), Reason: v.Reason,
		})
		if err != nil && !fault.Is(err, fault.Conflict) {
			return err
		}
	}
	for _, d := range r.Deleted {
		name, err := packaging.ParseProjectName(d.Name)
		if err != nil {
			return err
		}
		_, err = tx.DeletedNamed(ctx, here.Name, name)
		if fault.Is(err, fault.NotFound) { // without owners: the names of people here may be those of others there
			err = tx.PutDeleted(ctx, catalog.Deleted{
				Repository: here.Name, Name: name, At: d.DeletedAt, FreeAt: d.FreeAt, AgainAt: d.AgainAt,
			})
		}
		if err != nil {
			return err
		}
	}
	return restoreTombstones(ctx, tx, here, r.Tombstones)
}

// settle records a decision, unless there is one. It returns false if the decision gives an upstream a part in a name
// that is ours: nobody here was asked about it.
func (d Ruling) settle(ctx context.Context, tx RestoreTx, here catalog.Repository, source string) (bool, error) {
	name, err := packaging.ParseProjectName(d.Name)
	if err != nil {
		return false, err
	}
	_, err = tx.RulingOf(ctx, here.ID, name)
	if !fault.Is(err, fault.NotFound) {
		return true, err
	}
	o := catalog.Origin(d.Origin)
	switch o {
	case catalog.Own:
	case catalog.Foreign, catalog.Both, catalog.Adopted:
		if ours, err := isOurs(ctx, tx, here, name, source); err != nil || ours {
			return false, err
		}
	default:
		return false, fault.New(fault.Invalid, "the decision about %s has the unknown origin %.20q", name, d.Origin)
	}
	return true, tx.PutRuling(ctx, catalog.Ruling{
		RepositoryID: here.ID, Name: name, Origin: o, Versions: d.Versions, Since: d.Since, By: d.By.actor(), Why: d.Why,
	})
}

// isOurs reports whether a name belongs to this index for another reason than an import from source: it is reserved,
// was own before, or has other files.
func isOurs(ctx context.Context, tx RestoreTx, here catalog.Repository, name packaging.ProjectName, source string,
) (bool, error) {
	f, err := tx.NameFacts(ctx, name, here.ID)
	if err != nil || len(f.Reservations) > 0 || f.Name.Origin == catalog.Own && f.Name.Why != catalog.WhyImport {
		return err == nil, err
	}
	p, err := tx.ProjectByName(ctx, here.ID, name)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	files, err := tx.AllFiles(ctx, p.ID)
	if err != nil {
		return false, err
	}
	origins, err := tx.FileOrigins(ctx, p.ID)
	for _, file := range files {
		if origins[file.ID].Source != source {
			return err == nil, err
		}
	}
	return false, err
}

func (b By) actor() audit.Actor { return audit.Actor{Kind: b.Kind, Name: b.Name} }

// settle records what the other index knew about a name. A name that is known here with another origin keeps it. One
// that became known here later, by the import, gets the earlier time. A name that was reserved here before, and not by
// one of the reservations of the export, is given to no upstream.
func (n Name) settle(ctx context.Context, tx RestoreTx, exported []Reservation) error {
	name, err := packaging.ParseProjectName(n.Name)
	if err != nil {
		return err
	}
	origin := catalog.Origin(n.Origin)
	if origin != catalog.Own && origin != catalog.Foreign {
		return fault.New(fault.Invalid, "the name %s has the unknown origin %.20q", name, n.Origin)
	}
	row := catalog.Name{
		Name: name, Origin: origin, Upstream: n.Upstream, Since: n.Since, By: n.By.actor(), Why: n.Why,
	}
	known, err := tx.NameOf(ctx, name)
	switch {
	case fault.Is(err, fault.NotFound):
		f, err := tx.NameFacts(ctx, name, "")
		if err != nil || origin == catalog.Foreign &&
			slices.ContainsFunc(f.Reservations, func(here catalog.Reservation) bool {
				return !slices.ContainsFunc(exported, func(v Reservation) bool {
					return v.Pattern == here.Pattern && v.Since.Equal(here.Since)
				})
			}) {
			return err
		}
		return tx.PutName(ctx, row)
	case err == nil && known.Origin == origin && known.Upstream == n.Upstream && !known.Since.Before(n.Since):
		return tx.ReplaceName(ctx, row)
	}
	return err
}
