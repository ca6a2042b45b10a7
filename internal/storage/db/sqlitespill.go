package db

import (
	"context"
	"sync"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// stmtSpill is the size in bytes up to which SQLite keeps in memory what undoes a savepoint or a statement. Beyond, it
// writes a temporary file. Its default of 64 kB is much less than an upload changes. It is written in one piece when it
// grows beyond, and SQLite writes at most 0x1ffff bytes at once: with a larger limit, it reports that the disk is full.
// See keepUndo for updates that join a transaction.
const stmtSpill = 0x1ffff

// keepUndoInMemory sets stmtSpill for the process. SQLite refuses that once a database was opened by other means, and
// keeps its default then.
var keepUndoInMemory = sync.OnceFunc(func() {
	tls := libc.NewTLS()
	defer tls.Close()
	args := libc.Xmalloc(tls, 8)
	if args == 0 {
		return
	}
	defer libc.Xfree(tls, args)
	sqlite3.Xsqlite3_config(tls, sqlite3.SQLITE_CONFIG_STMTJRNL_SPILL, libc.VaList(args, int32(stmtSpill)))
})

// keepUndo makes the writer keep in memory all that undoes its updates, once some shared a transaction. An upload changes
// more than stmtSpill, so each that joins a transaction would write a temporary file, half of all that it writes. Commands
// such as a restore, which change most of a database at once, share none and keep the limit. The caller has the turn.
func (d *DB) keepUndo(j *joint) {
	now := d.life.now() + 1
	if d.dialect.undo == "" || j.size == 1 || j.err != nil || d.undoes.Load() == now {
		return
	}
	if _, err := j.t.conn.ExecContext(context.Background(), d.dialect.undo); err == nil { // else with the next one
		d.undoes.Store(now)
	}
}
