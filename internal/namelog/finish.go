package namelog

import (
	"context"
	"fmt"
	"slices"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// FinishOptions are the choices of an administrator who ends the state recovered.
type FinishOptions struct {
	// AcceptGap ends the state although the copy does not reach the time of the backup.
	AcceptGap bool
}

// Finished is the result of Finish.
type Finished struct {
	Copy
	State
	Names        []string // that were added, with the kind of their origin
	Deleted      []string // deleted projects that were added, as repository/name
	Files        []string // names of deleted files that were added, as repository/filename
	Repositories []string // that were created, closed to everyone but administrators, to hold the names of deleted files
	// Again are projects and files that were deleted after the backup and exist again, as repository/name and
	// repository/filename.
	Again []string
	Gap   bool // the gap was accepted
}

// ErrGap is the fault of Finish if the copy does not reach the time of the backup.
type ErrGap struct {
	Newest, Snapshot time.Time
}

// Error explains what the gap means.
func (e *ErrGap) Error() string {
	found := "the store has no copy of the names of this index"
	if !e.Newest.IsZero() {
		found = "the newest copy of the names in the store was written on " + e.Newest.UTC().Format(time.RFC3339)
	}
	return fmt.Sprintf("%s, and the backup was made on %s: names that were created after it are unknown. "+
		"Until they are reserved or uploaded again, an upstream that has such a name answers for it, and a deleted file name can be used again. "+
		"Reserve the names that you know (index origin set REPOSITORY NAME own --reason REASON; CI logs, lock files and the pages of mirrors list them), "+
		"and then run: index restore finish --accept-gap", found, e.Snapshot.UTC().Format(time.RFC3339))
}

// Unwrap returns the fault.
func (e *ErrGap) Unwrap() error { return fault.New(fault.Conflict, "%s", e.Error()) }

// Finish adds the names that the copy has and the database lacks, and ends the state recovered. All of it happens in
// one transaction, with an audit entry. It returns *ErrGap if the copy does not reach the time of the backup and the
// gap is not accepted, fault.Conflict if there is nothing to do, and fault.Denied unless the caller is an
// administrator.
func (k *Keeper) Finish(ctx context.Context, who access.Caller, o FinishOptions) (out Finished, err error) {
	if !who.Admin() {
		return out, fault.New(fault.Denied, "only an administrator may finish a restore")
	}
	if out.State, _, err = k.state(ctx); err != nil {
		return out, err
	}
	all, err := k.list(ctx, "")
	if err != nil {
		return out, err
	}
	if out.Copy, err = k.find(ctx, out.State, all); err != nil {
		return out, err
	}
	recovered := !out.Recovered.IsZero()
	if !recovered && len(out.missing) == 0 {
		return out, fault.New(fault.Conflict,
			"there is nothing to finish: this index is not in the state recovered, and its database has every name of the copy")
	}
	newest := k.newestElsewhere(out)
	if out.Gap = recovered && newest.Before(out.SnapshotAt); out.Gap && !o.AcceptGap {
		return out, &ErrGap{newest, out.SnapshotAt}
	}
	out.Newest = newest
	err = k.store.Update(ctx, func(tx Tx) error {
		next := out
		if err := k.merge(ctx, tx, who, &next); err != nil {
			return err
		}
		out = next
		return nil
	})
	if err != nil {
		return out, err
	}
	k.replace(ctx, out)
	return out, nil
}

// newestElsewhere returns when the newest segment was written that is not of this instance: what this instance writes
// after a restore shows nothing about the names that were lost.
func (k *Keeper) newestElsewhere(f Finished) (newest time.Time) {
	for _, s := range f.read {
		if s.instance != f.Instance && s.at.After(newest) {
			newest = s.at
		}
	}
	return newest
}

// merge writes what is missing, in the transaction of Finish.
func (k *Keeper) merge(ctx context.Context, tx Tx, who access.Caller, f *Finished) error {
	repositories, err := tx.Repositories(ctx)
	if err != nil {
		return err
	}
	f.Again = slices.Clone(f.again)
	m := &merging{tx: tx, at: k.clock(), repositories: repositories, out: f}
	for _, r := range f.missing {
		if err := m.add(ctx, r); err != nil {
			return err
		}
	}
	if _, err := tx.NextSerial(ctx); err != nil {
		return err
	}
	was, err := tx.EndRecovered(ctx)
	if err != nil {
		return err
	}
	return tx.InsertAudit(ctx, audit.Entry{
		ID: access.NewID(), At: m.at, Action: "restore.finish", Outcome: audit.Granted, Actor: who.Actor(),
		Subject: f.Snapshot,
		Detail: map[string]any{
			"recovered": was, "gap_accepted": f.Gap, "segments": f.Segments, "damaged": len(f.Damaged),
			"newest": f.Newest.UTC().Format(time.RFC3339), "names": cut(f.Names), "deleted_projects": cut(f.Deleted),
			"deleted_files": cut(f.Files), "repositories": cut(f.Repositories), "again": cut(f.Again),
		},
	})
}

// cut bounds a list for the audit log.
func cut(all []string) []string {
	const most = 100
	if len(all) <= most {
		return all
	}
	return append(all[:most:most], fmt.Sprintf("and %d more", len(all)-most))
}

// merging adds records to the database.
type merging struct {
	tx           Tx
	at           time.Time
	repositories []catalog.Repository
	out          *Finished
}

func (m *merging) add(ctx context.Context, r Record) error {
	switch {
	case r.Name != nil:
		return m.name(ctx, *r.Name)
	case r.Deleted != nil:
		return m.deleted(ctx, *r.Deleted)
	case r.Tombstone != nil:
		return m.tombstone(ctx, *r.Tombstone)
	}
	return nil
}

func (m *merging) name(ctx context.Context, n Name) error {
	name, err := packaging.ParseProjectName(n.Name)
	if err != nil {
		return err
	}
	row := catalog.Name{
		Name: name, Origin: catalog.Origin(n.Origin), Upstream: n.Upstream, Since: n.Since,
		By: audit.Actor{Kind: n.ByKind, ID: n.ByID, Name: n.ByName}, Why: n.Why,
	}
	m.out.Names = append(m.out.Names, n.Name)
	if row.Origin == catalog.Own { // an upstream may have answered for it before
		return m.tx.ReplaceName(ctx, row)
	}
	return m.tx.PutName(ctx, row)
}

func (m *merging) deleted(ctx context.Context, d Deleted) error {
	name, err := packaging.ParseProjectName(d.Name)
	if err != nil {
		return err
	}
	place := d.Repository + "/" + d.Name
	exists := false
	for _, r := range m.repositories {
		if r.Name != d.Repository {
			continue
		}
		_, err := m.tx.ProjectByName(ctx, r.ID, name)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		exists = err == nil
	}
	switch {
	case !exists:
		m.out.Deleted = append(m.out.Deleted, place)
	case d.AgainAt.IsZero(): // the restore created it again
		m.out.Again = append(m.out.Again, place)
		d.AgainAt = m.at
	}
	return m.tx.PutDeleted(ctx, catalog.Deleted{
		Repository: d.Repository, Name: name, At: d.At, FreeAt: d.FreeAt, AgainAt: d.AgainAt, Users: d.Users,
		Groups: d.Groups,
	})
}

func (m *merging) tombstone(ctx context.Context, s Tombstone) error {
	r, err := m.repository(ctx, s)
	if err != nil {
		return err
	}
	place := r.Name + "/" + s.Filename
	m.out.Files = append(m.out.Files, place)
	return m.tx.InsertTombstone(ctx, r.ID, s.Key, s.Filename, s.At)
}

// repository returns the repository of a deleted file, by its id or its name. It creates one that is missing, closed to
// everyone but administrators, so that the file names in it are not used again.
func (m *merging) repository(ctx context.Context, s Tombstone) (catalog.Repository, error) {
	for _, r := range m.repositories {
		if r.ID == s.RepositoryID {
			return r, nil
		}
	}
	for _, r := range m.repositories {
		if r.Name == s.Repository {
			return r, nil
		}
	}
	if !catalog.IsRepositoryName(s.Repository) {
		return catalog.Repository{}, fault.New(fault.Invalid, "the copy of names has a repository named %.80q", s.Repository)
	}
	r := catalog.EmptyRepository(s.RepositoryID, s.Repository, m.at)
	if err := m.tx.InsertRepository(ctx, r); err != nil {
		return r, err
	}
	m.repositories = append(m.repositories, r)
	m.out.Repositories = append(m.out.Repositories, r.Name)
	return r, nil
}

// replace writes all names under the present id, and then deletes the segments of earlier ones. If that fails, they
// remain, and the background loop writes the changes.
func (k *Keeper) replace(ctx context.Context, f Finished) {
	saved := false
	err := k.leased(ctx, func() error {
		saved = true
		return k.saveAll(ctx)
	})
	if err != nil || !saved || len(f.Damaged) > 0 {
		return // the restore is finished; Tend tries again and reports the error
	}
	for _, s := range f.read {
		if s.instance == f.Instance {
			continue
		}
		if err := k.content.Delete(ctx, s.key); err != nil {
			return // an old segment is only waste
		}
	}
}
