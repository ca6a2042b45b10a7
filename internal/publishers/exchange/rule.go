package exchange

import (
	"context"

	"pyindex/internal/access"
	"pyindex/internal/publishers"
)

// terms are the words of a scope: for refusals, and for what is recorded.
var terms = map[access.Scope]struct {
	rule      string // the kind of rule that gives the scope
	untrusted string // no rule is about the workload, which %s names
	compare   string // who can look at a rule that almost fitted
	minted    string // before the sentence of a token's rule
}{
	access.ScopeUpload: {
		rule:      "publisher",
		untrusted: "no project here trusts %s; its owner has to add a publisher for it first",
		compare:   "a project's owner can compare it with the publisher",
		minted:    "minted for ",
	},
	access.ScopeRead: {
		rule:      "reader",
		untrusted: "nothing here lets %s read; index reader add does",
		compare:   "whoever added the reader can compare it",
		minted:    "minted for reading by ",
	},
}

// rule is a stored rule that a token is compared with: a publisher, one that is pending, or a reader.
type rule struct {
	publishers.Publisher
	pending *publishers.Pending // nil unless it is pending
	reader  *publishers.Reader  // nil unless it is a reader
}

func publisherRule(p publishers.Publisher) rule { return rule{Publisher: p} }

func pendingRule(p publishers.Pending) rule { return rule{Publisher: p.Publisher, pending: &p} }

func readerRule(r publishers.Reader) rule { return rule{Publisher: r.Publisher, reader: &r} }

// scope returns the only scope that a rule gives.
func (r rule) scope() access.Scope {
	if r.reader != nil {
		return access.ScopeRead
	}
	return access.ScopeUpload
}

// id returns what the rule is removed by.
func (r rule) id() string {
	if r.pending != nil {
		return r.pending.ID
	}
	return r.ID
}

// target is a place that a rule is for: a project, or with no project a whole repository to read.
type target struct {
	repositoryID string // "" if only the project's row says it
	projectID    string // "" for a project that is waited for
	project      string // normal name
}

// targets returns the places that a rule is for.
func targets(ctx context.Context, tx publishers.Tx, r rule) ([]target, error) {
	if p := r.pending; p != nil {
		return []target{{p.RepositoryID, "", p.Project}}, nil
	}
	if rd := r.reader; rd != nil && rd.Whole {
		return []target{{repositoryID: rd.RepositoryID}}, nil
	} else if rd != nil {
		var out []target
		for _, p := range rd.Projects {
			out = append(out, target{rd.RepositoryID, p.ID, p.Name})
		}
		return out, nil
	}
	links, err := tx.AttachedTo(ctx, r.ID, "")
	var out []target
	for _, l := range links {
		out = append(out, target{"", l.ProjectID, l.Project})
	}
	return out, err
}

// recorded returns the places in whose histories a grant to the rule is recorded: all of them, but for a reader of
// several projects the repository's alone.
func (r rule) recorded(all []target) []target {
	if r.reader != nil && len(all) != 1 {
		return []target{{repositoryID: r.reader.RepositoryID}}
	}
	return all
}
