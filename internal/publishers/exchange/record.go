package exchange

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/fault"
	"pyindex/internal/publishers"
	"pyindex/internal/workload"
)

// DetailCompared is the key of the claims that the rule compared, in the detail of an audit entry.
const DetailCompared = "compared"

// DetailNames is the key of the names that a publisher of a repository covers, in the detail of an audit entry.
const DetailNames = "names"

// DetailShared is true in the detail of an audit entry about a project if the token also covers names of a repository.
const DetailShared = "shared"

const actionExchange = "publisher.exchange"

// Limits on the claims that are stored.
const (
	maxClaims    = 64
	maxClaimName = 100 // bytes
	maxClaimText = 500 // bytes
)

// actor returns the workload as an audit actor, named by the rule that it matches.
func (m *Minter) actor(a attempt, r rule) audit.Actor {
	by := a.who.Actor()
	by.Kind, by.ID, by.Name = string(access.KindPublisher), r.ID, m.registry.Sentence(r.Publisher)
	if r.reader != nil {
		by.Kind = string(access.KindReader)
	}
	return by
}

// detail returns the detail of an audit entry about a rule.
func (m *Minter) detail(r rule) map[string]any {
	if r.reader != nil {
		return m.registry.ReaderDetail(*r.reader)
	}
	return m.registry.Detail(r.Publisher)
}

// granted returns an audit entry for an action that was granted to a rule's workload.
func (m *Minter) granted(a attempt, action string, r rule, subject string) audit.Entry {
	return audit.Entry{
		ID: m.rules.NewID(), At: a.at, Action: action, Outcome: audit.Granted, Actor: m.actor(a, r), Subject: subject,
		Detail: m.detail(r),
	}
}

// minted returns the audit entry of a granted exchange.
func (m *Minter) minted(a attempt, r rule, tokenID string) audit.Entry {
	e := m.granted(a, actionExchange, r, tokenID)
	e.Detail[terms[r.scope()].rule+"_id"] = r.ID
	e.Detail["claims"], e.Detail[DetailCompared] = bounded(a.claims), m.compared(r.Publisher)
	a.mark(e.Detail)
	if a.want.Single {
		e.Detail["single_use"] = true
	}
	return e
}

// insert adds an audit entry to the history of a target.
func (m *Minter) insert(ctx context.Context, tx publishers.Tx, e audit.Entry, t target) error {
	if t.repositoryID == "" {
		p, err := tx.ProjectByID(ctx, t.projectID)
		if err != nil {
			return err
		}
		t.repositoryID, t.project = p.Repository.ID, p.Name.String()
	}
	e.Repository, e.Project = t.repositoryID, t.project
	if t.names != "" {
		e.Detail = maps.Clone(e.Detail)
		e.Detail[DetailNames] = t.names + "-*"
	}
	return tx.InsertAudit(ctx, e)
}

// refused records why a token was not exchanged and returns err. If recording fails, refused returns that error, so
// that every refusal of a verified token is recorded. Anyone can send an unverified token, so those are only counted.
// Internal errors are not recorded, because they belong in the log.
func (m *Minter) refused(ctx context.Context, a attempt, err error) error {
	f := asRefusal(err)
	if f == nil {
		return err
	}
	if a.claims == nil {
		m.unverified.add(m.o.Log, a.at, a.who.Address(), f.Description)
		return err
	}
	// Record the refusal even if the client disconnects.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	kept := m.store.Update(ctx, func(tx publishers.Tx) error { return m.recordRefusal(ctx, tx, a, f) })
	if kept != nil {
		return fmt.Errorf("recording a refused exchange: %w", kept)
	}
	return err
}

// asRefusal converts a fault to a refusal for the audit log. It returns nil for an internal error.
func asRefusal(err error) *Refusal {
	if f, ok := errors.AsType[*Refusal](err); ok {
		return f
	}
	switch kind := fault.KindOf(err); kind {
	case fault.Internal:
		return nil
	case fault.Unavailable:
		return &Refusal{Code: "unavailable", Description: fault.Message(err), Kind: kind}
	default:
		return &Refusal{Code: CodePayload, Description: fault.Message(err), Kind: kind}
	}
}

func (m *Minter) recordRefusal(ctx context.Context, tx publishers.Tx, a attempt, f *Refusal) error {
	if err := m.dropTaken(ctx, tx, a, f.stale); err != nil {
		return err
	}
	if err := m.recordPassed(ctx, tx, a, f.passed); err != nil {
		return err
	}
	e := m.refusal(a, f.Code, f.Description)
	told, err := m.tellNearest(ctx, tx, a, e, f.nearest)
	if err != nil || told > 0 {
		return err
	}
	return tx.CountAudit(ctx, strangers(e, f))
}

// refusal returns the audit entry of a refused exchange.
func (m *Minter) refusal(a attempt, code, description string) audit.Entry {
	e := audit.Entry{
		ID: m.rules.NewID(), At: a.at, Action: actionExchange, Outcome: audit.Refused, Actor: a.who.Actor(),
		Detail: map[string]any{"code": code, "description": description, "issuer": a.issuer, "claims": bounded(a.claims)},
	}
	a.mark(e.Detail)
	if a.provider != nil {
		e.Detail["provider"] = a.provider.Name()
	}
	return e
}

// strangers combines refusals that concern no project into one entry per network and minute, because any workflow
// anywhere can request a token for this index from its issuer.
func strangers(e audit.Entry, f *Refusal) audit.Entry {
	return e.OncePerMinute(audit.Network(e.Actor.Address), f.Code+" "+f.Description)
}

// compared returns the claims that the rules of publishers compare, sorted.
func (m *Minter) compared(all ...publishers.Publisher) []string {
	var out []string
	for _, p := range all {
		rule, err := m.registry.Rule(p)
		if err == nil {
			out = append(out, m.registry.Provider(p.Provider).Compares(rule)...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// bounded returns the part of verified claims that is stored. The limits leave room for the tokens of all known
// issuers.
func bounded(c workload.Claims) map[string]any {
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
