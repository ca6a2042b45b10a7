package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"pyindex/internal/assembly"
	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/internal/storage/blobs"
)

// bytesDoctor looks at the stored bytes instead of the installation.
type bytesDoctor struct {
	Bytes        bool   `help:"Read all stored bytes and compare them with the database. An interrupted run continues where it stopped."`
	Mend         string `placeholder:"FOLDER|URL" help:"Do the check of --bytes, and restore missing and damaged objects from this copy of the storage."`
	Strays       bool   `help:"List stored objects that no file needs. Those younger than a day are skipped."`
	RemoveStrays bool   `help:"Remove the objects that --strays lists."`
}

func (c *bytesDoctor) wanted() bool { return c.Bytes || c.Mend != "" || c.Strays || c.RemoveStrays }

// examined is the outcome as --json has it.
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
	Objects int64    `json:"objects"` // all that the storage has
	Strays  []string `json:"strays"`
	Bytes   int64    `json:"bytes"` // of strays
	Young   int64    `json:"young"`
	Foreign int64    `json:"foreign"`
	Removed int64    `json:"removed"`
}

// run returns an error if bytes are missing or damaged, or cannot be looked at.
func (c *bytesDoctor) run(s *session, json bool) error {
	return s.with(func(a *app) error {
		// One line of the log tells what is broken, as in a server.
		x := assembly.New(a.db.Catalog(), a.blobs, assembly.Options{Log: s.config.Log.logger(s.errs)}).Custody
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
			err = errors.Join(writeJSON(s.out, out), err)
		}
		return err
	})
}

// journalAge is how old an interrupted check may be to be continued.
const journalAge = 7 * 24 * time.Hour

// check reads the bytes of every file, except of those that an interrupted run found right.
func (c *bytesDoctor) check(s *session, a *app, x *custody.Keeper, json bool, out *examined) error {
	path := filepath.Join(a.config.DataDir, "doctor-bytes.journal")
	if info, err := os.Stat(path); err == nil && time.Since(info.ModTime()) > journalAge {
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	done, err := openJournal(path, a.config)
	if err != nil {
		return err
	}
	defer done.close()
	o := custody.CheckOptions{Kind: custody.CheckBytes}
	if c.Mend != "" {
		from, err := openCopy(s.ctx, c.Mend)
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
			fmt.Fprintf(s.errs, "%s checked without a fault so far (%s)\n", plural(objects, "object"), inMiB(bytes))
		}
		return done.add(key, size)
	}
	o.Found = func(b custody.Broken) {
		out.Broken = append(out.Broken, b)
		if !json {
			fmt.Fprintf(s.out, "%-8s %s: %s; it is %s\n", stateOf(b), b.Key, printable(b.Why), printable(fmt.Sprint(b.Files)))
		}
	}
	sum, err := x.CheckStored(s.ctx, a.operator, o)
	if err != nil {
		return fmt.Errorf("the check was interrupted; run it again to continue: %w", err)
	}
	if err := os.Remove(path); err != nil {
		return err
	}
	out.Check = &checkRow{sum.Objects, sum.Missing, sum.Damaged, sum.Mended}
	if !json {
		fmt.Fprintf(s.out, "checked %s: %d missing, %d damaged, %d restored\n", plural(sum.Objects, "object"), sum.Missing, sum.Damaged, sum.Mended)
	}
	if sum.Missing+sum.Damaged > 0 {
		return fault.New(fault.Conflict, "%s missing or damaged: restore with --mend from a copy of the storage, or upload the same files again", plural(sum.Missing+sum.Damaged, "stored object"))
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

// openCopy opens another store for reading. A folder must exist, and nothing is made in it.
func openCopy(ctx context.Context, location string) (*blobs.Blobs, error) {
	b, err := blobs.Open(ctx, location, blobs.Options{ReadOnly: true})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Wrap(fault.NotFound, err, "there is no folder %s", location)
	}
	return b, err
}

// strays lists objects that no file needs.
func (c *bytesDoctor) strays(s *session, a *app, x *custody.Keeper, json bool, out *examined) error {
	out.Strays = &straysRow{Strays: []string{}}
	n, err := x.FindStrays(s.ctx, a.operator, c.RemoveStrays, func(o custody.Object) {
		out.Strays.Strays = append(out.Strays.Strays, o.Key)
		if !json {
			fmt.Fprintf(s.out, "stray    %s: %s\n", o.Key, sizeText(o.Size))
		}
	})
	r := out.Strays
	r.Objects, r.Bytes, r.Young, r.Foreign, r.Removed = n.Objects, n.Bytes, n.Young, n.Foreign, n.Removed
	if !json {
		fmt.Fprintf(s.out, "found %s (%s) among %s, removed %d; skipped %d younger than a day and %d unknown\n",
			plural(n.Strays, "stray"), sizeText(n.Bytes), plural(n.Objects, "object"), n.Removed, n.Young, n.Foreign)
	}
	return err
}
