package db

import (
	"context"
	"fmt"
	"strings"
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// Kinds of row in NameFacts.
const (
	nameFact     = "name"
	sourceFact   = "source"
	rulingFact   = "ruling"
	reservedFact = "reserved" // of exactly the name
	prefixFact   = "prefix"
)

// nameFacts selects everything about a name with one question. $1 is the name, $2 a repository; the patterns of the
// prefixes that cover the name are inserted.
const nameFacts = `
	SELECT '` + nameFact + `' AS fact, '' AS place, origin, upstream AS pattern, why, '' AS subject, since, 0 AS ends_at,
		by_kind, by_id, by_name, '' AS reason, FALSE AS private FROM names WHERE name = $1
	UNION ALL SELECT '` + sourceFact + `', repository_id, '', upstream, '', '', since, 0, '', '', '', '', private
		FROM name_sources WHERE repository_id = $2 AND name = $1
	UNION ALL SELECT '` + rulingFact + `', repository_id, origin, versions, '', '', since, 0, by_kind, by_id, by_name, why,
		FALSE FROM name_rulings WHERE name = $1
	UNION ALL SELECT CASE WHEN is_prefix THEN '` + prefixFact + `' ELSE '` + reservedFact + `' END, repository_id, '', pattern,
		why, subject, since, ends_at, by_kind, by_id, by_name, reason, FALSE
		FROM reservations WHERE pattern = $1 AND NOT is_prefix OR pattern IN (%s) AND is_prefix`

// NameFacts implements catalog.Tx.
func (t *Tx) NameFacts(ctx context.Context, name packaging.ProjectName,
	repositoryID string,
) (catalog.NameFacts, error) {
	args := []any{name.String(), repositoryID}
	var places []string
	for i, c := range name.String() + "-" {
		if c == '-' {
			args = append(args, name.String()[:i])
			places = append(places, fmt.Sprintf("$%d", len(args)))
		}
	}
	var f catalog.NameFacts
	err := t.query(ctx, func(r row) error { return addFact(&f, r, name) },
		fmt.Sprintf(nameFacts, strings.Join(places, ", ")), args...)
	return f, err
}

func addFact(f *catalog.NameFacts, r row, name packaging.ProjectName) error {
	var fact, origin string
	var since, ends int64
	var private bool
	var v catalog.Reservation // has a place for all the rest
	err := r.Scan(&fact, &v.RepositoryID, &origin, &v.Pattern, &v.Why, &v.Subject, &since, &ends, &v.By.Kind, &v.By.ID,
		&v.By.Name, &v.Reason, &private)
	if err != nil {
		return err
	}
	v.Since, v.EndsAt = moment(since), moment(ends)
	switch fact {
	case nameFact:
		f.Name = catalog.Name{
			Name: name, Origin: catalog.Origin(origin), Upstream: v.Pattern, Since: v.Since, By: v.By, Why: v.Why,
		}
	case sourceFact:
		f.Source = catalog.NameSource{Upstream: v.Pattern, Private: private}
	case rulingFact:
		f.Rulings = append(f.Rulings, catalog.Ruling{
			RepositoryID: v.RepositoryID, Name: name, Origin: catalog.Origin(origin), Versions: v.Pattern, Since: v.Since,
			By: v.By, Why: v.Reason,
		})
	case reservedFact, prefixFact:
		v.Prefix = fact == prefixFact
		f.Reservations = append(f.Reservations, v)
	default:
		return fault.New(fault.Internal, "a row about the name %s is a %q", name, fact)
	}
	return nil
}

// PutNameSource implements catalog.Tx.
func (t *Tx) PutNameSource(ctx context.Context, repositoryID string, name packaging.ProjectName, s catalog.NameSource,
	at time.Time,
) error {
	_, err := t.exec(ctx,
		`INSERT INTO name_sources (repository_id, name, upstream, private, since) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (repository_id, name) DO UPDATE SET upstream = excluded.upstream, private = excluded.private,
		since = excluded.since`, repositoryID, name.String(), s.Upstream, s.Private, micros(at))
	return err
}

const reservationColumns = `pattern, is_prefix, repository_id, why, subject, since, ends_at, by_kind, by_id, by_name, reason`

// PutReservation implements catalog.Tx.
func (t *Tx) PutReservation(ctx context.Context, r catalog.Reservation) error {
	return t.insert(ctx, "a reservation of "+r.Pattern, `INSERT INTO reservations (`+reservationColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING`, r.Pattern, r.Prefix, r.RepositoryID,
		r.Why, r.Subject, micros(r.Since), micros(r.EndsAt), r.By.Kind, r.By.ID, r.By.Name, r.Reason)
}

func scanReservation(r row) (v catalog.Reservation, err error) {
	var since, ends int64
	err = r.Scan(&v.Pattern, &v.Prefix, &v.RepositoryID, &v.Why, &v.Subject, &since, &ends, &v.By.Kind, &v.By.ID,
		&v.By.Name,
		&v.Reason)
	v.Since, v.EndsAt = moment(since), moment(ends)
	return v, err
}

// Reservations implements catalog.Tx.
func (t *Tx) Reservations(ctx context.Context) ([]catalog.Reservation, error) {
	return many(ctx, t, scanReservation, `SELECT `+reservationColumns+` FROM reservations
		ORDER BY pattern, repository_id, why, subject`)
}

// DeleteReservation implements catalog.Tx.
func (t *Tx) DeleteReservation(ctx context.Context, repositoryID, prefix string) (bool, error) {
	return t.did(ctx, `DELETE FROM reservations WHERE repository_id = $1 AND pattern = $2 AND is_prefix AND why = $3`,
		repositoryID, prefix, catalog.ReservedByAdministrator)
}

// EndReservations implements catalog.Tx.
func (t *Tx) EndReservations(ctx context.Context, subject string, at time.Time) error {
	_, err := t.exec(ctx, `UPDATE reservations SET ends_at = $2 WHERE why = $3 AND subject = $1
		AND (ends_at = 0 OR ends_at > $2)`, subject, micros(at), catalog.ReservedByPending)
	return err
}

// MoveReservations implements catalog.Tx.
func (t *Tx) MoveReservations(ctx context.Context, fromID, toID string) error {
	_, err := t.exec(ctx, `INSERT INTO reservations (`+reservationColumns+`) SELECT pattern, is_prefix, $2, why, subject,
		since, ends_at, by_kind, by_id, by_name, reason FROM reservations WHERE repository_id = $1 ON CONFLICT DO NOTHING`,
		fromID, toID)
	if err == nil {
		_, err = t.exec(ctx, `DELETE FROM reservations WHERE repository_id = $1`, fromID)
	}
	return err
}

const rulingColumns = `repository_id, name, origin, versions, since, by_kind, by_id, by_name, why`

func scanRuling(r row) (v catalog.Ruling, err error) {
	var name string
	var since int64
	err = r.Scan(&v.RepositoryID, &name, &v.Origin, &v.Versions, &since, &v.By.Kind, &v.By.ID, &v.By.Name, &v.Why)
	if err != nil {
		return v, err
	}
	v.Since = moment(since)
	v.Name, err = packaging.ParseProjectName(name)
	return v, err
}

// PutRuling implements catalog.Tx.
func (t *Tx) PutRuling(ctx context.Context, r catalog.Ruling) error {
	_, err := t.exec(ctx, `INSERT INTO name_rulings (`+rulingColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (repository_id, name) DO UPDATE SET origin = excluded.origin, versions = excluded.versions,
		since = excluded.since, by_kind = excluded.by_kind, by_id = excluded.by_id, by_name = excluded.by_name,
		why = excluded.why`,
		r.RepositoryID, r.Name.String(), string(r.Origin), r.Versions, micros(r.Since), r.By.Kind, r.By.ID, r.By.Name, r.Why)
	return err
}

// RulingOf implements catalog.Tx.
func (t *Tx) RulingOf(ctx context.Context, repositoryID string, name packaging.ProjectName) (catalog.Ruling, error) {
	return one(ctx, t, "decision about a name", scanRuling, `SELECT `+rulingColumns+` FROM name_rulings
		WHERE repository_id = $1 AND name = $2`, repositoryID, name.String())
}

// Rulings implements catalog.Tx.
func (t *Tx) Rulings(ctx context.Context) ([]catalog.Ruling, error) {
	return many(ctx, t, scanRuling, `SELECT `+rulingColumns+` FROM name_rulings ORDER BY name, repository_id`)
}
