package upkeep

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"pyindex/internal/custody"
	"pyindex/internal/doctor"
	"pyindex/internal/publishers/exchange"
	"pyindex/internal/storage/blobs"
	"pyindex/internal/storage/db"
)

// TestLocalDatabaseSettings: each setting of a database that harms the index is found, with the statement or the
// setting that mends it.
func TestLocalDatabaseSettings(t *testing.T) {
	good := db.Settings{Postgres: true, Isolation: "read committed", ReadOnly: "off", MaxConnections: 97, Connections: 20}
	with := func(change func(*db.Settings)) db.Settings { s := good; change(&s); return s }
	for name, c := range map[string]struct {
		settings     db.Settings
		status, word string
	}{
		"good":      {good, "", ""},
		"read-only": {with(func(s *db.Settings) { s.ReadOnly = "on" }), "failed", "RESET default_transaction_read_only"},
		"isolation": {with(func(s *db.Settings) { s.Isolation = "serializable" }), "warning", "= 'read committed'"},
		"short queries": {
			with(func(s *db.Settings) { s.StatementTimeout = 5 * time.Second }), "warning", "statement_timeout = 0",
		},
		"long queries":   {with(func(s *db.Settings) { s.StatementTimeout = time.Hour }), "", ""},
		"connections":    {with(func(s *db.Settings) { s.Connections = 90 }), "warning", "max_connections = 149"},
		"collation":      {with(func(s *db.Settings) { s.Stale = true }), "warning", "REFRESH COLLATION VERSION"},
		"SQLite":         {db.Settings{Journal: "wal"}, "", ""},
		"journal":        {db.Settings{Journal: "delete"}, "failed", "instead of wal"},
		"network folder": {db.Settings{Journal: "wal", FileSystem: "NFS"}, "failed", "index migrate --to FILE"},
	} {
		d := local(t)
		if c.settings.Postgres {
			d.postgres("database settings", c.settings)
		} else {
			d.sqlite("database settings", c.settings)
		}
		d.want(t, name, "database settings", c.status, c.word)
	}
}

// TestLocalBackups: an index with files and without a recent backup is warned, an empty one is not.
func TestLocalBackups(t *testing.T) {
	d := local(t)
	rows, err := db.Open(t.Context(), "sqlite:"+filepath.Join(d.Config.DataDir, "index.db"), db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	d.backups(rows)
	d.want(t, "empty", "backup", "skipped", "nothing to back up yet")
	now := time.Now()
	for name, c := range map[string]struct {
		o            db.Operations
		status, word string
	}{
		"nothing there": {db.Operations{}, "skipped", "nothing to back up yet"},
		"never":         {db.Operations{HasFiles: true}, "warning", "never backed up\nindex backup FOLDER"},
		"old": {
			db.Operations{HasFiles: true, Backups: 3, LastBackup: now.Add(-73 * time.Hour)},
			"warning",
			"3 days ago\nindex backup FOLDER",
		},
		"yesterday": {
			db.Operations{HasFiles: true, Backups: 1, LastBackup: now.Add(-25 * time.Hour)}, "ok", "1 backup is kept",
		},
		"of an empty": {db.Operations{Backups: 2, LastBackup: now.Add(-time.Hour)}, "ok", "2 backups are kept"},
	} {
		d := local(t)
		d.judgeBackups(c.o)
		d.want(t, name, "backup", c.status, c.word)
	}
}

// TestLocalDisks: the disk of the data folder is reported once, though the stored content is on it too.
func TestLocalDisks(t *testing.T) {
	d := local(t)
	d.disks()
	if len(d.found) != 1 || d.found[0].Check != "disk" {
		t.Errorf("disks: %+v, want one finding", d.found)
	}
}

// TestLocalBucketIsProbed: the probe of a bucket leaves nothing behind, and the right that it lacks is named.
func TestLocalBucketIsProbed(t *testing.T) {
	d := local(t)
	b, err := blobs.Open(t.Context(), "mem://", blobs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	d.bucket(b)
	d.want(t, "memory", "bucket rights", "ok", "write, read, list and delete")
	if step, err := b.Probe(t.Context()); step != "" || err != nil {
		t.Errorf("Probe() = %q, %v", step, err)
	}
	err = b.Each(t.Context(), func(o custody.Object) error {
		t.Errorf("the probe left %s", o.Key)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	d.Ctx, d.found = gone, nil
	d.bucket(b)
	d.want(t, "no access", "bucket rights", "failed", "the right to write objects")
}

// TestLocalMetrics: a token that others may read is found.
func TestLocalMetrics(t *testing.T) {
	d := local(t)
	d.metrics()
	d.want(t, "off", "metrics", "skipped", "metrics.listen")
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("0123456789abcdef0123456789\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d = local(t, "--metrics-token-file", token)
	d.metrics()
	d.want(t, "token", "metrics", "ok", "holders of the token")
	if err := os.Chmod(token, 0o644); err != nil {
		t.Fatal(err)
	}
	d = local(t, "--metrics-token-file", token)
	d.metrics()
	d.want(t, "readable token", "metrics", "failed", "chmod go= ")
}

// TestKnownIssuers: the page of a server reports issuers by what the server knows, without a question to them.
func TestKnownIssuers(t *testing.T) {
	for name, c := range map[string]struct {
		issuer       exchange.IssuerHealth
		status, word string
	}{
		"never asked": {exchange.IssuerHealth{URL: "https://a.example"}, "skipped", "no job has shown a token"},
		"working":     {exchange.IssuerHealth{URL: "https://a.example", Keys: 2, Fetched: time.Now()}, "ok", "2 keys"},
		"failing": {
			exchange.IssuerHealth{URL: "https://a.example", Failure: "no route", Asked: true}, "warning", "no route",
		},
		"failing, not needed": {
			exchange.IssuerHealth{URL: "https://a.example", Failure: "no route"}, "skipped", "no job has shown a token",
		},
	} {
		d := local(t)
		d.known([]exchange.IssuerHealth{c.issuer})
		d.want(t, name, "issuer", c.status, c.word)
	}
	d := local(t)
	d.known(nil)
	d.want(t, "none", "issuer", doctor.Skipped, "trusted publishing is off")
}
