package catalog

import (
	"context"
	"sync"

	"pyindex/internal/memo"
)

// maxList bounds the projects that lists keep in memory, some hundred bytes each; longer lists are read whole each time.
const maxList = 200_000

// lists remembers the projects of repositories, so that after a change the changed ones alone are read. Reading all of
// 100,000 takes the database most of the time that their page takes.
type lists struct {
	mu    sync.Mutex
	known map[string]*list // by repository
}

// list is the projects of a repository by normal name, as of some stamp or later. It is not changed any more.
type list struct {
	at       memo.Stamp
	projects []Listed
}

// at returns the projects of a repository as of a stamp, which was read before, or later. What is known of another epoch is
// no beginning: all are read again.
func (x *lists) at(ctx context.Context, store Store, repositoryID string, now memo.Stamp) ([]Listed, error) {
	x.mu.Lock()
	last := x.known[repositoryID]
	x.mu.Unlock()
	if last != nil && last.at == now {
		return last.projects, nil
	}
	if last == nil || last.at.Epoch != now.Epoch || last.at.After(now) {
		last = &list{at: memo.Stamp{Value: -1}}
	}
	projects, err := last.next(ctx, store, repositoryID)
	if err != nil {
		return nil, err
	}
	x.keep(repositoryID, &list{at: now, projects: projects})
	return projects, nil
}

// next reads what changed since. A project that was deleted leaves no row behind: where the number does not come out,
// all are read again. It always comes out right otherwise, because no identifier is used twice.
func (l *list) next(ctx context.Context, store Store, repositoryID string) (out []Listed, err error) {
	err = store.View(ctx, func(tx Tx) error {
		changed, total, err := tx.ListedSince(ctx, repositoryID, l.at.Value)
		if err != nil {
			return err
		}
		if out = merged(l.projects, changed); len(out) == total {
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

// keep remembers a list, unless a newer one is known or it is too long.
func (x *lists) keep(repositoryID string, l *list) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.known == nil {
		x.known = map[string]*list{}
	}
	if last := x.known[repositoryID]; last != nil && last.at.After(l.at) {
		return
	}
	delete(x.known, repositoryID)
	all := len(l.projects)
	for _, other := range x.known {
		all += len(other.projects)
	}
	if all > maxList {
		clear(x.known)
	}
	if len(l.projects) <= maxList {
		x.known[repositoryID] = l
	}
}
