package exchange

import (
	"context"
	"fmt"
	"slices"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/publishers"
)

// mint creates the token for the places of the rules, with audit entries.
func (m *Minter) mint(ctx context.Context, tx publishers.Tx, a attempt, trusted []rule) (Minted, error) {
	secret, sentence := access.NewToken(), m.registry.Sentence(trusted[0].Publisher)
	life := m.o.Lifetime
	if a.want.Single {
		life = min(life, singleLifetime)
	}
	t := access.Token{
		ID:          m.rules.NewID(),
		Kind:        access.TokenMinted,
		Hash:        access.HashToken(secret),
		Scope:       a.want.Scope,
		Description: terms[a.want.Scope].minted + sentence,
		Limited:     true,
		CreatedAt:   a.at,
		ExpiresAt:   a.at.Add(life).Truncate(time.Second),
		Publisher:   sentence,
		Claims:      bounded(a.claims),
		SingleUse:   a.want.Single,
	}
	if err := tx.InsertToken(ctx, t); err != nil {
		return Minted{}, err
	}
	places, shared := make([][]target, len(trusted)), false
	for i, r := range trusted {
		if r.scope() != t.Scope {
			return Minted{}, fmt.Errorf("rule %s gives another scope than was asked for", r.ID)
		}
		var err error
		if places[i], err = targets(ctx, tx, r); err != nil {
			return Minted{}, err
		}
		shared = shared || slices.ContainsFunc(places[i], func(p target) bool { return p.names != "" })
	}
	good := map[target]bool{}
	for i, r := range trusted {
		if err := m.bind(ctx, tx, a, t.ID, binding{r, places[i], shared}, good); err != nil {
			return Minted{}, err
		}
	}
	if len(good) == 0 {
		return Minted{}, noRule(t.Scope, "its "+terms[t.Scope].rule+" is attached to no project any more")
	}
	out := Minted{Token: secret, Expires: t.ExpiresAt}
	for t := range good {
		if err := out.name(ctx, tx, t); err != nil {
			return Minted{}, err
		}
	}
	slices.Sort(out.Projects)
	slices.Sort(out.Repositories)
	slices.Sort(out.Names)
	out.Projects = slices.Compact(out.Projects) // the same name in several repositories
	return out, nil
}

// binding is what a token gets by a rule.
type binding struct {
	rule
	places []target
	shared bool // by this rule or another one, the token also covers names of a repository
}

// bind gives a token access to the places of a rule, as long as the rule exists. If several publishers share a project,
// the grant is recorded once, for the first of them, and lasts until the last of them is removed.
func (m *Minter) bind(ctx context.Context, tx publishers.Tx, a attempt, tokenID string, r binding,
	good map[target]bool,
) (err error) {
	if r.reader != nil {
		err = tx.InsertTokenReader(ctx, tokenID, r.ID)
	}
	for _, t := range r.places {
		if err == nil && t.namesID != "" {
			err = tx.InsertTokenNames(ctx, tokenID, t.namesID)
		} else if err == nil && r.reader == nil {
			err = tx.InsertTokenProject(ctx, access.TokenProject{TokenID: tokenID, ProjectID: t.projectID, PublisherID: r.ID})
		}
	}
	if err != nil {
		return err
	}
	for _, t := range r.recorded(r.places) {
		if good[t] && r.reader == nil {
			continue
		}
		e := m.minted(a, r.rule, tokenID)
		if r.shared && t.project != "" {
			e.Detail[DetailShared] = true
		}
		if err := m.insert(ctx, tx, e, t); err != nil {
			return err
		}
	}
	for _, t := range r.places {
		good[t] = true
	}
	return nil
}

// name adds the name of a target to the result.
func (out *Minted) name(ctx context.Context, tx publishers.Tx, t target) error {
	if t.projectID != "" {
		out.Projects = append(out.Projects, t.project)
		return nil
	}
	repo, err := publishers.RepositoryByID(ctx, tx, t.repositoryID)
	if t.names != "" {
		out.Names = append(out.Names, repo.Name+"/"+t.names)
	} else {
		out.Repositories = append(out.Repositories, repo.Name)
	}
	return err
}
