package files

import (
	"context"
	"fmt"
	"time"

	"pyindex/internal/audit"
)

// alarmTime bounds the writing of an alarm, which a client's leaving does not stop.
const alarmTime = 10 * time.Second

// mismatch is the error of a download whose content is not that of the stated size and digest. It raises an alarm and
// blocks the file for a while. sum is the digest of the content, if it was read to its end.
func (d *download) mismatch(ctx context.Context, got, sum string) error {
	f := d.files
	f.counters.mismatches.Add(1)
	f.log.Error("an upstream sent other content than it states", "upstream", d.u.Name, "file", d.row.Filename,
		"stated", d.row.SHA256, "sent", got)
	until := f.changes.Clock().Add(f.times.block)
	f.alarm(ctx, d.row, "upstream.mismatch", map[string]any{"stated": d.row.SHA256, "sent": got},
		func(r *Row) bool {
			r.BlockedUntil = until
			if d.unstated && sum != "" {
				r.Changed = sum
			}
			return true
		})
	return d.wrong("it sent other content than it states for %s", d.row.Filename)
}

// changed raises an alarm, once for each digest, because an upstream states another digest for a file than before.
func (f *Files) changed(ctx context.Context, row Row, other string) {
	f.counters.changes.Add(1)
	if row.Changed == other {
		return
	}
	f.log.Error("an upstream states another digest for a file than before", "upstream", row.Upstream,
		"file", row.Filename, "known", row.SHA256, "stated", other)
	f.alarm(ctx, row, "upstream.changed", map[string]any{"known": row.SHA256, "stated": other},
		func(r *Row) bool {
			said := r.Changed == other
			r.Changed = other
			return !said
		})
}

// alarm writes an entry of the audit log and the change of the row that goes with it, if change returns true. Without a
// database the log alone has it.
func (f *Files) alarm(ctx context.Context, row Row, action string, detail map[string]any, change func(*Row) bool) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), alarmTime)
	defer stop()
	detail["upstream"] = row.Upstream
	e := audit.Entry{
		ID:       f.changes.NewID(),
		At:       f.changes.Clock(),
		Action:   action,
		Outcome:  audit.Refused,
		Actor:    audit.Actor{Name: fmt.Sprintf("upstream %s", row.Upstream)},
		Project:  row.Project,
		Filename: row.Filename,
		Detail:   detail,
	}
	anew := false
	row, err := f.change(ctx, row, func(_ Tx, now *Row) error { anew = change(now); return nil }, func(tx Tx) error {
		if !anew {
			return nil
		}
		return tx.InsertAudit(ctx, e)
	})
	if err != nil {
		f.log.Error("an alarm about an upstream's file cannot be recorded", "file", row.Filename, "error", err)
		return
	}
	f.remember(row)
}
