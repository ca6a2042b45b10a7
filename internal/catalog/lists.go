package catalog

import (
	"context"

	"pyindex/internal/memo"
)

// maxList limits the projects in cached lists, some hundred bytes each. Longer lists are read in full each time.
const maxList = 200_000

// list contains the projects of a repository by normal name, as of some stamp or later. It is immutable. Caching lists
// means that only changed projects are read after a change: reading all of 100,000 takes most of the time to serve
// their page.
type list []Listed

// listed returns the projects of a repository as of the stamp now, or later. A list from another epoch is discarded and
// read again in full.
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

// next reads the changes after a serial. A deleted project leaves no row: if the number of projects is not the expected
// one, next reads all of them. Otherwise the list is correct, because no id is used twice.
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

// merged returns old with the changed projects replaced or added, by normal name. It modifies neither argument.
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
