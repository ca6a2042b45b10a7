package db

import (
	"sync"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// stmtSpill is the size in bytes up to which SQLite keeps in memory what undoes a savepoint or a statement. Its default
// of 64 kB is less than an upload changes: every update that joins a transaction would write a temporary file. It is
// written in one piece when it grows beyond, and SQLite writes at most 0x1ffff bytes at once: with a larger limit, it
// reports that the disk is full.
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
