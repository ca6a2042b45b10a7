package exchange

import (
	"context"

	"pyindex/internal/access"
	"pyindex/internal/publishers"
)

// terms holds the words of each scope, for refusals and the audit log.
var terms = map[access.Scope]struct {
	rule      string // the kind of rule that gives the scope
	untrusted string // no rule concerns the workload %s
	compare   string // who can inspect a rule that almost matched
	renew     string // who can adapt a rule to a new name
	other     string // how to get from one issuer of a platform to the other
	minted    string // prefix of the sentence of a token's rule
}{
	access.ScopeUpload: {
		rule:      "publisher",
		untrusted: "no project here trusts %s; an owner of the project has to add a publisher for it, or correct its names and ids",
		compare:   "a project's owner can compare it with the publisher",
		renew:     "a project's owner can add a publisher for the new name",
		other:     "request the token from that issuer, or have a project's owner add a publisher for this one",
		minted:    "minted for ",
	},
	access.ScopeRead: {
		rule:      "reader",
		untrusted: "nothing here lets %s read; index reader add does",
		compare:   "the user who added the reader can compare it",
		renew:     "the user who added the reader can add one for the new name",
		other:     "request the token from that issuer, or have the user who added the reader add one for this issuer",
		minted:    "minted for reading by ",
	},
}

// rule is a stored rule that a token is compared with: a publisher, a pending publisher, or a reader.
type rule struct {
	publishers.Publisher
	pending *publishers.Pending // nil unless it is pending
	reader  *publishers.Reader  // nil unless it is a reader
}

func publisherRule(p publishers.Publisher) rule { return rule{Publisher: p} }

func pendingRule(p publishers.Pending) rule { return rule{Publisher: p.Publisher, pending: &p} }

func readerRule(r publishers.Reader) rule { return rule{Publisher: r.Publisher, reader: &r} }

// scope returns the only scope that a rule grants.
func (r rule) scope() access.Scope {
	if r.reader != nil {
		return access.ScopeRead
	}
	return access.ScopeUpload
}

// id returns the id by which the rule can be removed.
func (r rule) id() string {
	if r.pending != nil {
		return r.pending.ID
	}
	return r.ID
}

// target is a place that a rule covers: a project, names of a repository, or, if neither is set, a whole repository.
type target struct {
	repositoryID string // "" if it has to be read from the project
	projectID    string // "" for a project that does not exist yet
	project      string // normal name
	names        string // prefix of the names that a publisher of the repository covers
	namesID      string // id of that publisher's row
}

// targets returns the places that a rule covers.
func targets(ctx context.Context, tx publishers.Tx, r rule) ([]target, error) {
	if p := r.pending; p != nil {
		return []target{{repositoryID: p.RepositoryID, project: p.Project}}, nil
	}
	if rd := r.reader; rd != nil && rd.Whole {
		return []target{{repositoryID: rd.RepositoryID}}, nil
	} else if rd != nil {
		var out []target
		for _, p := range rd.Projects {
			out = append(out, target{repositoryID: rd.RepositoryID, projectID: p.ID, project: p.Name})
		}
		return out, nil
	}
	links, err := tx.AttachedTo(ctx, r.ID, "")
	var out []target
	for _, l := range links {
		out = append(out, target{projectID: l.ProjectID, project: l.Project})
	}
	if err != nil {
		return nil, err
	}
	wide, err := tx.RepositoryPublishers(ctx, r.ID, "")
	for _, l := range wide {
		out = append(out, target{repositoryID: l.RepositoryID, names: l.Prefix.String(), namesID: l.ID})
	}
	return out, err
}

// recorded returns the places whose histories record a grant to the rule: all of them, or only the repository for a
// reader of several projects.
func (r rule) recorded(all []target) []target {
	if r.reader != nil && len(all) != 1 {
		return []target{{repositoryID: r.reader.RepositoryID}}
	}
	return all
}
