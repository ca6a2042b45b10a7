package exchange

import (
	"context"
	"fmt"
	"maps"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/publishers"
)

// readActor is the workload of an exchange, as the record names it.
func (m *Minter) readActor(x exchange, rd publishers.Reader) audit.Actor {
	a := x.who.Actor()
	a.Kind, a.ID, a.Name = string(access.KindReader), rd.ID, m.registry.Sentence(rd.Publisher)
	return a
}

// scopeRead marks an exchange for reading in the record; exchanges for uploads have no mark.
const scopeRead = "read"

// readMinted is the entry of a granted exchange, for one reader.
func (m *Minter) readMinted(x exchange, rd publishers.Reader, tokenID string) audit.Entry {
	e := m.registry.ReaderEntry(publishers.ActionExchange, m.readActor(x, rd), rd, x.at)
	e.Subject = tokenID
	e.Detail["scope"], e.Detail["reader_id"], e.Detail["claims"] = scopeRead, rd.ID, bounded(x.claims)
	e.Detail[publishers.DetailCompared] = m.registry.Compared(rd.Publisher)
	return e
}

// refusedRead is refused for exchanges that were to read.
func (m *Minter) refusedRead(ctx context.Context, x exchange, near []nearReader, err error) error {
	f := asRefusal(err)
	if f == nil {
		return err
	}
	if x.claims == nil {
		m.rubbish.add(m.o.Log, x.at, x.who.Address(), f.Description)
		return err
	}
	// A client that leaves must not take its entry with it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	kept := m.store.Update(ctx, func(tx publishers.Tx) error {
		for _, e := range m.readRefusals(x, near, f) {
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
func (m *Minter) readRefusals(x exchange, near []nearReader, f *Refusal) []audit.Entry {
	e := audit.Entry{
		ID: m.rules.NewID(), At: x.at, Action: publishers.ActionExchange, Outcome: audit.Refused, Actor: x.who.Actor(),
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
				out = append(out, m.readRefusal(x, e, n, project))
			}
		}
	}
	if len(out) == 0 {
		return []audit.Entry{strangers(e, f)}
	}
	return out
}

func (m *Minter) readRefusal(x exchange, e audit.Entry, n nearReader, project string) audit.Entry {
	e.ID, e.Repository, e.Project, e.Subject = m.rules.NewID(), n.RepositoryID, project, n.ID
	e.Detail = maps.Clone(e.Detail)
	maps.Copy(e.Detail, differenceDetail(n.by))
	e.Detail["nearest"] = m.nearestDetail(x, []near{{Publisher: n.Publisher, by: n.by}})
	e.Detail[publishers.DetailCompared] = m.registry.Compared(n.Publisher)
	return e
}

// placesOf are the projects in whose histories a reader's refusals belong; "" is the repository's.
func placesOf(rd publishers.Reader) []string {
	if rd.Whole {
		return []string{""}
	}
	var out []string
	for _, p := range rd.Projects[:min(len(rd.Projects), maxHistories)] {
		out = append(out, p.Name)
	}
	return out
}
