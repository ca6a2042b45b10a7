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

// Entry returns an audit entry of a change that was granted.
func (r *Registry) Entry(action string, by audit.Actor, p catalog.Project, subject string, at time.Time, detail map[string]any) audit.Entry {
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

// ReaderEntry returns an entry about a reader. It is in the history of a project where the reader names that one alone, and in
// the repository's otherwise.
func (r *Registry) ReaderEntry(action string, by audit.Actor, rd Reader, at time.Time) audit.Entry {
	e := audit.Entry{
		ID: r.o.NewID(), At: at, Action: action, Outcome: audit.Granted, Actor: by,
		Repository: rd.RepositoryID, Subject: rd.ID, Detail: r.Detail(rd.Publisher),
	}
	delete(e.Detail, "publisher")
	e.Detail["reader"], e.Detail["whole"] = r.Sentence(rd.Publisher), rd.Whole
	e.Detail["projects"] = names(rd, maxNamed)
	if len(rd.Projects) == 1 {
		e.Project = rd.Projects[0].Name
	}
	return e
}

// maxNamed bounds how many projects an entry about a reader names.
const maxNamed = 64

// names are at most n of the names of a reader's projects.
func names(rd Reader, n int) []string {
	var out []string
	for _, p := range rd.Projects[:min(len(rd.Projects), n)] {
		out = append(out, p.Name)
	}
	return out
}
