package namelog

import (
	"context"
	"errors"
	"hash/maphash"
	"slices"
	"strings"
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/fault"
)

// known are the names that the database has, by the hash of their identity. Their number may be large, so only what the
// comparison needs is kept of each.
type known struct {
	seed maphash.Seed
	rows map[uint64]fact
}

type fact struct {
	since int64
	kept  bool
}

func (k *known) key(parts ...string) uint64 {
	var h maphash.Hash
	h.SetSeed(k.seed)
	for _, p := range parts {
		_, _ = h.WriteString(p)
		_ = h.WriteByte(0)
	}
	return h.Sum64()
}

// readKnown reads all names of the database.
func readKnown(ctx context.Context, store Store) (*known, error) {
	k := &known{seed: maphash.MakeSeed()}
	err := store.View(ctx, func(tx Tx) error {
		k.rows = map[uint64]fact{}
		return eachRow(ctx, tx,
			func(n catalog.Name) error {
				k.rows[k.key(KindName, n.Name.String())] = fact{n.Since.UnixMicro(), Kept(n)}
				return nil
			},
			func(d catalog.Deleted) error {
				k.rows[k.key(KindDeleted, d.Repository, d.Name.String())] = fact{since: d.At.UnixMicro()}
				return nil
			},
			func(s Tombstone) error {
				k.rows[k.key(KindTombstone, s.Repository, s.Key)] = fact{since: s.At.UnixMicro()}
				return nil
			})
	})
	return k, err
}

// missing are the records of segments that the database lacks, by the hash of their identity.
type missing map[uint64]Record

// note adds a record unless the database has it. The newest record of a row wins.
func (m missing) note(k *known, r Record) {
	switch {
	case r.Name != nil:
		key := k.key(KindName, r.Name.Name)
		have, ok := k.rows[key]
		own := r.Name.Origin == string(catalog.Own)
		if ok && (have.kept || !own || have.since >= r.Name.Since.UnixMicro()) {
			return
		}
		if old, ok := m[key]; !ok || !old.Name.Since.After(r.Name.Since) {
			m[key] = r
		}
	case r.Deleted != nil:
		key := k.key(KindDeleted, r.Deleted.Repository, r.Deleted.Name)
		if have, ok := k.rows[key]; ok && have.since >= r.Deleted.At.UnixMicro() {
			return
		}
		if old, ok := m[key]; !ok || !old.Deleted.At.After(r.Deleted.At) {
			m[key] = r
		}
	case r.Tombstone != nil:
		key := k.key(KindTombstone, r.Tombstone.Repository, r.Tombstone.Key)
		if _, ok := k.rows[key]; !ok {
			m[key] = r
		}
	}
}

// Copy is what was found in the store.
type Copy struct {
	Segments int
	Newest   time.Time // when the newest segment was written; zero if there is none
	Damaged  []string  // keys of segments that cannot be read
	Foreign  int       // segments of other indexes

	missing []Record
	again   []string // deleted files that exist again
	read    []segment
}

// find reads the segments of this index and of those that it was restored from, and returns what the database lacks.
func (k *Keeper) find(ctx context.Context, s State, all []segment) (c Copy, err error) {
	have, err := readKnown(ctx, k.store)
	if err != nil {
		return c, err
	}
	ours := func(h Header) bool {
		ids := append([]string{s.Instance}, s.Before...)
		return slices.Contains(ids, h.Instance) || slices.ContainsFunc(h.Before, func(id string) bool {
			return slices.Contains(ids, id)
		})
	}
	lacks := missing{}
	for _, part := range all {
		_, taken, err := readSegment(ctx, k.content, part.key, part.digest, ours, func(_ Header, r Record) error {
			lacks.note(have, r)
			return nil
		})
		switch {
		case errors.Is(err, errDamaged), fault.Is(err, fault.NotFound):
			c.Damaged = append(c.Damaged, part.key)
			continue
		case err != nil:
			return c, err
		case !taken:
			c.Foreign++
			continue
		}
		c.Segments++
		c.read = append(c.read, part)
		if part.at.After(c.Newest) {
			c.Newest = part.at
		}
	}
	if err := k.sort(ctx, lacks, &c); err != nil {
		return c, err
	}
	slices.SortFunc(c.missing, func(a, b Record) int { return strings.Compare(a.order(), b.order()) })
	return c, nil
}

// sort separates what is missing from the deleted files that exist again.
func (k *Keeper) sort(ctx context.Context, lacks missing, c *Copy) error {
	return k.store.View(ctx, func(tx Tx) error {
		repositories, err := tx.Repositories(ctx)
		if err != nil {
			return err
		}
		c.missing, c.again = nil, nil
		for _, r := range lacks {
			again, err := existsAgain(ctx, tx, repositories, r.Tombstone)
			if err != nil {
				return err
			}
			if again {
				c.again = append(c.again, r.Tombstone.Repository+"/"+r.Tombstone.Filename)
			} else {
				c.missing = append(c.missing, r)
			}
		}
		slices.Sort(c.again)
		return nil
	})
}

// existsAgain reports whether a deleted file is listed, as after the restore of a backup from before its deletion.
func existsAgain(ctx context.Context, tx Tx, repositories []catalog.Repository, s *Tombstone) (bool, error) {
	if s == nil {
		return false, nil
	}
	for _, r := range repositories {
		if r.Name != s.Repository {
			continue
		}
		_, err := tx.FileByKey(ctx, r.ID, s.Key)
		if err == nil || !fault.Is(err, fault.NotFound) {
			return err == nil, err
		}
	}
	return false, nil
}

// order sorts names before deleted projects before deleted files.
func (r Record) order() string {
	switch {
	case r.Name != nil:
		return "1" + r.Name.Name
	case r.Deleted != nil:
		return "2" + r.Deleted.Repository + "/" + r.Deleted.Name
	case r.Tombstone != nil:
		return "3" + r.Tombstone.Repository + "/" + r.Tombstone.Filename
	}
	return ""
}
