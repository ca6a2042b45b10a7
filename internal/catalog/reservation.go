package catalog

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// Reservation keeps names for projects of this index before anything is uploaded.
type Reservation struct {
	Pattern      string // a normalized name, or a normalized prefix
	Prefix       bool   // whether Pattern covers the names that continue it after a "-"; see packaging.NamePrefix
	RepositoryID string
	Why          string // ReservedByAdministrator or ReservedByPending
	Subject      string // id of the pending publisher, or ""
	Since        time.Time
	EndsAt       time.Time   // zero if it does not end by itself
	By           audit.Actor // kind, id and name
	Reason       string
}

// Values of Reservation.Why.
const (
	ReservedByAdministrator = "reserved"
	ReservedByPending       = "pending"
)

// Covers reports whether the reservation keeps a name.
func (r Reservation) Covers(name packaging.ProjectName) bool {
	if !r.Prefix {
		return r.Pattern == name.String()
	}
	prefix, err := packaging.ParseNamePrefix(r.Pattern)
	return err == nil && prefix.Covers(name)
}

// InForce reports whether the reservation has not ended.
func (r Reservation) InForce(now time.Time) bool { return r.EndsAt.IsZero() || now.Before(r.EndsAt) }

// Text returns the reserved name, or the prefix as people write it.
func (r Reservation) Text() string {
	if r.Prefix {
		return r.Pattern + "-*"
	}
	return r.Pattern
}

// NewReservation reserves names for a repository.
type NewReservation struct {
	Repository string
	Pattern    string // a prefix in any spelling: "acme" or "acme-*"
	Reason     string
	// EvenIfPublic reserves names although upstreams have some of them.
	EvenIfPublic bool
}

// Reserved is the outcome of Reserve.
type Reserved struct {
	Reservation
	Repository string
	Public     []string // reserved names that an upstream answered for, some of them at most
	Warning    string   // see Comparison.Warning; "" if there is nothing to say
}

// maxPublicNames limits the names that a refused reservation lists.
const maxPublicNames = 10

var errNoReservations = fault.New(fault.Denied,
	"only an administrator, with a token of scope admin, may reserve names")

// Reserve makes the names of a prefix own before anything is uploaded: the prefix itself, and the names that continue
// it after a "-". From the commit on, no upstream is asked about them, and only administrators create them in other
// repositories that do not reserve them too. It needs an administrator. It returns fault.Conflict if the repository
// reserves the prefix already, or if an upstream has answered for one of the names, or lists the prefix itself, unless
// EvenIfPublic is set.
func (x *Index) Reserve(ctx context.Context, who access.Caller, n NewReservation) (out Reserved, err error) {
	prefix, err := packaging.ParseNamePrefix(n.Pattern)
	if err != nil {
		return out, err
	}
	if strings.TrimSpace(n.Reason) == "" {
		return out, fault.InField("reason", "give a reason: it is shown with the reservation")
	}
	if err := checkReason(n.Reason); err != nil {
		return out, err
	}
	e := x.changes.Entry(who, "reservation.add", map[string]any{"names": prefix.Pattern(), "reason": n.Reason})
	if n.EvenIfPublic {
		e.Detail["even_if_public"] = true
	}
	if !who.Admin() {
		return out, x.changes.Deny(ctx, e, errNoReservations)
	}
	name, err := packaging.ParseProjectName(prefix.String())
	if err != nil {
		return out, err
	}
	compared := compare(ctx, x.public, name)
	err = x.changes.Update(ctx, who, e, func(tx Tx, who access.Caller) error {
		if !who.Admin() {
			return errNoReservations
		}
		r, err := tx.RepositoryByName(ctx, cmp.Or(n.Repository, MainRepository))
		if fault.Is(err, fault.NotFound) {
			return Missing("repository of that name")
		} else if err != nil {
			return err
		}
		by := audit.Actor{Kind: e.Actor.Kind, ID: e.Actor.ID, Name: e.Actor.Name}
		out = Reserved{
			Reservation: Reservation{
				Pattern: prefix.String(), Prefix: true, RepositoryID: r.ID, Why: ReservedByAdministrator, Since: e.At, By: by,
				Reason: n.Reason,
			},
			Repository: r.Name, Warning: compared.Warning(),
		}
		if out.Public, err = publicIn(ctx, tx, prefix, compared); err != nil {
			return err
		}
		if len(out.Public) > 0 && !n.EvenIfPublic {
			return fault.New(fault.Conflict,
				"upstreams have names of %s: %s; to reserve them nevertheless, so that they are no longer read from there, reserve them even if public (--even-if-public)",
				prefix.Pattern(), strings.Join(out.Public, ", "))
		}
		if err := tx.PutReservation(ctx, out.Reservation); fault.Is(err, fault.Conflict) {
			return fault.Wrap(fault.Conflict, err, "repository %s reserves %s already", r.Name, prefix.Pattern())
		} else if err != nil {
			return err
		}
		if _, err := tx.NextSerial(ctx); err != nil {
			return err
		}
		e := e
		e.Repository = r.ID
		return tx.InsertAudit(ctx, e)
	})
	return out, err
}

// publicIn returns names that a prefix covers and that are an upstream's, at most maxPublicNames.
func publicIn(ctx context.Context, tx Tx, prefix packaging.NamePrefix, compared Comparison) (out []string, err error) {
	if compared.By != "" {
		out = append(out, prefix.String())
	}
	err = eachName(ctx, tx, func(n Name) {
		if n.Origin == Foreign && prefix.Covers(n.Name) && len(out) < maxPublicNames &&
			!slices.Contains(out, n.Name.String()) {
			out = append(out, n.Name.String())
		}
	})
	return out, err
}

// Unreserve removes the reservation of a prefix for a repository. Names that were used meanwhile remain own. It needs
// an administrator, and returns fault.NotFound if the repository does not reserve the prefix.
func (x *Index) Unreserve(ctx context.Context, who access.Caller, repo, pattern string) error {
	prefix, err := packaging.ParseNamePrefix(pattern)
	if err != nil {
		return err
	}
	e := x.changes.Entry(who, "reservation.remove", map[string]any{"names": prefix.Pattern()})
	if !who.Admin() {
		return x.changes.Deny(ctx, e, errNoReservations)
	}
	return x.changes.Update(ctx, who, e, func(tx Tx, who access.Caller) error {
		if !who.Admin() {
			return errNoReservations
		}
		r, err := tx.RepositoryByName(ctx, cmp.Or(repo, MainRepository))
		if fault.Is(err, fault.NotFound) {
			return Missing("repository of that name")
		} else if err != nil {
			return err
		}
		did, err := tx.DeleteReservation(ctx, r.ID, prefix.String())
		if err != nil {
			return err
		}
		if !did {
			return fault.New(fault.NotFound, "repository %s does not reserve %s: index reserve list shows the reservations",
				r.Name, prefix.Pattern())
		}
		if _, err := tx.NextSerial(ctx); err != nil {
			return err
		}
		e := e
		e.Repository = r.ID
		return tx.InsertAudit(ctx, e)
	})
}

// NamedReservation is a reservation with the name of its repository.
type NamedReservation struct {
	Reservation
	Repository string
}

// Reservations returns the reservations in force, by pattern: those of administrators, and the names that pending
// publishers wait for. It returns fault.Denied unless the caller is an administrator.
func (x *Index) Reservations(ctx context.Context, who access.Caller) (out []NamedReservation, err error) {
	if !who.Admin() {
		return nil, errNoReservations
	}
	err = x.store.View(ctx, func(tx Tx) error {
		out = nil
		all, err := tx.Reservations(ctx)
		if err != nil {
			return err
		}
		names, err := repositoryNames(ctx, tx)
		for _, r := range all {
			if r.InForce(x.changes.Clock()) {
				out = append(out, NamedReservation{r, names[r.RepositoryID]})
			}
		}
		return err
	})
	return out, err
}

// AfterPending is how long the name of a pending publisher remains reserved after its end.
const AfterPending = KeepName
