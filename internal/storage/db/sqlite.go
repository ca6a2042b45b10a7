package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"

	"pyindex/internal/fault"
)

// SQLite error codes. The low byte of an extended code is its class.
const (
	sqliteBusy       = 5
	sqliteLocked     = 6
	sqliteReadOnly   = 8
	sqliteIOError    = 10
	sqliteCorrupt    = 11
	sqliteFull       = 13
	sqliteCantOpen   = 14
	sqliteNotADB     = 26
	sqliteUnique     = 2067
	sqlitePrimaryKey = 1555
)

var sqliteDialect = dialect{
	goose:    goose.DialectSQLite3,
	view:     &sql.TxOptions{ReadOnly: true},
	update:   &sql.TxOptions{},
	detach:   true,
	watch:    watchSQLite,
	next:     moveCounter,
	remember: rememberMark,
	params:   60, // the driver searches all of them for each one
	hints:    noHints,
	check:    checkSQLite,
	lock:     func(context.Context, *sql.DB) (func(), error) { return func() {}, nil },
	tries:    40, // each attempt costs at most one migration, with a few processes and a few dozen migrations
	sort:     sortSQLite,
	cut:      func(error) bool { return false },

	// Foreign keys are enforced, but not for a file that was damaged, or changed by other programs.
	broken: `SELECT "table" || ' ' || COALESCE(rowid, 0) || ' ' || fkid AS id, 'a row of ' || "table" AS subject,
		'it refers to a row of ' || parent || ' that does not exist' AS problem, '' AS project FROM pragma_foreign_key_check`,
	size: sizeSQLite, text: sqliteText, words: sqliteWords, putWords: putSQLiteWords, matching: matchSQLite,
	rank: rankSQLite, elements: `json_each(%s)`,
	clustered: ` WITHOUT ROWID`, computesKeys: true, blobPrimary: `part, sha256, generation`, blobs: sqliteBlobs, marks: sqliteMarks(),
	lean: sqliteLean, merge: sqliteMerge, undo: `PRAGMA temp_store = MEMORY`,

	quarantined: `files q INDEXED BY files_quarantined`, // its planner would read all files of the release
}

// connectSQLite opens a file twice: one connection for writing and several for reading.
func connectSQLite(path string, o Options) (*DB, error) {
	keepUndoInMemory()
	path, err := makeFile(strings.TrimPrefix(path, "//"))
	if err != nil {
		return nil, err
	}
	d := &DB{dialect: sqliteDialect, options: o, path: path}
	if d.file, err = watchFile(path); err != nil {
		return nil, err
	}
	if d.write, err = d.openSQLite(writerQuery, 1, true); err != nil {
		return nil, err
	}
	if d.read, err = d.openSQLite(readerQuery, o.Conns, false); err != nil {
		return nil, err
	}
	c, err := sqlite.NewConnector(sqliteName(path, checkpointQuery))
	if err != nil {
		return nil, err
	}
	d.checkpoints = &checkpoints{conns: pool(connector{Connector: c, life: &d.life}, 1)}
	return d, nil
}

// watchSQLite opens the file once more to watch the serial.
func watchSQLite(ctx context.Context, d *DB) error {
	c, err := sqlite.NewConnector(sqliteName(d.path, readerQuery))
	if err != nil {
		return err
	}
	d.watcher, err = watch(ctx, c, d)
	return err
}

// wakeSQLite opens the file as a writer does, so that readers find its write-ahead log. The caller closes the result.
func wakeSQLite(ctx context.Context, path string) (io.Closer, error) {
	c, err := sqlite.NewConnector(sqliteName(path, writerQuery))
	if err != nil {
		return nil, err
	}
	conn, err := c.Connect(ctx)
	if err != nil {
		return nil, err
	}
	s, err := prepareRaw(conn, `SELECT value FROM counters WHERE name = 'serial'`)
	if err == nil {
		_, err = number(ctx, s)
		err = errors.Join(err, s.(driver.Stmt).Close())
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// writerQuery uses immediate transactions because a deferred transaction that reads first fails when another writes. It
// uses synchronous FULL because in WAL mode NORMAL may lose an acknowledged commit on a power failure. The writer copies
// the log into the file itself only if it grows to 64 MB; see checkpoints. A cache of 8 MB, of what a large database
// needs, holds the inner pages of its indexes; the default is 2 MB.
var writerQuery = url.Values{
	"_txlock": {"immediate"},
	"_pragma": {
		"busy_timeout(5000)", "journal_mode(wal)", "synchronous(full)", "foreign_keys(1)", "journal_size_limit(67108864)",
		"wal_autocheckpoint(16000)", "cache_size(-8000)",
	},
}

// checkpointQuery is for the connection that copies the log. Its synchronous is that of the file after a copy.
var checkpointQuery = url.Values{
	"_pragma": {"busy_timeout(0)", "synchronous(full)", "journal_size_limit(67108864)"},
}

var readerQuery = url.Values{
	"mode":    {"ro"},
	"_pragma": {"busy_timeout(5000)", "query_only(1)"},
}

// openSQLite returns a pool of n connections (4 if n is 0) that stay open.
func (d *DB) openSQLite(query url.Values, n int, writer bool) (*sql.DB, error) {
	if n == 0 {
		n = 4
	}
	inner, err := sqlite.NewConnector(sqliteName(d.path, query))
	if err != nil {
		return nil, err
	}
	return pool(connector{Connector: inner, hook: d.options.Hook, life: &d.life, writer: writer, keep: true}, n), nil
}

// sqliteName returns the SQLite URI of a file and its options.
func sqliteName(path string, query url.Values) string {
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: query.Encode()}
	return u.String()
}

// pool returns a pool that keeps all its connections open.
func pool(c driver.Connector, n int) *sql.DB {
	out := sql.OpenDB(c)
	out.SetMaxOpenConns(n)
	out.SetMaxIdleConns(n)
	return out
}

// makeFile creates the file and its folder, accessible only by their owner, and returns the absolute path.
func makeFile(path string) (string, error) {
	if path == "" || strings.HasPrefix(path, ":") {
		return "", fault.New(fault.Invalid, "sqlite: requires a file path, such as sqlite:/var/lib/index/index.db")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", fault.Wrap(fault.Invalid, err, "the database's folder cannot be created: %v", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return "", fault.Wrap(fault.Invalid, err, "the database file cannot be opened: %v", err)
	}
	return path, f.Close()
}

// checkSQLite rejects files that are not a database, and disks on which the write-ahead log does not work.
func checkSQLite(ctx context.Context, write *sql.DB) error {
	var mode string
	err := write.QueryRowContext(ctx, `PRAGMA journal_mode`).Scan(&mode)
	if e, ok := errors.AsType[*sqlite.Error](err); ok && e.Code()&0xff == sqliteNotADB {
		return fault.Wrap(fault.Invalid, err,
			"the file is not a database: specify the path of an index's database, or of a file that does not exist")
	}
	if err != nil {
		return err
	}
	if mode != "wal" {
		return fault.New(fault.Invalid,
			"SQLite's write-ahead log does not work at the database file's location: move the file to a local disk")
	}
	return nil
}

func sortSQLite(err error) failure {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return unknown
	}
	switch e.Code() {
	case sqliteUnique, sqlitePrimaryKey:
		return taken
	}
	switch e.Code() & 0xff {
	case sqliteBusy, sqliteLocked:
		return again
	case sqliteReadOnly, sqliteIOError, sqliteFull, sqliteCantOpen, sqliteCorrupt, sqliteNotADB:
		return down
	}
	return unknown
}
