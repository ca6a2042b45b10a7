package publishers

import (
	"slices"
	"time"

	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/workload"
)

// ActionExchange is the action of audit entries about exchanges of identity tokens.
const ActionExchange = "publisher.exchange"

// Detail returns the detail of an audit entry about a publisher.
func (r *Registry) Detail(p Publisher) map[string]any {
	return map[string]any{
		"provider": p.Provider, "issuer": p.Issuer, "owner_id": p.OwnerID, "fields": p.Fields, "publisher": r.Sentence(p),
	}
}

// entry returns an audit entry of a change that was granted.
func (r *Registry) entry(action string, by audit.Actor, p catalog.Project, subject string, at time.Time, detail map[string]any) audit.Entry {
	return audit.Entry{
		ID: r.o.NewID(), At: at, Action: action, Outcome: audit.Granted, Actor: by,
		Repository: p.Repository.ID, Project: p.Name.String(), Subject: subject, Detail: detail,
	}
}

// DetailCompared is the detail of an entry that says which claims the rule compared.
const DetailCompared = "compared"

// Compared returns the claims that the rules of publishers compare, sorted.
func (r *Registry) Compared(all ...Publisher) []string {
	var out []string
	for _, p := range all {
		rule, err := r.Rule(p)
		if c, ok := r.providers[p.Provider].(workload.Comparer); ok && err == nil {
			out = append(out, c.Compares(rule)...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// maxNamed bounds how many projects an entry about a reader names.
const maxNamed = 64

// ReaderDetail returns the detail of an audit entry about a reader.
func (r *Registry) ReaderDetail(rd Reader) map[string]any {
	detail := r.Detail(rd.Publisher)
	detail["reader"], detail["whole"] = detail["publisher"], rd.Whole
	delete(detail, "publisher")
	var names []string
	for _, p := range rd.Projects[:min(len(rd.Projects), maxNamed)] {
		names = append(names, p.Name)
	}
	detail["projects"] = names
	return detail
}
