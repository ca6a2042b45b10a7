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
	"pyindex/internal/workload"
)

// Bounds of what is kept of claims.
const (
	maxClaims    = 64
	maxClaimName = 100 // bytes
	maxClaimText = 500 // bytes
)

const actionExchange = "publisher.exchange"

// describe is the detail of an audit entry about a publisher.
func (r *Registry) describe(p Publisher) map[string]any {
	return map[string]any{
		"provider": p.Provider, "issuer": p.Issuer, "owner_id": p.OwnerID, "fields": p.Fields, "publisher": r.sentence(p),
	}
}

// entry is an audit entry of a change that was granted.
func (r *Registry) entry(action string, by audit.Actor, p catalog.Project, subject string, at time.Time, detail map[string]any) audit.Entry {
	return audit.Entry{
		ID: r.o.NewID(), At: at, Action: action, Outcome: audit.Granted, Actor: by,
		Repository: p.Repository.ID, Project: p.Name.String(), Subject: subject, Detail: detail,
	}
}

// minted is the entry of a granted exchange, for one project.
func (r *Registry) minted(x exchange, p Publisher, project catalog.Project, tokenID string) audit.Entry {
	detail := r.describe(p)
	detail["publisher_id"], detail["claims"], detail[detailCompared] = p.ID, bounded(x.claims), r.compared(p)
	if x.once {
		detail["single_use"] = true
	}
	return r.entry(actionExchange, r.actor(x, p), project, tokenID, x.at, detail)
}

// refused records why a token was not exchanged and returns err. If the record cannot be kept, that is the error: no refusal
// of a verified token goes unrecorded. One that was not verified may be anybody's, so it is counted and leaves no row. Errors
// that are no faults are ours and belong in the log.
func (r *Registry) refused(ctx context.Context, x exchange, err error) error {
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
	kept := r.store.Update(ctx, func(tx Tx) error { return r.recordRefusal(ctx, tx, x, f) })
	if kept != nil {
		return fmt.Errorf("recording a refused exchange: %w", kept)
	}
	return err
}

// asRefusal reads any fault as the refusal that it is for the record; nil for an internal error.
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

func (r *Registry) recordRefusal(ctx context.Context, tx Tx, x exchange, f *Refusal) error {
	if err := r.dropTaken(ctx, tx, x, f.stale); err != nil {
		return err
	}
	if err := r.recordPassed(ctx, tx, x, f.passed); err != nil {
		return err
	}
	e := audit.Entry{
		ID: r.o.NewID(), At: x.at, Action: actionExchange, Outcome: audit.Refused, Actor: x.who.Actor(),
		Detail: map[string]any{"code": f.Code, "description": f.Description, "issuer": x.issuer, "claims": bounded(x.claims)},
	}
	if x.provider != nil {
		e.Detail["provider"] = x.provider.Name()
	}
	told, err := r.tellNearest(ctx, tx, x, e, f.nearest)
	if err != nil || told > 0 {
		return err
	}
	return tx.CountAudit(ctx, strangers(e, f))
}

// strangers makes the entry of a refusal that is nobody's in particular stand for all alike of a minute: any workflow anywhere
// can have its issuer sign a token for us.
func strangers(e audit.Entry, f *Refusal) audit.Entry {
	return e.OncePerMinute(audit.Network(e.Actor.Address), f.Code+" "+f.Description)
}

// bounded is what is kept of verified claims: as many and as long as any issuer of ours sends, and no more.
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
