package catalog

import (
	"context"
	"slices"

	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// PutCard updates a project's card after a change of several files.
func PutCard(ctx context.Context, tx Tx, p Project) error { return putCard(ctx, tx, p) }

// putCard updates a project's card from its latest release, or deletes the card if there is no release.
func putCard(ctx context.Context, tx Tx, p Project) error {
	all, err := tx.Summaries(ctx, p.ID)
	if err != nil {
		return err
	}
	for i := range all {
		all[i].parse()
	}
	s := newest(all)
	if s.ID == "" {
		return tx.DeleteCard(ctx, p.ID)
	}
	files, err := tx.FilesOfRelease(ctx, s.ID)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return tx.DeleteCard(ctx, p.ID)
	}
	f := Telling(files)
	m, err := tx.Metadata(ctx, f.ID)
	if err != nil {
		return err
	}
	f.Attested = slices.ContainsFunc(files, func(f File) bool { return f.Attested })
	return writeCard(ctx, tx, p, s, f, m)
}

func writeCard(ctx context.Context, tx Tx, p Project, s Summary, f File, m packaging.Metadata) error {
	c, text := card(p, s, f, m)
	if err := tx.PutCard(ctx, c, text); err != nil {
		return err
	}
	return tx.PutRequirements(ctx, c, required(m))
}

// AddToCard updates a project's card after a file was added to a release, with the file's metadata. However many
// releases there are, it reads only the card, unless the release on the card is yanked.
func AddToCard(ctx context.Context, tx Tx, p Project, f File, m packaging.Metadata) error {
	now, err := tx.CardOf(ctx, p.ID)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	added := Summary{Release: Release{Version: f.Version, CreatedAt: f.UploadedAt}}
	added.parse()
	if err == nil {
		shown := Summary{Release: Release{Version: now.Version}, Yanked: now.Yanked}
		shown.parse()
		switch {
		case shown.parsed.Compare(added.parsed) == 0 && !now.Yanked:
			return addToRelease(ctx, tx, p, now, f, m)
		case now.Yanked:
			return putCard(ctx, tx, p)
		case !shown.rank().below(added.rank()):
			return nil
		}
	}
	rel, err := tx.ReleaseByKey(ctx, p.ID, added.parsed.Key())
	if err != nil {
		return err
	}
	added.CreatedAt = rel.CreatedAt
	return writeCard(ctx, tx, p, added, f, m)
}

// addToRelease is AddToCard for another file of the release on the card. A wheel's metadata replaces an sdist's.
func addToRelease(ctx context.Context, tx Tx, p Project, now Card, f File, m packaging.Metadata) error {
	if now.SourceKind != packaging.Wheel && f.Kind == packaging.Wheel {
		s := Summary{Release: Release{Version: now.Version, CreatedAt: now.ReleasedAt}}
		f.Attested = f.Attested || now.Attested
		return writeCard(ctx, tx, p, s, f, m)
	}
	if f.Attested && !now.Attested {
		return tx.SetCardAttested(ctx, p.ID)
	}
	return nil
}

const backfillBatch = 50

// Backfill creates cards for projects without one, and indexes again those of another WordsVersion, a few at a time,
// until none is left or ctx ends. It continues from the last batch after an interruption, and two processes may run it
// at once. It reads the cards of all projects, but no other update waits for that.
func (x *Index) Backfill(ctx context.Context) error {
	if err := x.recountSizes(ctx); err != nil {
		return err
	}
	for after := ""; ; {
		var ids []string
		err := x.store.View(ctx, func(tx Tx) (err error) {
			ids, err = tx.WithoutCards(ctx, after, backfillBatch)
			return err
		})
		if err != nil || len(ids) == 0 {
			return err
		}
		if err := x.putCards(ctx, ids); err != nil || len(ids) < backfillBatch {
			return err
		}
		after = ids[len(ids)-1]
	}
}

// putCards updates the cards of projects, except those that are gone.
func (x *Index) putCards(ctx context.Context, ids []string) error {
	return x.store.Update(ctx, func(tx Tx) error {
		for _, id := range ids {
			p, err := tx.ProjectByID(ctx, id)
			if fault.Is(err, fault.NotFound) {
				continue
			}
			if err == nil {
				err = putCard(ctx, tx, p)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// RewriteCard updates a project's card and requirements from its latest release, in a transaction that changed
// something of either.
func RewriteCard(ctx context.Context, tx Tx, p Project) error { return putCard(ctx, tx, p) }

// CountRequired returns the number of requirements that the project's card should have.
func CountRequired(ctx context.Context, tx Tx, p Project) (int, error) {
	c, err := tx.CardOf(ctx, p.ID)
	if err != nil {
		return 0, err
	}
	v, err := packaging.ParseVersion(c.Version)
	if err != nil {
		return 0, err
	}
	rel, err := tx.ReleaseByKey(ctx, p.ID, v.Key())
	if err != nil {
		return 0, err
	}
	files, err := tx.FilesOfRelease(ctx, rel.ID)
	if err != nil || len(files) == 0 {
		return 0, err
	}
	m, err := tx.Metadata(ctx, Telling(files).ID)
	return len(required(m)), err
}
