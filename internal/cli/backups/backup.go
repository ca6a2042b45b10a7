package backups

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/app"
	"pyindex/internal/audit"
	"pyindex/internal/backup"
	"pyindex/internal/cli"
	"pyindex/internal/config"
	"pyindex/internal/fault"
	"pyindex/internal/terminal"
	"pyindex/internal/version"
)

// Backup has the commands about backups.
type Backup struct {
	Create createCmd `cmd:"" default:"withargs" help:"Make a backup of this index, also while servers are running (the default)."`
	Verify verifyCmd `cmd:"" plain:"" help:"Read a backup and compare everything with its digests."`
	List   listCmd   `cmd:"" plain:"" help:"List the snapshots of a backup."`
	Prune  pruneCmd  `cmd:"" help:"Remove the oldest snapshots of a backup, and the content that no other one needs."`
}

type createCmd struct {
	Place     string          `arg:"" placeholder:"DIR" help:"Folder of the backup, which is created or has earlier ones, or - for a stream (tar) on standard output."`
	WithCache bool            `help:"Include the pages and files that are kept from upstreams."`
	RowsOnly  bool            `help:"Leave the stored content out, because the storage has a copy of its own. The index keeps the content until the backup is removed with index backup prune."`
	SealTo    []string        `placeholder:"AGE-RECIPIENT" help:"Include the secrets, encrypted for this public key of age (repeatable)."`
	WALLimit  config.ByteSize `name:"wal-limit" default:"4GiB" help:"Stop if SQLite's write-ahead log grows larger than this while the rows are read."`
	terminal.Listing
}

// madeJSON is the result of a backup in JSON.
type madeJSON struct {
	Place string `json:"place"`
	backup.Manifest
}

// Run makes the backup.
func (c *createCmd) Run(s *cli.Session) error {
	if c.Place == "-" && c.JSON {
		return fault.New(fault.Invalid, "the backup itself goes to standard output: leave out --json")
	}
	if out, ok := s.Out.(*os.File); ok && c.Place == "-" && terminal.Interactive(out) {
		return fault.New(fault.Invalid,
			"a backup cannot be written to a terminal: redirect standard output, or name a folder")
	}
	return s.With(func(a *app.App) error {
		backup.StepBack() // servers on this machine go first
		progress := terminal.NewProgress(s.Errs, c.JSON)
		defer progress.Done()
		o, err := c.options(s, a)
		if err != nil {
			return err
		}
		o.Progress = progress
		var m backup.Manifest
		if c.Place == "-" {
			m, err = backup.Stream(s.Ctx, s.Out, o)
		} else {
			m, err = backup.Create(s.Ctx, c.Place, o)
		}
		progress.Done()
		if _, finished := errors.AsType[*backup.Incomplete](err); err != nil && !finished {
			return terminal.Interrupted(err, "there is no backup; run it again, and content that was copied is used")
		}
		return errors.Join(c.report(s, m), err)
	})
}

func (c *createCmd) report(s *cli.Session, m backup.Manifest) error {
	if c.JSON {
		return terminal.WriteJSON(s.Out, madeJSON{terminal.Absolute(c.Place), m})
	}
	out, has := s.Out, terminal.Plural(m.Objects, "object")
	if c.Place == "-" {
		out = s.Errs
	}
	switch {
	case m.RowsOnly:
		has += " remain in the storage"
	default:
		has += " (" + terminal.SizeText(m.Bytes) + ")"
	}
	fmt.Fprintf(out, "backup %s is finished: %d rows, %s, serial %d\n", m.ID, rowsOf(m), has, m.Serial)
	for _, absent := range m.Absent {
		fmt.Fprintf(out, "not in it: %s: %s\n", absent.What, absent.Means)
	}
	return nil
}

func rowsOf(m backup.Manifest) (n int64) {
	for _, t := range m.Tables {
		n += t.Rows
	}
	return n
}

// options gathers what the backup needs from the index.
func (c *createCmd) options(s *cli.Session, a *app.App) (backup.Options, error) {
	within := []string{a.Config.DataDir}
	if path := a.DB.Path(); path != "" {
		within = append(within, filepath.Dir(path))
	}
	at, err := a.Config.StorageURL()
	if err != nil {
		return backup.Options{}, err
	}
	if u, err := url.Parse(at); err == nil && (u.Scheme == "file" || u.Scheme == "") {
		within = append(within, filepath.FromSlash(u.Path))
	}
	absent, err := absences(s.Ctx, a)
	if err != nil {
		return backup.Options{}, err
	}
	return backup.Options{
		Index: a.DB, Blobs: a.Blobs, Version: version.Read().Version, Instance: a.Instance, BaseURL: a.Base.String(),
		WithCache: c.WithCache, RowsOnly: c.RowsOnly, Seal: c.SealTo, LogLimit: int64(c.WALLimit),
		SecretFolders: secretFolders(a.Config), Absent: absent, Within: within, Busy: changes(s.Ctx, a),
		Entry: func(m backup.Manifest) audit.Entry {
			return audit.Entry{
				ID: access.NewID(), At: time.Now().UTC().Truncate(time.Microsecond), Action: "backup.finish",
				Outcome: audit.Granted, Actor: a.Operator.Actor(), Subject: m.ID,
				Detail: map[string]any{"objects": m.Objects, "bytes": m.Bytes, "serial": m.Serial, "rows_only": m.RowsOnly},
			}
		},
	}, nil
}

// changes returns a function that reports whether the index has changed since the last call.
func changes(ctx context.Context, a *app.App) func() bool {
	last := int64(-1)
	return func() bool {
		now, err := a.DB.Serial(ctx)
		was := last
		last = now
		return err == nil && was >= 0 && now != was
	}
}

// secretFolders returns the folders of the data folder that contain secret files.
func secretFolders(c *config.Config) map[string]string {
	dir := filepath.Join(c.DataDir, "tls")
	if _, err := os.Stat(dir); err != nil {
		return nil
	}
	return map[string]string{"tls": dir}
}

// absences lists the files with settings and secrets that are outside of the database: a backup never has them.
func absences(ctx context.Context, a *app.App) (out []backup.Absence, err error) {
	out = append(out, backup.Absence{
		What: "settings", Means: "copy the configuration file, and the environment of the server, separately",
	})
	c := a.Config
	named := [][2]string{
		{"database.url_file", c.Database.URLFile},
		{"mail.password_file", c.Mail.PasswordFile},
		{"sso.client_secret_file", c.SSO.ClientSecretFile},
		{"tls_cert", c.TLSCert},
		{"tls_key", c.TLSKey},
	}
	all, err := a.Upstreams.List(ctx, a.Operator)
	if err != nil {
		return nil, err
	}
	for _, u := range all {
		for _, path := range []string{u.PasswordFile, u.TokenFile, u.IdentityTokenFile, u.CAFile, u.ClientCert, u.ClientKey} {
			named = append(named, [2]string{"upstream " + u.Name, path})
		}
	}
	for _, n := range named {
		if n[1] != "" {
			out = append(out, backup.Absence{What: n[1], Means: "copy this file separately: " + n[0] + " names it"})
		}
	}
	return out, nil
}

type listCmd struct {
	Dir string `arg:"" help:"Folder of the backup."`
	terminal.Listing
}

// listedJSON is a snapshot in JSON.
type listedJSON struct {
	ID        string          `json:"id"`
	At        terminal.Moment `json:"at"`
	Version   string          `json:"version"`
	Serial    int64           `json:"serial"`
	Rows      int64           `json:"rows"`
	Objects   int64           `json:"objects"`
	Bytes     int64           `json:"bytes"`
	RowsOnly  bool            `json:"rows_only"`
	WithCache bool            `json:"with_cache"`
	Secrets   bool            `json:"secrets"`
	Lacking   int64           `json:"lacking"`
}

// Run lists the snapshots of a backup.
func (c *listCmd) Run(s *terminal.Session) error {
	f, err := backup.OpenFolder(c.Dir)
	if err != nil {
		return err
	}
	defer f.Close()
	all, err := f.Snapshots()
	if err != nil {
		return err
	}
	out, rows := []listedJSON{}, [][]string{}
	for _, m := range all {
		l := listedJSON{
			ID: m.ID, At: terminal.Moment(m.At), Version: m.Version, Serial: m.Serial, Rows: rowsOf(m), Objects: m.Objects,
			Bytes: m.Bytes, RowsOnly: m.RowsOnly, WithCache: m.WithCache, Secrets: m.HasSecrets(), Lacking: m.Lacking,
		}
		out = append(out, l)
		content := terminal.Plural(m.Objects, "object") + ", " + terminal.SizeText(m.Bytes)
		if m.RowsOnly {
			content = "in the storage"
		}
		rows = append(rows, []string{l.ID, l.At.String(), fmt.Sprint(l.Serial), content, notes(l)})
	}
	return c.Write(s.Out, out, []string{"SNAPSHOT", "TIME", "SERIAL", "CONTENT", "NOTES"}, rows)
}

func notes(l listedJSON) (text string) {
	add := func(yes bool, note string) {
		if yes && text != "" {
			text += ", "
		}
		if yes {
			text += note
		}
	}
	add(l.WithCache, "with cache")
	add(l.Secrets, "with secrets")
	add(l.Lacking > 0, fmt.Sprintf("lacks %s", terminal.Plural(l.Lacking, "object")))
	return text
}

type verifyCmd struct {
	Dir      string `arg:"" help:"Folder of the backup."`
	Snapshot string `placeholder:"ID" help:"Verify only this snapshot (default: all)."`
	RowsOnly bool   `help:"Do not read the stored content."`
	terminal.Listing
}

// Run verifies a backup. It returns an error if anything is broken.
func (c *verifyCmd) Run(s *terminal.Session) error {
	progress := terminal.NewProgress(s.Errs, c.JSON)
	defer progress.Done()
	v, err := backup.Verify(s.Ctx, c.Dir,
		backup.VerifyOptions{Snapshot: c.Snapshot, RowsOnly: c.RowsOnly, Progress: progress})
	progress.Done()
	if err != nil {
		return err
	}
	if c.JSON {
		if err := terminal.WriteJSON(s.Out, v); err != nil {
			return err
		}
	} else {
		for _, f := range v.Faults {
			fmt.Fprintf(s.Out, "broken   %s: %s\n", f.Path, f.Why)
		}
		fmt.Fprintf(s.Out, "%s and %s (%s) were verified\n", terminal.Plural(int64(len(v.Snapshots)), "snapshot"),
			terminal.Plural(v.Objects, "object"), terminal.SizeText(v.Bytes))
	}
	if n := v.Broken(); n > 0 {
		return fault.New(fault.Invalid,
			"%s of the backup cannot be used as it is: make a new backup while the index is intact",
			terminal.Plural(n, "file"))
	}
	return nil
}

type pruneCmd struct {
	Dir  string `arg:"" help:"Folder of the backup."`
	Keep int    `required:"" placeholder:"N" help:"Number of the newest snapshots to keep."`
	terminal.Listing
}

// Run removes old snapshots. If the index is on this machine, it forgets them too, and no longer keeps content for
// those of the rows alone.
func (c *pruneCmd) Run(s *cli.Session) error {
	progress := terminal.NewProgress(s.Errs, c.JSON)
	defer progress.Done()
	p, err := backup.Prune(s.Ctx, c.Dir, c.Keep, progress)
	progress.Done()
	if err != nil {
		return err
	}
	if err := c.forget(s, p); err != nil {
		return err
	}
	return c.Report(s.Out, p,
		fmt.Sprintf("%s and %s (%s) were removed; %s left", terminal.Plural(int64(len(p.IDs)), "snapshot"),
			terminal.Plural(p.Objects, "object"), terminal.SizeText(p.Bytes), terminal.Plural(int64(len(p.Kept)), "snapshot")))
}

func (c *pruneCmd) forget(s *cli.Session, p backup.Pruned) error {
	if err := s.Config.Exists(); err != nil {
		if slices.ContainsFunc(p.Removed, func(m backup.Manifest) bool { return m.RowsOnly }) {
			return fmt.Errorf("the snapshots were removed, but the index still keeps content for them: run this where the index is: %w",
				err)
		}
		return nil
	}
	real, err := filepath.EvalSymlinks(c.Dir)
	if err != nil {
		return err
	}
	return s.With(func(a *app.App) error {
		gone := p.IDs
		known, err := a.DB.Backups(s.Ctx)
		if err != nil {
			return err
		}
		for _, b := range known { // an earlier run may have been interrupted before it came here
			if b.Place == terminal.Absolute(real) && !slices.Contains(p.Kept, b.ID) {
				gone = append(gone, b.ID)
			}
		}
		return a.DB.ForgetBackups(s.Ctx, gone)
	})
}
