package catalog

import (
	"context"
	"errors"
	"slices"
	"time"

	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// PublicNames compares names with the lists of names of public upstreams.
type PublicNames interface {
	// Listed returns the upstream whose list has a name. If none has it, known reports whether all public upstreams have
	// lists. It asks no upstream. It may read the database, so it is not called in a transaction.
	Listed(ctx context.Context, name packaging.ProjectName) (by string, listed, known bool)
}

// errPublicName marks refusals of names that belong to an upstream. The messages contain its text.
var errPublicName = errors.New("project name")

// IsPublicName reports whether an error refuses a new project because its name belongs to an upstream.
func IsPublicName(err error) bool { return errors.Is(err, errPublicName) }

// Comparison is the result of comparing a new name with the names of public upstreams. The zero Comparison is that of
// an index without upstreams.
type Comparison struct {
	name    packaging.ProjectName
	made    bool
	By      string // the upstream whose list has the name
	Unknown bool   // at least one upstream has no list, so that the name was not compared with its names
}

// Compare compares a new name with the names of public upstreams, for CheckNewName.
func (p NamePolicy) Compare(ctx context.Context, name packaging.ProjectName) Comparison {
	return compare(ctx, p.Public, name)
}

func compare(ctx context.Context, public PublicNames, name packaging.ProjectName) Comparison {
	if public == nil {
		return Comparison{}
	}
	by, listed, known := public.Listed(ctx, name)
	if !listed {
		by = ""
	}
	return Comparison{name: name, made: true, By: by, Unknown: !listed && !known}
}

// Warning returns a sentence for the creator of a project whose name was not compared, or "".
func (c Comparison) Warning() string {
	if !c.Unknown {
		return ""
	}
	return "the name " + c.name.String() +
		" was not compared with the names of every upstream: at least one has no list of its names"
}

// checkPublic returns fault.Denied if a new name belongs to an upstream: if one answered for it, or if it is on a list.
// Names that are own already are not compared. It returns fault.Unavailable if the comparison is needed and was not
// made.
func (p NamePolicy) checkPublic(ctx context.Context, tx Tx, n NewName) error {
	f, err := tx.NameFacts(ctx, n.Name, n.Repository.ID)
	if err != nil {
		return err
	}
	own, err := f.creatable(ctx, tx, n)
	switch {
	case err != nil, own, n.EvenIfPublic, p.Public == nil:
		return err
	case !n.Compared.made || n.Compared.name != n.Name:
		return fault.New(fault.Unavailable, "the name %s was released a moment ago; try again", n.Name)
	case n.Compared.By != "":
		return fault.Wrap(fault.Denied, errPublicName,
			"project name %s is taken: it is on the list of names of the upstream %s; choose another name, or ask an administrator to make it own (index origin set %s %s own --reason REASON)",
			n.Name, n.Compared.By, n.Repository.Name, n.Name)
	}
	return nil
}

// creatable decides whether a project of a name may be created in a repository. own is set if the name is this index's
// already, by more than a pending publisher that anybody could register.
func (f NameFacts) creatable(ctx context.Context, tx Tx, n NewName) (own bool, err error) {
	if i := slices.IndexFunc(f.Rulings, func(r Ruling) bool { return r.RepositoryID == n.Repository.ID }); i >= 0 {
		if n.Imported && f.Rulings[i].Origin == Adopted {
			return true, nil
		}
		return true, f.Rulings[i].checkUpload(n.Repository.Name)
	}
	if f.Name.Origin == Own {
		return true, nil
	}
	elsewhere := Reservation{}
	for _, r := range f.Reservations {
		switch {
		case !r.InForce(n.At):
		case r.Why == ReservedByPending:
			own = own || r.Reason != "" // an administrator's, made although the name is public
		case r.RepositoryID == n.Repository.ID:
			own = true
		default:
			elsewhere = r
		}
	}
	if own || n.EvenIfPublic {
		return own, nil
	}
	if elsewhere.Pattern != "" {
		return true, reservedElsewhere(ctx, tx, n, elsewhere)
	}
	if f.Name.Origin == Foreign {
		return false, errForeign(n.Repository.Name, n.Name, f.Name.Upstream)
	}
	return false, nil
}

// errForeign refuses a project of a name that an upstream answered first.
func errForeign(repository string, name packaging.ProjectName, upstream string) error {
	return fault.Wrap(fault.Denied, errPublicName,
		"project name %s belongs to the upstream %s, which answered for it first, so nothing can be uploaded to it here; choose another name, or ask an administrator to make it own (index origin set %s %s own --reason REASON)",
		name, upstream, repository, name)
}

// reservedElsewhere refuses a name that is reserved for other repositories, unless an administrator uses it.
func reservedElsewhere(ctx context.Context, tx Tx, n NewName, r Reservation) error {
	if n.User == "" {
		return nil
	}
	if n.User != NoUser {
		u, err := tx.UserByID(ctx, n.User)
		if err != nil && !fault.Is(err, fault.NotFound) || err == nil && u.Admin && u.Active() {
			return err
		}
	}
	return fault.New(fault.Denied,
		"project name %s is reserved for another repository: upload it there, or ask an administrator to reserve %s for %s too",
		n.Name, r.Text(), n.Repository.Name)
}

// checkUpload returns fault.Denied if a decision about a name forbids uploads.
func (r Ruling) checkUpload(repository string) error {
	switch r.Origin {
	case Foreign:
		return fault.New(fault.Denied,
			"an administrator decided that %s is read from an upstream in repository %s, so nothing can be uploaded to it; index origin set %s %s both --reason REASON would allow own versions too",
			r.Name, repository, repository, r.Name)
	case Adopted:
		return fault.New(fault.Denied, "repository %s offers the adopted files of %s alone, so nothing can be uploaded to it",
			repository, r.Name)
	}
	return nil
}

// MayUploadTo returns fault.Denied if an administrator decided that nothing is uploaded to a name in a repository. It
// returns the decision, or the zero Ruling if there is none.
func MayUploadTo(ctx context.Context, tx Tx, r Repository, name packaging.ProjectName) (Ruling, error) {
	d, err := tx.RulingOf(ctx, r.ID, name)
	if fault.Is(err, fault.NotFound) {
		return Ruling{}, nil
	}
	if err == nil {
		err = d.checkUpload(r.Name)
	}
	return d, err
}

// Takes returns fault.Denied if the versions that may be uploaded to a name of origin Both do not include v.
func (r Ruling) Takes(v packaging.Version) error {
	if r.Origin != Both {
		return nil
	}
	if r.Versions == "" {
		if v.HasLocal() {
			return nil
		}
		return fault.New(fault.Denied,
			"%s is read from an upstream too, so only local versions of it can be uploaded, such as %s+local.1; an administrator can allow others (index origin set --versions)",
			r.Name, v.Public())
	}
	some, err := packaging.ParseSpecifiers(r.Versions)
	if err == nil && some.Contains(v) {
		return nil
	}
	return fault.New(fault.Denied,
		"%s is read from an upstream too, and only versions %s of it can be uploaded; an administrator can allow others (index origin set --versions)",
		r.Name, r.Versions)
}

// ownName records that a new project's name is own, unless a decision shares it with an upstream.
func ownName(ctx context.Context, tx Tx, r Repository, n Name) error {
	f, err := tx.NameFacts(ctx, n.Name, r.ID)
	if err != nil {
		return err
	}
	shared := slices.ContainsFunc(f.Rulings, func(d Ruling) bool { return d.RepositoryID == r.ID && d.Origin != Own })
	switch {
	case shared:
		return nil
	case f.Name.Origin == Foreign:
		return tx.ReplaceName(ctx, n)
	}
	return tx.PutName(ctx, n)
}

// NewName is the name of a new project.
type NewName struct {
	Repository Repository
	Name       packaging.ProjectName
	User       string // user id; "" is the operator, and NoUser a workload
	At         time.Time
	Compared   Comparison // by Compare, before the transaction
	// EvenIfPublic is set for an administrator who takes a name that belongs to an upstream.
	EvenIfPublic bool
	Imported     bool // see NewProject
}
