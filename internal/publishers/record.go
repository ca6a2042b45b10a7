package publishers

import (
	"time"

	"pyindex/internal/audit"
	"pyindex/internal/catalog"
)

// Detail returns the detail of an audit entry about a publisher.
func (r *Registry) Detail(p Publisher) map[string]any {
	return map[string]any{
		"provider": p.Provider, "issuer": p.Issuer, "owner_id": p.OwnerID, "fields": p.Fields, "publisher": r.Sentence(p),
	}
}

func (r *Registry) entry(action string, by audit.Actor, p catalog.Project, subject string, at time.Time,
	detail map[string]any,
) audit.Entry {
	return audit.Entry{
		ID: r.o.NewID(), At: at, Action: action, Outcome: audit.Granted, Actor: by,
		Repository: p.Repository.ID, Project: p.Name.String(), Subject: subject, Detail: detail,
	}
}

// WideDetail returns the detail of an audit entry about a publisher of a repository.
func (r *Registry) WideDetail(l RepositoryPublisher) map[string]any {
	detail := r.Detail(l.Publisher)
	detail["names"], detail["creates"] = l.Prefix.Pattern(), l.Creates
	return detail
}

const maxNamed = 64 // projects in an entry about a reader

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
