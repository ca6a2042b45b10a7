package catalog

import (
	"context"

	"pyindex/internal/memo"
)

// maxList bounds the projects that lists keep in memory, some hundred bytes each; longer lists are read whole each
// time.
const maxList = 200_000

// list is the projects of a repository by normal name, as of some stamp or later. It is never changed.
type list []Listed

// newLists returns the memory of the projects of repositories, by id. With it, only the changed ones are read after a
// change: reading all of 100,000 takes the database most of the time that their page takes.
func newLists() *memo.Weighted[string, list] {
	return memo.NewWeighted(maxList, func(_ string, l list) int64 { return int64(len(l)) + 1 })
}

// listed returns the projects of a repository as of a stamp, which was read before, or later. A list of another epoch
// is not brought up to date: all are read again.
func (x *Index) listed(ctx context.Context, repositoryID string, now memo.Stamp) ([]Listed, error) {
	last, at, ok := x.lists.Last(repositoryID)
	if ok && at == now {
		return last, nil
	}
	if !ok || at.Epoch != now.Epoch || at.After(now) {
		last, at = nil, memo.Stamp{Value: -1}
	}
	l, err := last.next(ctx, x.store, repositoryID, at.Value)
	if err == nil {
		x.lists.Put(now, repositoryID, l)
	}
	return l, err
}

// next reads what changed after a serial. A deleted project leaves no row behind: if the number of projects is not the
// expected one, all are read again. Otherwise it is right, because no identifier is used twice.
func (l list) next(ctx context.Context, store Store, repositoryID string, since int64) (out list, err error) {
	err = store.View(ctx, func(tx Tx) error {
		changed, total, err := tx.ListedSince(ctx, repositoryID, since)
		if err != nil {
			return err
		}
		if out = merged(l, changed); len(out) == total {
			return nil
		}
		out, _, err = tx.ListedSince(ctx, repositoryID, -1)
		return err
	})
	return out, err
}

// merged returns old with what changed in its place, by normal name. Neither is changed itself.
func merged(old, changed []Listed) []Listed {
	if len(old) == 0 {
		return changed
	}
	again := make(map[string]bool, len(changed))
	for _, p := range changed {
		again[p.ID] = true
	}
	out := make([]Listed, 0, len(old)+len(changed))
	for _, p := range old {
		for len(changed) > 0 && changed[0].Name.String() < p.Name.String() {
			out, changed = append(out, changed[0]), changed[1:]
		}
		if !again[p.ID] {
			out = append(out, p)
		}
	}
	return append(out, changed...)
}
