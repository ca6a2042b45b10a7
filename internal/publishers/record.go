package publishers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
)

// Bounds of what is kept of claims and of how many projects' histories show one refusal.
const (
	maxClaims    = 64
	maxClaimName = 100 // bytes
	maxClaimText = 500 // bytes
	maxHistories = 20
)

const actionExchange = "publisher.exchange"

// minted is the entry of a granted exchange, for one project.
func (r *Registry) minted(x exchange, p Publisher, project catalog.Project, tokenID string) audit.Entry {
	detail := r.describe(p)
	detail["publisher_id"], detail["claims"] = p.ID, bounded(x.claims)
	return r.entry(actionExchange, r.actor(x, p), project, tokenID, x.at, detail)
}

// refused records why a token was not exchanged and returns err. Where the record cannot be kept, that is the error:
// no refusal goes unrecorded. Errors that are no refusals are ours and belong in the log.
func (r *Registry) refused(ctx context.Context, x exchange, err error) error {
	f, ok := errors.AsType[*Refusal](err)
	if !ok && fault.Is(err, fault.Unavailable) {
		f = &Refusal{Code: "unavailable", Description: fault.Message(err), Kind: fault.Unavailable}
	} else if !ok {
		return err
	}
	// A client that leaves must not take its entry with it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	kept := r.store.Update(ctx, func(tx Tx) error { return r.recordRefusal(ctx, tx, x, f) })
	if kept != nil {
		return fmt.Errorf("recording a refused exchange: %w", kept)
	}
	return err
}

func (r *Registry) recordRefusal(ctx context.Context, tx Tx, x exchange, f *Refusal) error {
	if err := r.dropTaken(ctx, tx, x, f.stale); err != nil {
		return err
	}
	e := audit.Entry{
		At: x.at, Action: actionExchange, Outcome: audit.Refused, Actor: x.who.Actor(),
		Detail: map[string]any{"code": f.Code, "description": f.Description},
	}
	if x.claims != nil {
		e.Detail["issuer"], e.Detail["claims"] = x.issuer, bounded(x.claims)
	}
	projects, err := nearestProjects(ctx, tx, f)
	if err != nil {
		return err
	}
	if len(projects) == 0 {
		projects = []catalog.Project{{}}
	}
	maps.Copy(e.Detail, f.private)
	for _, p := range projects {
		e.ID, e.Repository, e.Project = r.o.NewID(), p.Repository.ID, p.Name.String()
		if err := tx.InsertAudit(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// nearestProjects returns the projects whose owners can do something about a refusal.
func nearestProjects(ctx context.Context, tx Tx, f *Refusal) ([]catalog.Project, error) {
	var out []catalog.Project
	for _, p := range f.nearest {
		links, err := tx.AttachedTo(ctx, p.ID, "")
		if err != nil {
			return nil, err
		}
		for _, l := range links {
			project, err := tx.ProjectByID(ctx, l.ProjectID)
			if err != nil {
				return nil, err
			}
			seen := slices.ContainsFunc(out, func(o catalog.Project) bool { return o.ID == project.ID })
			if !seen && len(out) < maxHistories {
				out = append(out, project)
			}
		}
	}
	return out, nil
}

// bounded is what is kept of verified claims: as many and as long as any issuer of ours sends, and no more.
func bounded(c Claims) map[string]any {
	out := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(c)) {
		if len(out) == maxClaims {
			out["…"] = fmt.Sprintf("%d claims in all", len(c))
			break
		}
		out[cut(name, maxClaimName)] = boundedValue(c[name])
	}
	return out
}

func boundedValue(v any) any {
	switch v := v.(type) {
	case nil, bool:
		return v
	case string:
		return cut(v, maxClaimText)
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		return cut(v.String(), maxClaimText)
	}
	b, err := json.Marshal(v)
	if err != nil {
		return "(not readable)"
	}
	return cut(string(b), maxClaimText)
}

func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
