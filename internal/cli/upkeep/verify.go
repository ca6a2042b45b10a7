package upkeep

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"pyindex/internal/app"
	"pyindex/internal/assembly"
	"pyindex/internal/cli"
	"pyindex/internal/config"
	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/internal/terminal"
	"pyindex/internal/verify"
)

// Verify checks that rows and stored content of the index agree, and repairs what can be derived.
type Verify struct {
	Repair bool   `help:"Repair what can be derived from the rest, such as sizes and metadata, and remove objects without a row that are older than a day."`
	Mend   string `placeholder:"FOLDER|URL" help:"Restore missing and damaged content from a copy of the storage, or from the folder of a backup."`
	terminal.Listing
}

// Run verifies the index. It returns an error if a finding is left.
func (c *Verify) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error {
		from, done, err := openMend(s.Ctx, c.Mend)
		if err != nil {
			return err
		}
		defer done()
		j, err := openVerifyJournal(a.Config)
		if err != nil {
			return err
		}
		// As in a server, broken content is logged.
		k := assembly.New(a.DB.Catalog(), a.Blobs, assembly.Options{Log: s.Config.Log.Logger(s.Errs)}).Custody
		p := terminal.NewProgress(s.Errs, c.JSON)
		defer p.Done()
		out := &findingsOut{w: s.Out, json: c.JSON, say: p.Clear}
		if j.position.After != "" {
			p.Say("continuing an interrupted run")
		}
		sum, err := verify.New(a.DB.Verify(), k, nil).Run(s.Ctx, a.Operator, verify.Options{
			Repair: c.Repair, Mend: from, From: j.position, Found: out.found, Step: p.Step, Progress: p.Add, Saved: j.save,
		})
		p.Done()
		if err != nil {
			out.stopped = true
			return errors.Join(out.end(sum, false), terminal.Interrupted(err, "run it again to continue"), j.flush())
		}
		if err := errors.Join(out.end(sum, sum.Left() == 0), j.remove()); err != nil {
			return err
		}
		if n := sum.Left(); n > 0 {
			return fault.New(fault.Conflict, "%s left", terminal.Plural(n, "finding"))
		}
		return nil
	})
}

// findingsOut writes findings as they are found, so that memory does not depend on their number.
type findingsOut struct {
	w    io.Writer
	json bool
	say  func() // makes room for a line on a terminal
	n    int
	err  error // the first of writing

	stopped bool // before everything was checked
}

func (o *findingsOut) found(f verify.Finding) {
	o.n++
	if !o.json {
		o.say()
		state := "found"
		if f.Repaired {
			state = "repaired"
		}
		o.printf("%-8s %s: %s\n", state, terminal.Printable(f.Subject), terminal.Printable(f.Problem))
		if f.Next != "" {
			o.printf("%-8s next: %s\n", "", f.Next)
		}
		return
	}
	text, err := json.Marshal(f)
	if o.err == nil {
		o.err = err
	}
	before := ",\n"
	if o.n == 1 {
		before = "{\"findings\": [\n"
	}
	o.printf("%s  %s", before, text)
}

func (o *findingsOut) printf(format string, args ...any) {
	if _, err := fmt.Fprintf(o.w, format, args...); o.err == nil {
		o.err = err
	}
}

// end writes the summary.
func (o *findingsOut) end(sum verify.Summary, ok bool) error {
	if !o.json {
		before := ""
		if o.stopped {
			before = "not finished: "
		}
		o.printf(before+"read %s (%s), and found %s among them, the rows and %s; %d repaired\n",
			terminal.Plural(sum.Files, "file"), terminal.SizeText(sum.Bytes), terminal.Plural(sum.Findings, "problem"),
			terminal.Plural(sum.Objects, "stored object"), sum.Repaired)
		return o.err
	}
	text, err := json.Marshal(sum)
	if err != nil {
		return err
	}
	if o.n == 0 {
		o.printf("{\"findings\": [")
	}
	o.printf("],\n\"ok\": %t,\n\"summary\": %s}\n", ok, text)
	return o.err
}

// openMend opens a copy of the storage, or the content of a backup. It returns nil for "".
func openMend(ctx context.Context, location string) (custody.Source, func(), error) {
	if location == "" {
		return nil, func() {}, nil
	}
	if _, err := os.Stat(filepath.Join(location, "index-backup")); err == nil {
		return backupContent(location), func() {}, nil
	}
	b, err := openCopy(ctx, location)
	if err != nil {
		return nil, nil, fmt.Errorf("mend: %w", err)
	}
	return b, func() { b.Close() }, nil
}

// backupContent is the folder of a backup, which has content below content/ by its digest.
type backupContent string

// Open opens the content that a key of an index names.
func (b backupContent) Open(_ context.Context, key string) (custody.Blob, int64, error) {
	digest, _, _ := strings.Cut(path.Base(key), ".")
	if len(digest) < 2 {
		return nil, 0, fault.New(fault.NotFound, "no such content")
	}
	f, err := os.Open(filepath.Join(string(b), "content", digest[:2], digest))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, fault.Wrap(fault.NotFound, err, "the backup does not have it")
	} else if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

// saveEvery is the time between two writes of the position.
const saveEvery = 2 * time.Second

// verifyJournal is a file with the position of an interrupted run. It names the database and the storage that it is
// about; that of others, and one that is too old, are ignored.
type verifyJournal struct {
	path     string
	place    string
	position verify.Position
	saved    time.Time
}

type verifyJournalFile struct {
	Place    string          `json:"place"`
	Position verify.Position `json:"position"`
}

func openVerifyJournal(c *config.Config) (*verifyJournal, error) {
	rows, err := c.DatabaseURL()
	if err != nil {
		return nil, err
	}
	bytes, err := c.StorageURL()
	if err != nil {
		return nil, err
	}
	j := &verifyJournal{
		path:  filepath.Join(c.DataDir, "verify.journal"),
		place: fmt.Sprintf("%x", sha256.Sum256([]byte(rows+"\n"+bytes))),
	}
	info, err := os.Stat(j.path)
	if err != nil || time.Since(info.ModTime()) > journalAge {
		return j, nil
	}
	text, err := os.ReadFile(j.path)
	if err != nil {
		return nil, err
	}
	var f verifyJournalFile
	if json.Unmarshal(text, &f) == nil && f.Place == j.place {
		j.position = f.Position
	}
	return j, nil
}

// save remembers a position, and writes it if the last write is a while ago.
func (j *verifyJournal) save(p verify.Position) error {
	j.position = p
	if time.Since(j.saved) < saveEvery {
		return nil
	}
	return j.flush()
}

func (j *verifyJournal) flush() error {
	if j.position.After == "" {
		return j.remove()
	}
	j.saved = time.Now()
	text, err := json.Marshal(verifyJournalFile{j.place, j.position})
	if err != nil {
		return err
	}
	if err := os.WriteFile(j.path+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(j.path+".new", j.path)
}

func (j *verifyJournal) remove() error {
	err := os.Remove(j.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
