package publishers

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/workload"
)

// ConstrainRequest is a request to narrow a publisher of a project.
type ConstrainRequest struct {
	ID         string            // of the publisher
	Repository string            // of this index; "" for main
	Project    string            // in any spelling
	Names      string            // instead of a project: the prefix of names that the publisher has in the repository
	Fields     map[string]string // to add; see Provider.Compile
	Kind       string            // replaces rules on claims by the fields of a platform's own kind; "" to keep the kind
}

// Constrain replaces a publisher of a project with a narrower one, in one transaction. Other projects keep the old
// publisher. If the project already has a publisher with the narrower rule, Constrain keeps that one. It returns
// fault.NotFound if the publisher is not one of the project's, or unless the caller owns the project or is an
// administrator. It returns fault.Invalid for a field that is malformed or already set, and if a rule on claims cannot
// be replaced by one of the requested kind. For the names of a repository, it returns fault.Denied unless the caller is
// an administrator.
func (r *Registry) Constrain(ctx context.Context, who access.Caller, req ConstrainRequest) (Added, error) {
	if err := CheckKnown(who); err != nil {
		return Added{}, err
	}
	var out Added
	if req.Names != "" {
		err := access.Update(ctx, r.store, who, func(tx Tx, who access.Caller) (err error) {
			out, err = r.constrainWide(ctx, tx, who, req)
			return err
		})
		return out, err
	}
	name, err := packaging.ParseProjectName(req.Project)
	if err != nil {
		return Added{}, err
	}
	err = access.Update(ctx, r.store, who, func(tx Tx, who access.Caller) error {
		project, err := ProjectFor(ctx, tx, who, req.Repository, name)
		if err != nil {
			return err
		}
		old, err := attachedPublisher(ctx, tx, project, req.ID)
		if err != nil {
			return err
		}
		stored := old
		if req.Kind != "" {
			if old, err = r.own(old, req.Kind); err != nil {
				return err
			}
		}
		p, err := r.narrowed(who, stored, old, req.Fields)
		if err != nil {
			return err
		}
		out, err = r.replace(ctx, tx, who, project, stored, p)
		return err
	})
	return out, err
}

func attachedPublisher(ctx context.Context, tx Tx, project catalog.Project, id string) (Publisher, error) {
	none := fault.New(fault.NotFound, "project %s has no publisher %.80q", project.Name, id)
	if id == "" {
		return Publisher{}, none // AttachedTo would return all for ""
	}
	links, err := tx.AttachedTo(ctx, id, project.ID)
	if err != nil || len(links) == 0 {
		return Publisher{}, cmp.Or(err, none)
	}
	return links[0].Publisher, nil
}

// own returns a publisher whose rules on claims are replaced by the fields of a platform's own kind. The fields may
// lack some that the kind requires.
func (r *Registry) own(p Publisher, kind string) (Publisher, error) {
	provider := r.providers[kind]
	if provider == nil || p.Provider != workload.Generic.Name() {
		return p, fault.New(fault.Invalid, "only a publisher of kind generic can get another kind, that of its platform")
	}
	if _, err := r.issuerFor(provider, p.Issuer); err != nil {
		return p, err
	}
	fields, err := provider.OfClaims(p.Fields)
	p.Provider, p.Fields = kind, fields
	return p, err
}

// narrowed returns old with more fields. stored is the row that it replaces, which may have another kind.
func (r *Registry) narrowed(who access.Caller, stored, old Publisher, more map[string]string) (Publisher, error) {
	provider := r.providers[old.Provider]
	if provider == nil {
		return old, fault.New(fault.Invalid, "unknown kind of publisher: %s", old.Provider)
	}
	fields := maps.Clone(old.Fields)
	if pin := provider.PinField(); pin != "" && old.OwnerID != "" && !strings.Contains(old.OwnerID, "/") {
		fields[pin] = old.OwnerID
	}
	for _, name := range slices.Sorted(maps.Keys(more)) {
		v := more[name]
		field, _ := provider.Field(name)
		if field.Renames {
			return old, fault.InField(name,
				"%s selects another workflow instead of narrowing this publisher: add another publisher, and remove this one", name)
		}
		key := cmp.Or(field.RuleName(), name)
		if has := fields[key]; v != "" && has != "" && has != v {
			return old, fault.InField(name, "the publisher already has %s %.100q: add another publisher, and remove this one",
				name, has)
		}
		if v != "" && fields[key] == "" && provider.Widens(name, v) {
			return old, fault.InField(name,
				"%s %.100q selects other jobs instead of narrowing this publisher: add another publisher, and remove this one",
				name, v)
		}
		if v != "" {
			fields[key] = v
		}
	}
	rule, err := provider.CompileNew(fields)
	if err != nil {
		return old, err
	}
	if stored.Provider != old.Provider {
		if err := provider.Implies(rule, stored.Fields); err != nil {
			return old, err
		}
	}
	p := old
	p.ID, p.Fields, p.Lookup, p.CreatedAt, p.CreatedBy = r.o.NewID(), rule.Fields, rule.Lookup, r.o.Now(), who.ID()
	if rule.OwnerID != "" {
		p.OwnerID = rule.OwnerID
	}
	if SameRule(p, stored) && p.OwnerID == stored.OwnerID {
		return old, fault.New(fault.Invalid,
			"the publisher has these fields already: add a field that it does not have")
	}
	return p, nil
}

func (r *Registry) replace(ctx context.Context, tx Tx, who access.Caller, project catalog.Project,
	old, p Publisher,
) (Added, error) {
	if _, err := tx.NextSerial(ctx); err != nil { // first, as in attach
		return Added{}, err
	}
	p, err := settled(ctx, tx, project, p)
	if err != nil {
		return Added{}, err
	}
	at := r.o.Now()
	link := Attached{Publisher: p, ProjectID: project.ID, Project: project.Name.String(), AddedAt: at, AddedBy: who.ID()}
	if err := AttachOnce(ctx, tx, link); err != nil {
		return Added{}, err
	}
	if _, err := tx.Detach(ctx, old.ID, project.ID); err != nil {
		return Added{}, err
	}
	added, removed := r.Detail(p), r.Detail(old)
	added["constrains"], removed["constrained_by"] = old.ID, p.ID
	if err := tx.InsertAudit(ctx, r.entry("publisher.add", who.Actor(), project, p.ID, at, added)); err != nil {
		return Added{}, err
	}
	return Added{
		ID: p.ID, Project: project.Name.String(), Provider: p.Provider, Issuer: p.Issuer, Sentence: r.Sentence(p),
		Fields: p.Fields, OwnerID: p.OwnerID, Unserved: r.unserved(p),
	}, tx.InsertAudit(ctx, r.entry("publisher.remove", who.Actor(), project, old.ID, at, removed))
}

// settled stores p, or returns the project's publisher with the same rule. It removes an unpinned copy of p, which
// would trust the next account that takes the owner's name.
func settled(ctx context.Context, tx Tx, project catalog.Project, p Publisher) (Publisher, error) {
	links, err := tx.AttachedTo(ctx, "", project.ID)
	if err != nil {
		return p, err
	}
	for _, l := range links {
		if q := l.Publisher; SameRule(p, q) && (p.OwnerID == "" || p.OwnerID == q.OwnerID) {
			return q, nil
		} else if SameRule(p, q) && q.OwnerID == "" {
			if _, err := tx.Detach(ctx, q.ID, project.ID); err != nil {
				return p, err
			}
		}
	}
	return tx.PutPublisher(ctx, p)
}
