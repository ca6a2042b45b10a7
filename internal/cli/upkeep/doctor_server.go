package upkeep

import (
	"cmp"
	"fmt"
	"net/url"
	"strings"
	"time"

	"pyindex/internal/config"
	"pyindex/internal/storage/blobs"
	"pyindex/internal/storage/db"
	"pyindex/internal/terminal"
)

// Bounds of the checks of a server and its database.
const (
	clockOff      = 2 * time.Second  // identity tokens are accepted with a leeway of some seconds
	clockWrong    = 30 * time.Second // beyond any leeway
	shortQueries  = time.Minute      // a shorter statement_timeout ends backups
	diskLow       = 10               // percent of the disk
	diskFull      = 3
	oldBackup     = 48 * time.Hour // a daily backup may take a while
	backupCommand = "index backup FOLDER"
)

// settings checks the settings of the database that matter to the index.
func (d *localDoctor) settings(rows *db.DB) {
	const check = "database settings"
	s, err := rows.Settings(d.Ctx)
	if err != nil {
		d.found.Fail(check, "", "%s", said(err))
		return
	}
	before := len(d.found)
	if s.Postgres {
		d.postgres(check, s)
	} else {
		d.sqlite(check, s)
	}
	switch {
	case len(d.found) > before:
	case s.Postgres:
		d.found.OK(check, "%d of %d connections are in use, and the others are fine too", s.Connections, s.MaxConnections)
	default:
		d.found.OK(check, "journal mode %s, on a local disk", s.Journal)
	}
}

func (d *localDoctor) sqlite(check string, s db.Settings) {
	if !strings.EqualFold(s.Journal, "wal") {
		d.found.Fail(check, "Stop other programs that use the file, and start index serve, which sets the mode.",
			"the journal mode is %s instead of wal: readers wait for uploads", s.Journal)
	}
	if s.FileSystem != "" {
		d.found.Fail(check,
			"Move the data folder to a local disk, or move to PostgreSQL: index migrate --to FILE",
			"index.db is on a network file system (%s), on which SQLite can lose changes", s.FileSystem)
	}
}

func (d *localDoctor) postgres(check string, s db.Settings) {
	if s.ReadOnly == "on" {
		d.found.Fail(check, "ALTER ROLE CURRENT_USER RESET default_transaction_read_only;\n"+
			"If the server is a standby, set database.url to the primary.",
			"the database is read-only (default_transaction_read_only): nothing can be published")
	}
	if s.Isolation != "read committed" {
		d.found.Warn(check, "ALTER ROLE CURRENT_USER SET default_transaction_isolation = 'read committed';",
			"default_transaction_isolation is %s: single statements may fail that need not", s.Isolation)
	}
	if t := s.StatementTimeout; t > 0 && t < shortQueries {
		d.found.Warn(check, "ALTER ROLE CURRENT_USER SET statement_timeout = 0;",
			"statement_timeout is %v: backups, exports and searches of a large index are aborted", t)
	}
	if left := s.MaxConnections - s.Connections; left < db.ConnectionsOfServer {
		d.found.Warn(check, fmt.Sprintf(
			"ALTER SYSTEM SET max_connections = %d; then restart PostgreSQL. Each replica needs %d, and an upgrade starts one more.",
			s.MaxConnections+4*db.ConnectionsOfServer, db.ConnectionsOfServer),
			"%d of %d connections are in use: no further replica can start", s.Connections, s.MaxConnections)
	}
	if s.Stale {
		d.found.Warn(check, "REINDEX DATABASE; then ALTER DATABASE … REFRESH COLLATION VERSION;",
			"the collation %s of the database changed with the system: indexes of text may be wrong", s.Collation)
	}
}

// clock compares the clock of this machine with that of the database server.
func (d *localDoctor) clock(rows *db.DB) {
	const check, advice = "clock", "Synchronize the clocks of both machines: timedatectl set-ntp true"
	ahead, exact, ok, err := rows.Clock(d.Ctx)
	off := max(ahead.Abs()-exact, 0).Round(time.Millisecond)
	switch {
	case err != nil:
		d.found.Fail(check, "", "%s", said(err))
	case !ok:
		d.found.Skip(check, "the database is a file of this machine, and has the same clock")
	case off >= clockWrong:
		d.found.Fail(check, advice, "the clock of the database server is %v %s this machine's: tokens are refused or "+
			"accepted at the wrong time", off, aheadOf(ahead))
	case off >= clockOff:
		d.found.Warn(check, advice, "the clock of the database server is %v %s this machine's", off, aheadOf(ahead))
	default:
		d.found.OK(check, "it agrees with that of the database server within %v",
			(ahead.Abs() + exact).Round(time.Millisecond))
	}
}

func aheadOf(d time.Duration) string {
	if d < 0 {
		return "behind"
	}
	return "ahead of"
}

// backups checks the age of the last backup.
func (d *localDoctor) backups(rows *db.DB) {
	const check = "backup"
	o, err := rows.Operations(d.Ctx, d.now())
	if err != nil {
		d.found.Fail(check, "", "%s", said(err))
		return
	}
	d.judgeBackups(o)
}

func (d *localDoctor) judgeBackups(o db.Operations) {
	const check = "backup"
	age := d.now().Sub(o.LastBackup)
	switch {
	case o.LastBackup.IsZero() && !o.HasFiles:
		d.found.Skip(check, "there is nothing to back up yet")
	case o.LastBackup.IsZero():
		d.found.Warn(check, backupCommand, "this index has files and was never backed up")
	case age > oldBackup:
		d.found.Warn(check, backupCommand, "the last backup is of %s, %s ago", o.LastBackup.UTC().Format(time.DateTime),
			days(age))
	default:
		d.found.OK(check, "the last one is of %s UTC, and %s kept", o.LastBackup.UTC().Format(time.DateTime),
			terminal.Plural(o.Backups, "backup")+map[bool]string{true: " is", false: " are"}[o.Backups == 1])
	}
}

func days(age time.Duration) string { return terminal.Plural(int64(age/(24*time.Hour)), "day") }

// disks checks the free space of the disks with the data and with the stored content.
func (d *localDoctor) disks() {
	const check = "disk"
	folders := []string{d.Config.DataDir}
	if at, err := d.Config.StorageURL(); err == nil {
		if u, err := url.Parse(at); err == nil && u.Scheme == "file" {
			folders = append(folders, u.Path)
		}
	}
	known := map[[2]int64]bool{} // one disk is reported once
	for _, folder := range folders {
		free, size, ok := blobs.DiskSpace(folder)
		if !ok || known[[2]int64{free, size}] {
			continue
		}
		known[[2]int64{free, size}] = true
		percent := free / max(size/100, 1)
		text := fmt.Sprintf("%s of %s are free in %s (%d %%)", terminal.SizeText(free), terminal.SizeText(size),
			terminal.Absolute(folder), percent)
		advice := "Use a larger disk, run index gc, or lower upstream_cache.size."
		switch {
		case percent < diskFull:
			d.found.Fail(check, advice, "%s: uploads fail when it is full", text)
		case percent < diskLow:
			d.found.Warn(check, advice, "%s", text)
		default:
			d.found.OK(check, "%s", text)
		}
	}
	if len(known) == 0 {
		d.found.Skip(check, "the free space is not known: the folders do not exist, or this system does not tell it")
	}
}

// rights are the names of the permissions in a bucket that a step of a probe needs.
var rights = map[string]map[string]string{
	"s3": {
		"write": "s3:PutObject", "read": "s3:GetObject", "list": "s3:ListBucket", "delete": "s3:DeleteObject",
	},
	"gs": {
		"write": "storage.objects.create", "read": "storage.objects.get", "list": "storage.objects.list",
		"delete": "storage.objects.delete",
	},
	"azblob": {
		"write": "blobs/write", "read": "blobs/read", "list": "blobs/read", "delete": "blobs/delete",
	},
}

// bucket checks the rights of this server in its bucket, by an object that it writes and deletes.
func (d *localDoctor) bucket(bytes *blobs.Blobs) {
	const check = "bucket rights"
	if !bytes.Remote() {
		return
	}
	step, err := bytes.Probe(d.Ctx)
	if err == nil {
		d.found.OK(check, "this server can write, read, list and delete objects")
		return
	}
	at, _ := d.Config.StorageURL()
	scheme, _, _ := strings.Cut(at, ":")
	right := cmp.Or(rights[scheme][step], "the right to "+step+" objects")
	d.found.Fail(check, "Give the credential of this server "+right+" for the whole bucket.", "%s", said(err))
}

// metrics checks who can read the metrics.
func (d *localDoctor) metrics() {
	const check = "metrics"
	m := d.Config.Metrics
	host, _, _ := strings.Cut(m.Listen, ":")
	switch {
	case !m.On():
		d.found.Skip(check, "they are off: metrics.listen and metrics.token_file are not set")
	case m.TokenFile == "":
		d.found.OK(check, "programs on this machine can read them at http://%s/metrics", m.Listen)
	case m.Listen != "" && !config.Loopback(host):
		d.found.OK(check, "holders of the token can read them, also at %s, to which the token travels unencrypted", m.Listen)
	default:
		d.found.OK(check, "holders of the token can read them")
	}
	if m.TokenFile != "" {
		if open := d.readable(m.TokenFile); open != nil {
			d.found.Fail(check, "chmod go= "+open[0], "other users of this machine may read %s", open[0])
		}
	}
}
