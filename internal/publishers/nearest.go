package publishers

import (
	"context"
	"maps"

	"pyindex/internal/audit"
	"pyindex/internal/workload"
)

// Bounds of what one refusal leaves in the histories.
const (
	maxHistories   = 20 // histories that show it
	maxNearest     = 5  // publishers in one of them
	maxDifferences = 20 // claims of one publisher
)

// near is a publisher that a token almost fitted. Several may be equally near and expect different things of a claim.
type near struct {
	Publisher
	by      *workload.Mismatch
	pending *Pending // nil for one that is attached to projects
}

// history is what one refusal leaves in the history of a project, or in that of a pending publisher.
type history struct {
	repository, project string // the repository's id, the project's normal name
	all                 []near
}

// histories sorts the nearest publishers by who may see them: what one project expects is no business of another's.
type histories struct {
	in  map[string]int // where in all, by what it is the history of
	all []history
}

// note adds n to the history of that key, which make makes where it is new.
func (h *histories) note(key string, n near, make func() (history, error)) error {
	i, known := h.in[key]
	if !known && len(h.all) == maxHistories {
		return nil
	}
	if !known {
		made, err := make()
		if err != nil {
			return err
		}
		i, h.all = len(h.all), append(h.all, made)
		h.in[key] = i
	}
	if to := &h.all[i]; len(to.all) < maxNearest {
		to.all = append(to.all, n)
	}
	return nil
}

// add notes n wherever it belongs.
func (h *histories) add(ctx context.Context, tx Tx, n near) error {
	if p := n.pending; p != nil {
		// Several people may wait for one name, and neither may see what the other waits for.
		return h.note("pending "+p.ID, n, func() (history, error) {
			return history{repository: p.RepositoryID, project: p.Project}, nil
		})
	}
	links, err := tx.AttachedTo(ctx, n.ID, "")
	if err != nil {
		return err
	}
	for _, l := range links {
		if err := h.note("project "+l.ProjectID, n, func() (history, error) { return historyOf(ctx, tx, l) }); err != nil {
			return err
		}
	}
	return nil
}

func historyOf(ctx context.Context, tx Tx, l Attached) (history, error) {
	p, err := tx.ProjectByID(ctx, l.ProjectID)
	return history{repository: p.Repository.ID, project: p.Name.String()}, err
}

// tellNearest writes e into each history whose owners can do something about it, with what their own publishers
// expected, and returns how many there are.
func (r *Registry) tellNearest(ctx context.Context, tx Tx, x exchange, e audit.Entry, all []near) (int, error) {
	told := histories{in: map[string]int{}}
	for _, n := range all {
		if err := told.add(ctx, tx, n); err != nil {
			return 0, err
		}
	}
	for _, h := range told.all {
		e := e
		e.ID, e.Repository, e.Project, e.Subject = r.o.NewID(), h.repository, h.project, h.all[0].id()
		e.Detail = maps.Clone(e.Detail)
		maps.Copy(e.Detail, differenceDetail(h.all[0].by))
		e.Detail["nearest"] = r.nearestDetail(x, h.all)
		e.Detail[detailCompared] = r.compared(publishersOf(h.all)...)
		if err := tx.InsertAudit(ctx, e); err != nil {
			return 0, err
		}
	}
	return len(told.all), nil
}

func publishersOf(all []near) []Publisher {
	out := make([]Publisher, len(all))
	for i, n := range all {
		out[i] = n.Publisher
	}
	return out
}

// id is what the publisher is removed by.
func (n near) id() string {
	if n.pending != nil {
		return n.pending.ID
	}
	return n.ID
}

func (r *Registry) nearestDetail(x exchange, all []near) []any {
	var out []any
	for _, n := range all {
		var differences []any
		for _, m := range r.differences(x, n) {
			differences = append(differences, map[string]any{
				"claim": cut(m.Claim, maxClaimName), "expected": cut(m.Want, maxClaimText), "got": cut(m.Got, maxClaimText), "why": cut(m.Why, maxClaimText),
			})
		}
		out = append(out, map[string]any{
			"id": n.id(), "publisher": r.sentence(n.Publisher), "pending": n.pending != nil, "differences": differences,
		})
	}
	return out
}

// differenceDetail is a difference as the history of a project that has the rule shows it.
func differenceDetail(m *workload.Mismatch) map[string]any {
	return map[string]any{"claim": m.Claim, "got": m.Got, "expected": m.Want, "difference": m.Error()}
}

// differences are the claims by which the token differs from a publisher: at least the one that it was refused for.
func (r *Registry) differences(x exchange, n near) []*workload.Mismatch {
	rule, err := r.rule(n.Publisher)
	if err != nil {
		return []*workload.Mismatch{n.by}
	}
	all := x.provider.Differences(rule, x.claims)
	if len(all) == 0 {
		return []*workload.Mismatch{n.by}
	}
	return all[:min(len(all), maxDifferences)]
}
