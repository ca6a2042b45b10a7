package db

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"pyindex/internal/audit"
	"pyindex/internal/catalog"
)

func (t *Tx) InsertAudit(ctx context.Context, e audit.Entry) error {
	return t.insertAudit(ctx, e, "")
}

// CountAudit implements audit.Rows. The subject of the row is a list. A subject that the list does not contain yet is
// appended.
func (t *Tx) CountAudit(ctx context.Context, e audit.Entry) error {
	return t.insertAudit(ctx, e, ` ON CONFLICT (id) DO UPDATE SET more = audit.more + 1, subject = CASE
		WHEN LENGTH(audit.subject) > 200 OR REPLACE(' ' || audit.subject || ' ', ' ' || excluded.subject || ' ', '') <> ' ' || audit.subject || ' '
		THEN audit.subject ELSE TRIM(audit.subject || ' ' || excluded.subject) END`)
}

func (t *Tx) insertAudit(ctx context.Context, e audit.Entry, conflict string) error {
	detail, err := encode(brief(e))
	if err != nil {
		return err
	}
	a := e.Actor
	_, err = t.exec(ctx, `INSERT INTO audit (`+auditColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`+conflict,
		e.ID, micros(e.At), e.Action, string(e.Outcome), a.Kind, a.ID, a.Name, a.TokenID, a.Address, a.RequestID,
		e.Repository, e.Project, e.Version, e.Filename, e.Subject, detail, int64(e.More))
	return err
}

// DeleteAuditBefore implements audit.Rows. The indexes by time find the oldest entries. The outcome is written out
// because the partial index of refusals covers only that outcome.
func (t *Tx) DeleteAuditBefore(ctx context.Context, outcome audit.Outcome, before time.Time, limit int) (int64, error) {
	which := ""
	switch outcome {
	case audit.Refused:
		which = ` AND outcome = 'refused'`
	case audit.Granted:
		which = ` AND outcome = 'granted'`
	}
	return t.exec(ctx, `DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < $1`+which+
		` ORDER BY at, id LIMIT $2)`, micros(before), limit)
}

const auditColumns = `id, at, action, outcome, actor_kind, actor_id, actor_name, token_id, address, request_id,
	repository_id, project, version, filename, subject, detail, more`

func scanAudit(r row) (audit.Entry, error) {
	var e audit.Entry
	var at int64
	var detail string
	a := &e.Actor
	err := r.Scan(&e.ID, &at, &e.Action, &e.Outcome, &a.Kind, &a.ID, &a.Name, &a.TokenID, &a.Address, &a.RequestID,
		&e.Repository, &e.Project, &e.Version, &e.Filename, &e.Subject, &detail, &e.More)
	if err != nil {
		return e, err
	}
	e.At = moment(at)
	if err := decode(detail, &e.Detail); err != nil {
		return e, err
	}
	full(e)
	return e, nil
}

// sameUploader stands for an uploader in the detail of an entry whose actor it is.
const sameUploader = "actor"

// brief returns the detail of an entry as it is stored. Most entries are those of uploads by a user, and would contain
// the actor twice.
func brief(e audit.Entry) map[string]any {
	u, ok := e.Detail["uploader"].(catalog.Uploader)
	if !ok || len(u.Claims) > 0 || u.Kind != e.Actor.Kind || u.ID != e.Actor.ID || u.Name != e.Actor.Name ||
		u.TokenID != e.Actor.TokenID {
		return e.Detail
	}
	out := maps.Clone(e.Detail)
	out["uploader"] = sameUploader
	if warnings, ok := out["warnings"].([]string); ok && warnings == nil {
		delete(out, "warnings")
	}
	if out["attested"] == false {
		delete(out, "attested")
	}
	return out
}

// full reverses brief.
func full(e audit.Entry) {
	if e.Detail["uploader"] != sameUploader {
		return
	}
	u := map[string]any{"kind": e.Actor.Kind}
	for name, v := range map[string]string{"id": e.Actor.ID, "name": e.Actor.Name, "token_id": e.Actor.TokenID} {
		if v != "" {
			u[name] = v
		}
	}
	e.Detail["uploader"] = u
	for name, v := range map[string]any{"warnings": nil, "attested": false} {
		if _, ok := e.Detail[name]; !ok {
			e.Detail[name] = v
		}
	}
}

// Entries implements audit.Rows. If a filter names several actions and no project, each action is read separately. The
// index orders the entries of one action only, so reading several at once would sort all of them.
func (t *Tx) Entries(ctx context.Context, f audit.Filter) (all []audit.Entry, err error) {
	if len(f.Actions) < 2 || f.Project != "" {
		return t.entries(ctx, f)
	}
	one := f
	for _, action := range slices.Compact(slices.Sorted(slices.Values(f.Actions))) {
		one.Actions = []string{action}
		some, err := t.entries(ctx, one)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	slices.SortFunc(all, func(a, b audit.Entry) int { return cmp.Or(b.At.Compare(a.At), cmp.Compare(b.ID, a.ID)) })
	return all[:min(len(all), f.Limit)], nil
}

func (t *Tx) entries(ctx context.Context, f audit.Filter) ([]audit.Entry, error) {
	q, args := entryQuery(f)
	if err := legible(args); err != nil {
		return nil, nil // text that cannot be stored matches nothing
	}
	return many(ctx, t, scanAudit, q, args...)
}

// entryQuery compares only the columns in the filter, so that an index is used.
func entryQuery(f audit.Filter) (string, []any) {
	q := asked{args: []any{f.Limit}}
	q.equal("repository_id", f.RepositoryID)
	q.equal("project", f.Project)
	q.equal("version", f.Version)
	q.equal("outcome", string(f.Outcome))
	q.equal("address", f.Address)
	q.equal("actor_name", f.Actor)
	q.equal("actor_id", f.ActorID)
	if f.WithToken {
		q.and("token_id <> ''")
	}
	if f.NotActorID != "" {
		q.and("actor_id <> %s", f.NotActorID)
	}
	q.oneOf("action", "IN", f.Actions)
	q.oneOf("action", "NOT IN", f.Without)
	if f.Text != "" {
		text := auditText
		if f.Discreet {
			text = discreetText
		}
		q.and(text+" LIKE %s ESCAPE '!'", "%"+likeText.Replace(strings.ToLower(f.Text))+"%")
	}
	if !f.Since.IsZero() {
		q.and("at >= %s", micros(f.Since))
	}
	if !f.Until.IsZero() {
		q.and("at < %s", micros(f.Until))
	}
	if !f.After.IsZero() {
		q.and("(at, id) < (%s, %s)", micros(f.After.At), f.After.ID)
	}
	return `SELECT ` + auditColumns + ` FROM audit` + q.where + ` ORDER BY at DESC, id DESC LIMIT $1`, q.args
}

// auditText is the text that a filter's words are searched in. SQLite lowers only ASCII, so both sides are lowered as
// far as SQLite can. The ids of an uploader are not in the detail if it is the actor.
const auditText = `LOWER(action || ' ' || actor_name || ' ' || project || ' ' || version || ' ' || filename || ' ' || subject || ' ' || detail
	|| CASE WHEN action = 'file.add' THEN ' ' || actor_kind || ' ' || actor_id || ' ' || token_id ELSE '' END)`

// discreetText is auditText for readers who may not see all claims and reasons. A search must not reveal the hidden
// ones.
const discreetText = `LOWER(action || ' ' || actor_name || ' ' || project || ' ' || version || ' ' || filename || ' ' || subject || ' ' ||
	CASE WHEN action IN ('publisher.exchange', 'project.create', 'file.quarantine') OR action = 'file.add' AND outcome = 'granted' THEN '' ELSE detail END)`

// likeText escapes the wildcards of LIKE.
var likeText = strings.NewReplacer("!", "!!", "%", "!%", "_", "!_")

// asked collects the optional conditions of a query.
type asked struct {
	where string
	args  []any
}

// and adds a condition with one %s verb for each argument.
func (q *asked) and(condition string, args ...any) {
	places := make([]any, len(args))
	for i, a := range args {
		q.args = append(q.args, a)
		places[i] = fmt.Sprintf("$%d", len(q.args))
	}
	q.where += map[bool]string{true: " WHERE ", false: " AND "}[q.where == ""] + fmt.Sprintf(condition, places...)
}

// equal compares a column with a value unless the value is empty.
func (q *asked) equal(column, value string) {
	if value != "" {
		q.and(column+" = %s", value)
	}
}

// oneOf compares a column with several values, if there are any.
func (q *asked) oneOf(column, how string, values []string) {
	if len(values) == 0 {
		return
	}
	args := make([]any, len(values))
	for i, v := range values {
		args[i] = v
	}
	q.and(column+" "+how+" ("+strings.TrimSuffix(strings.Repeat("%s, ", len(values)), ", ")+")", args...)
}

// Audit returns the newest entries of the audit log, newest first, at most limit.
func (d *DB) Audit(ctx context.Context, limit int) (out []audit.Entry, err error) {
	err = d.view(ctx, func(t *Tx) (err error) {
		out, err = many(ctx, t, scanAudit, `SELECT `+auditColumns+` FROM audit ORDER BY at DESC, id DESC LIMIT $1`, limit)
		return err
	})
	return out, err
}
