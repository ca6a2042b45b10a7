package backups

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"pyindex/internal/app"
	"pyindex/internal/backup"
	"pyindex/internal/catalog"
	"pyindex/internal/cli"
	"pyindex/internal/fault"
	"pyindex/internal/namelog"
	"pyindex/internal/terminal"
)

// Restore has the commands that restore a backup.
type Restore struct {
	From   restoreCmd       `cmd:"" default:"withargs" help:"Restore a backup into an empty database and a storage (the default)."`
	Finish restoreFinishCmd `cmd:"" help:"Add the names that are newer than the backup, and accept uploads again."`
}

type restoreCmd struct {
	Place         string `arg:"" placeholder:"DIR" help:"Folder of the backup, or - for a stream on standard input."`
	Snapshot      string `placeholder:"ID" help:"Snapshot to restore (default: the newest)."`
	Identity      string `placeholder:"FILE" help:"File with the age identity that opens the secrets of the backup."`
	KeepTokens    bool   `xor:"tokens" help:"Keep the API tokens of the backup, also those that were revoked after it."`
	RevokeTokens  bool   `xor:"tokens" help:"Revoke all API tokens: some of them may have been revoked after the backup."`
	Verify        bool   `help:"Of a backup without content, read the content in the storage instead of comparing sizes."`
	AcceptMissing bool   `help:"Restore although content is missing or damaged; its files cannot be downloaded."`
	terminal.Listing
}

// restoredJSON is the result in JSON.
type restoredJSON struct {
	Snapshot      string           `json:"snapshot"`
	BackupAt      terminal.Moment  `json:"backup_at"`
	Resumed       bool             `json:"resumed"`
	Objects       int64            `json:"objects"`
	Copied        int64            `json:"objects_copied"`
	Bytes         int64            `json:"bytes_copied"`
	Rows          int64            `json:"rows"`
	Serial        int64            `json:"serial"`
	ID            string           `json:"id"`
	Head          string           `json:"restored_audit_entry"`
	Sessions      int64            `json:"sessions_ended"`
	Links         int64            `json:"links_ended"`
	Minted        int64            `json:"minted_tokens_ended"`
	TokensRevoked int64            `json:"tokens_revoked"`
	TokensKept    int64            `json:"tokens_kept"`
	LostFactors   []string         `json:"authenticators_lost"`
	Missing       []string         `json:"missing"`
	Absent        []backup.Absence `json:"absent"`
	Files         []string         `json:"files_written"`
}

// Run restores the backup.
func (c *restoreCmd) Run(s *cli.Session) (err error) {
	keep, err := c.keeps(s)
	if err != nil {
		return err
	}
	lock, err := lockDataDir(s.Config.DataDir)
	if err != nil {
		return err
	}
	defer lock.Close()
	progress := terminal.NewProgress(s.Errs, c.JSON)
	defer progress.Done()
	from, done, err := c.open(s, progress)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	m, err := from.Snapshot(c.Snapshot)
	if err != nil {
		return err
	}
	secrets, err := openSecrets(from, m, c.Identity)
	if err != nil {
		return err
	}
	a, err := app.OpenToRestore(s.Ctx, s.Config, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	place := c.Place
	if place != "-" {
		place = terminal.Absolute(place)
	}
	out, err := backup.Restore(s.Ctx, from, backup.RestoreOptions{
		Manifest: m, Target: a.DB, Content: a.Blobs, Verify: c.Verify, AcceptMissing: c.AcceptMissing, Progress: progress,
		Load: backup.LoadOptions{
			Place: place, KeepTokens: keep, Actor: a.Operator.Actor(), Scratch: s.Config.DataDir, Secrets: secrets.rows(),
		},
	})
	if err != nil {
		return terminal.Interrupted(err, "nothing is visible yet; run it again to continue")
	}
	files, err := secrets.writeFiles(s.Config.DataDir)
	if err != nil {
		return fmt.Errorf("the index was restored, but its TLS files could not be written: %w", err)
	}
	progress.Step("rebuilding the search", "project", 0)
	if err := catalog.New(a.DB.Catalog(), nil, catalog.Options{}).Backfill(s.Ctx); err != nil { // a server does the same
		return fmt.Errorf("the index was restored, but its search could not be rebuilt; index serve will do so: %w", err)
	}
	progress.Done()
	return c.report(s, m, out, files, secrets.opened())
}

// keeps returns whether the API tokens are kept. It asks a person at a terminal, and refuses to guess otherwise.
func (c *restoreCmd) keeps(s *cli.Session) (bool, error) {
	if c.KeepTokens || c.RevokeTokens {
		return c.KeepTokens, nil
	}
	const why = "API tokens that were revoked after the backup would work again"
	if c.Place == "-" || !terminal.Interactive(s.In) {
		return false, terminal.Misused(fault.New(fault.Invalid,
			"%s: say --revoke-tokens, so that all are revoked, or --keep-tokens", why))
	}
	switch s.Ask(why + ". Revoke all API tokens? Type revoke, or keep: ") {
	case "revoke", "yes", "y":
		return false, nil
	case "keep":
		return true, nil
	}
	return false, fault.New(fault.Invalid,
		"nothing was restored: type revoke or keep, or use --revoke-tokens or --keep-tokens")
}

// open opens the backup. A stream is received into a temporary folder in the data folder first.
func (c *restoreCmd) open(s *cli.Session, progress backup.Progress) (*backup.Folder, func() error, error) {
	if c.Place != "-" {
		f, err := backup.OpenFolder(c.Place)
		if err != nil {
			return nil, nil, err
		}
		return f, f.Close, nil
	}
	dir, err := os.MkdirTemp(s.Config.DataDir, "restore-")
	if err != nil {
		return nil, nil, err
	}
	remove := func() error { return os.RemoveAll(dir) }
	if err := backup.Receive(&interruptible{s.Ctx.Err, s.In}, dir, progress); err != nil {
		return nil, nil, errors.Join(err, remove())
	}
	f, err := backup.OpenFolder(dir)
	if err != nil {
		return nil, nil, errors.Join(err, remove())
	}
	return f, func() error { return errors.Join(f.Close(), remove()) }, nil
}

// interruptible ends a stream when the command is interrupted.
type interruptible struct {
	ended func() error
	from  io.Reader
}

func (r *interruptible) Read(p []byte) (int, error) {
	if err := r.ended(); err != nil {
		return 0, err
	}
	return r.from.Read(p)
}

func (c *restoreCmd) report(s *cli.Session, m backup.Manifest, out backup.Restored, files []string, opened bool) error {
	absent := m.Absent
	if m.HasSecrets() && !opened {
		absent = append(slices.Clone(absent), backup.Absence{
			What:  "the secrets, which are in the backup but were not opened (--identity)",
			Means: "accounts with an authenticator set it up again, and the TLS files of the data folder are not there",
		})
	}
	if c.JSON {
		return terminal.WriteJSON(s.Out, restoredJSON{
			Snapshot: m.ID, BackupAt: terminal.Moment(m.At), Resumed: out.Resumed, Objects: out.Objects, Copied: out.Copied,
			Bytes: out.Bytes, Rows: out.Rows, Serial: out.Serial, ID: out.Instance, Head: m.AuditHead.ID,
			Sessions: out.Sessions, Links: out.Links, Minted: out.Minted, TokensRevoked: out.Tokens, TokensKept: out.TokensKept,
			LostFactors: terminal.NotNil(out.LostFactors), Missing: terminal.NotNil(out.Missing),
			Absent: terminal.NotNil(absent), Files: terminal.NotNil(files),
		})
	}
	say := func(format string, args ...any) { fmt.Fprintf(s.Out, format+"\n", args...) }
	say("restored snapshot %s of %s: %d rows, %s in the storage (%s written now)", m.ID,
		m.At.UTC().Format(time.DateTime), out.Rows, terminal.Plural(out.Objects, "object"), terminal.SizeText(out.Bytes))
	say("the serial continues at %d, and the id of this index is now %s", out.Serial, out.Instance)
	say("ended: %s, %s, %s", terminal.Plural(out.Sessions, "session"), terminal.Plural(out.Links, "link"),
		terminal.Plural(out.Minted, "minted token"))
	if out.TokensKept > 0 {
		say("kept: %s, also those that were revoked after the backup", terminal.Plural(out.TokensKept, "API token"))
	} else {
		say("revoked: %s", terminal.Plural(out.Tokens, "API token"))
	}
	if len(out.LostFactors) > 0 {
		say("the authenticators of these accounts do not work, because their keys were not restored: %s",
			strings.Join(out.LostFactors, ", "))
		say("  they sign in with a recovery code or a passkey, or after index user remove-factors NAME, and set up a new one")
	}
	for _, x := range absent {
		say("not in the backup: %s: %s", x.What, x.Means)
	}
	if n := out.MissingCount; n > 0 {
		say("%s could not be restored; their files cannot be downloaded:", terminal.Plural(n, "object"))
		for _, text := range out.Missing {
			say("  %s", text)
		}
	}
	for _, name := range files {
		say("wrote %s", name)
	}
	say("")
	say("The index is in the state recovered: it serves what it knows, and takes no uploads.")
	say("Next steps: start the server, look at it, and then run: index restore finish%s", cli.SettingsArgs(s.Config))
	return nil
}

type restoreFinishCmd struct {
	AcceptGap bool `help:"Finish although the storage has no copy of the names that are newer than the backup."`
	terminal.Listing
}

// finishedJSON is the result in JSON.
type finishedJSON struct {
	Snapshot     string          `json:"snapshot"`
	BackupAt     terminal.Moment `json:"backup_at"`
	Segments     int             `json:"segments"`
	Newest       terminal.Moment `json:"newest"`
	Gap          bool            `json:"gap_accepted"`
	Names        []string        `json:"names"`
	Deleted      []string        `json:"deleted_projects"`
	Files        []string        `json:"deleted_files"`
	Again        []string        `json:"deleted_but_restored"`
	Repositories []string        `json:"repositories_created"`
	Damaged      []string        `json:"damaged"`
}

// Run ends the state recovered.
func (c *restoreFinishCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error {
		out, err := a.Names.Finish(s.Ctx, a.Operator, namelog.FinishOptions{AcceptGap: c.AcceptGap})
		if err != nil {
			return err
		}
		return c.report(s, out)
	})
}

func (c *restoreFinishCmd) report(s *cli.Session, f namelog.Finished) error {
	if c.JSON {
		return terminal.WriteJSON(s.Out, finishedJSON{
			Snapshot: f.Snapshot, BackupAt: terminal.Moment(f.SnapshotAt), Segments: f.Segments,
			Newest: terminal.Moment(f.Newest), Gap: f.Gap, Names: terminal.NotNil(f.Names), Deleted: terminal.NotNil(f.Deleted),
			Files: terminal.NotNil(f.Files), Again: terminal.NotNil(f.Again), Repositories: terminal.NotNil(f.Repositories),
			Damaged: terminal.NotNil(f.Damaged),
		})
	}
	list := func(heading string, all []string) {
		if len(all) == 0 {
			return
		}
		fmt.Fprintf(s.Out, "%s:\n", heading)
		for _, text := range all {
			fmt.Fprintf(s.Out, "  %s\n", terminal.Printable(text))
		}
	}
	list("names that are newer than the backup, now own names without a project", f.Names)
	list("projects that were deleted after the backup, whose names are reserved for their last owners", f.Deleted)
	list("names of files that were deleted after the backup, which are not used again", f.Files)
	list("deleted after the backup, and back because of it; delete them again if that is right (index project delete)",
		f.Again)
	list("repositories that are newer than the backup, created for the names of their deleted files, closed to everyone but administrators",
		f.Repositories)
	list("parts of the copy of the names that are damaged and were not used", f.Damaged)
	switch {
	case f.Newest.IsZero():
		fmt.Fprintln(s.Out, "names that are newer than the backup are unknown, and so are the names of deleted files")
	default:
		fmt.Fprintf(s.Out,
			"the copy of the names reaches %s; a name that was created later, or in the minute before, is unknown\n",
			f.Newest.UTC().Format(time.DateTime))
	}
	fmt.Fprintln(s.Out, "the restore is finished: uploads are accepted, and upstreams are asked about unknown names")
	return nil
}

// writeNew writes a file unless it exists, and reports whether it did.
func writeNew(path string, content []byte) (bool, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return false, err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	_, err = f.Write(content)
	return true, errors.Join(err, f.Sync(), f.Close())
}
