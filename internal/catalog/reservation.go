package catalog

import (
	"time"

	"pyindex/internal/audit"
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
