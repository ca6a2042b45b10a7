package upkeep

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"pyindex/internal/app"
	"pyindex/internal/assembly"
	"pyindex/internal/cli"
	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/internal/storage/blobs"
	"pyindex/internal/terminal"
)

// bytesDoctor has the flags that check the stored objects instead of the installation.
type bytesDoctor struct {
	Bytes        bool   `help:"Read all stored objects and compare them with the database. An interrupted run continues where it stopped."`
	Mend         string `placeholder:"FOLDER|URL" help:"Like --bytes, but also restore missing and damaged objects from this copy of the storage."`
	Strays       bool   `help:"List stored objects that no file needs. Objects younger than a day are skipped."`
	RemoveStrays bool   `help:"Remove the objects that --strays lists."`
}

func (c *bytesDoctor) wanted() bool { return c.Bytes || c.Mend != "" || c.Strays || c.RemoveStrays }

// examined is the result in JSON.
type examined struct {
	OK     bool             `json:"ok"`
	Check  *checkRow        `json:"check,omitempty"`
	Broken []custody.Broken `json:"broken,omitempty"`
	Strays *straysRow       `json:"strays,omitempty"`
}

type checkRow struct {
	Objects int64 `json:"objects"`
	Missing int64 `json:"missing"`
	Damaged int64 `json:"damaged"`
	Mended  int64 `json:"mended"`
}

type straysRow struct {
	Objects int64    `json:"objects"` // all objects in the storage
	Strays  []string `json:"strays"`
	Bytes   int64    `json:"bytes"` // of strays
	Young   int64    `json:"young"`
	Foreign int64    `json:"foreign"`
	Removed int64    `json:"removed"`
}

// run returns an error if objects are missing or damaged, or cannot be read.
func (c *bytesDoctor) run(s *cli.Session, json bool) error {
	return s.With(func(a *app.App) error {
		// As in a server, broken objects are logged.
		x := assembly.New(a.DB.Catalog(), a.Blobs, assembly.Options{Log: s.Config.Log.Logger(s.Errs)}).Custody
		out := examined{OK: true}
		var errs []error
		if c.Bytes || c.Mend != "" {
			errs = append(errs, c.check(s, a, x, json, &out))
		}
		if c.Strays || c.RemoveStrays {
			errs = append(errs, c.strays(s, a, x, json, &out))
		}
		err := errors.Join(errs...)
		if json {
			out.OK = err == nil
			err = errors.Join(terminal.WriteJSON(s.Out, out), err)
		}
		return err
	})
}

// journalAge is the maximum age of an interrupted check that can be continued.
const journalAge = 7 * 24 * time.Hour

// check reads every object, except those that an interrupted run has already verified.
func (c *bytesDoctor) check(s *cli.Session, a *app.App, x *custody.Keeper, json bool, out *examined) error {
	path := filepath.Join(a.Config.DataDir, "doctor-bytes.journal")
	if info, err := os.Stat(path); err == nil && time.Since(info.ModTime()) > journalAge {
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	done, err := openJournal(path, a.Config)
	if err != nil {
		return err
	}
	defer done.close()
	o := custody.CheckOptions{Kind: custody.CheckBytes}
	if c.Mend != "" {
		from, err := openCopy(s.Ctx, c.Mend)
		if err != nil {
			return fmt.Errorf("mend: %w", err)
		}
		defer from.Close()
		o.Mend = from
	}
	o.Skip = func(key string) bool { _, ok := done.has(key); return ok }
	var objects, bytes int64
	said := time.Now()
	o.Good = func(key string, size int64) error {
		objects, bytes = objects+1, bytes+size
		if !json && time.Since(said) > 5*time.Second {
			said = time.Now()
			fmt.Fprintf(s.Errs, "%s checked without errors so far (%s)\n", terminal.Plural(objects, "object"),
				terminal.SizeText(bytes))
		}
		return done.add(key, size)
	}
	o.Found = func(b custody.Broken) {
		out.Broken = append(out.Broken, b)
		if !json {
			fmt.Fprintf(s.Out, "%-8s %s: %s; it belongs to %s\n", stateOf(b), b.Key, terminal.Printable(b.Why),
				terminal.Printable(strings.Join(b.Files, ", ")))
		}
	}
	sum, err := x.CheckStored(s.Ctx, a.Operator, o)
	if err != nil {
		return terminal.Interrupted(err, "run it again to continue")
	}
	if err := os.Remove(path); err != nil {
		return err
	}
	out.Check = &checkRow{sum.Objects, sum.Missing, sum.Damaged, sum.Mended}
	if !json {
		fmt.Fprintf(s.Out, "checked %s: %d missing, %d damaged, %d restored\n", terminal.Plural(sum.Objects, "object"),
			sum.Missing, sum.Damaged, sum.Mended)
	}
	if sum.Missing+sum.Damaged > 0 {
		return fault.New(fault.Conflict,
			"%s missing or damaged: restore with --mend from a copy of the storage, or upload the same files again",
			terminal.Plural(sum.Missing+sum.Damaged, "stored object"))
	}
	return nil
}

func stateOf(b custody.Broken) string {
	switch {
	case b.Mended:
		return "restored"
	case b.Missing:
		return "missing"
	}
	return "damaged"
}

// openCopy opens another blob store for reading. If it is a folder, the folder must exist.
func openCopy(ctx context.Context, location string) (*blobs.Blobs, error) {
	b, err := blobs.Open(ctx, location, blobs.Options{ReadOnly: true})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Wrap(fault.NotFound, err, "there is no folder %s", location)
	}
	return b, err
}

// strays lists objects that no file needs.
func (c *bytesDoctor) strays(s *cli.Session, a *app.App, x *custody.Keeper, json bool, out *examined) error {
	out.Strays = &straysRow{Strays: []string{}}
	n, err := x.FindStrays(s.Ctx, a.Operator, c.RemoveStrays, func(o custody.Object) {
		out.Strays.Strays = append(out.Strays.Strays, o.Key)
		if !json {
			fmt.Fprintf(s.Out, "stray    %s: %s\n", o.Key, terminal.SizeText(o.Size))
		}
	})
	r := out.Strays
	r.Objects, r.Bytes, r.Young, r.Foreign, r.Removed = n.Objects, n.Bytes, n.Young, n.Foreign, n.Removed
	if !json {
		fmt.Fprintf(s.Out, "found %s (%s) among %s, removed %d; skipped %d younger than a day and %d unknown\n",
			terminal.Plural(n.Strays, "stray"), terminal.SizeText(n.Bytes), terminal.Plural(n.Objects, "object"), n.Removed,
			n.Young, n.Foreign)
	}
	return err
}
