package publishers

import (
	"context"
	"fmt"
	"maps"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
)

// readerEntry is an entry about a reader. It is in the history of a project where the reader names that one alone, and in
// the repository's otherwise.
func (r *Registry) readerEntry(action string, by audit.Actor, rd Reader, at time.Time) audit.Entry {
	e := audit.Entry{
		ID: r.o.NewID(), At: at, Action: action, Outcome: audit.Granted, Actor: by,
		Repository: rd.RepositoryID, Subject: rd.ID, Detail: r.describe(rd.Publisher),
	}
	delete(e.Detail, "publisher")
	e.Detail["reader"], e.Detail["whole"] = r.sentence(rd.Publisher), rd.Whole
	e.Detail["projects"] = names(rd, maxClaims)
	if len(rd.Projects) == 1 {
		e.Project = rd.Projects[0].Name
	}
	return e
}

// names are at most n of the names of a reader's projects.
func names(rd Reader, n int) []string {
	var out []string
	for _, p := range rd.Projects[:min(len(rd.Projects), n)] {
		out = append(out, p.Name)
	}
	return out
}

// readActor is the workload of an exchange, as the record names it.
func (r *Registry) readActor(x exchange, rd Reader) audit.Actor {
	a := x.who.Actor()
	a.Kind, a.ID, a.Name = string(access.KindReader), rd.ID, r.sentence(rd.Publisher)
	return a
}

// scopeRead marks an exchange for reading in the record; exchanges for uploads have no mark.
const scopeRead = "read"

// readMinted is the entry of a granted exchange, for one reader.
func (r *Registry) readMinted(x exchange, rd Reader, tokenID string) audit.Entry {
	e := r.readerEntry(actionExchange, r.readActor(x, rd), rd, x.at)
	e.Subject = tokenID
	e.Detail["scope"], e.Detail["reader_id"], e.Detail["claims"] = scopeRead, rd.ID, bounded(x.claims)
	e.Detail[detailCompared] = r.compared(rd.Publisher)
	return e
}

// refusedRead is refused for exchanges that were to read.
func (r *Registry) refusedRead(ctx context.Context, x exchange, near []nearReader, err error) error {
	f := asRefusal(err)
	if f == nil {
		return err
	}
	if x.claims == nil {
		r.rubbish.add(r.o.Log, x.at, x.who.Address(), f.Description)
		return err
	}
	// A client that leaves must not take its entry with it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	kept := r.store.Update(ctx, func(tx Tx) error {
		for _, e := range r.readRefusals(x, near, f) {
			if err := tx.CountAudit(ctx, e); err != nil {
				return err
			}
		}
		return nil
	})
	if kept != nil {
		return fmt.Errorf("recording a refused exchange: %w", kept)
	}
	return err
}

// readRefusals are the entries of a refusal: one for each place whose owners can do something about it, with what that
// place's own reader expected, or one for nobody in particular.
func (r *Registry) readRefusals(x exchange, near []nearReader, f *Refusal) []audit.Entry {
	e := audit.Entry{
		ID: r.o.NewID(), At: x.at, Action: actionExchange, Outcome: audit.Refused, Actor: x.who.Actor(),
		Detail: map[string]any{"scope": scopeRead, "code": f.Code, "description": f.Description, "issuer": x.issuer, "claims": bounded(x.claims)},
	}
	if x.provider != nil {
		e.Detail["provider"] = x.provider.Name()
	}
	var out []audit.Entry
	told := map[string]bool{}
	for _, n := range near {
		for _, project := range placesOf(n.Reader) {
			if place := n.RepositoryID + " " + project; !told[place] && len(told) < maxHistories {
				told[place] = true
				out = append(out, r.readRefusal(x, e, n, project))
			}
		}
	}
	if len(out) == 0 {
		return []audit.Entry{strangers(e, f)}
	}
	return out
}

func (r *Registry) readRefusal(x exchange, e audit.Entry, n nearReader, project string) audit.Entry {
	e.ID, e.Repository, e.Project, e.Subject = r.o.NewID(), n.RepositoryID, project, n.ID
	e.Detail = maps.Clone(e.Detail)
	maps.Copy(e.Detail, differenceDetail(n.by))
	e.Detail["nearest"] = r.nearestDetail(x, []near{{Publisher: n.Publisher, by: n.by}})
	e.Detail[detailCompared] = r.compared(n.Publisher)
	return e
}

// placesOf are the projects in whose histories a reader's refusals belong; "" is the repository's.
func placesOf(rd Reader) []string {
	if rd.Whole {
		return []string{""}
	}
	return names(rd, maxHistories)
}
