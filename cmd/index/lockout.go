package main

import (
	"fmt"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/dist"
	"pyindex/internal/lockout"
)

type lockoutCmd struct {
	User      lockoutUserCmd      `cmd:"" help:"Disable an account and end its tokens, sessions, links, invitations, pending publishers and uploads under way."`
	Publisher lockoutPublisherCmd `cmd:"" help:"End the trust in a workload everywhere, with its tokens and uploads under way; ID is a publisher's, a pending one's or a reader's."`
	Token     lockoutTokenCmd     `cmd:"" help:"End one token, with its uploads under way."`
}

// lockingOut is what the three have in common.
type lockingOut struct {
	Since      span   `default:"30d" help:"How far back uploads are listed."`
	Quarantine bool   `help:"Put the listed uploads into quarantine: nobody can install them."`
	Reason     string `placeholder:"R" help:"Why; administrators read it."`
	DryRun     bool   `help:"Say what would end, and change nothing."`
	JSON       bool   `name:"json" help:"Write JSON."`
}

type lockoutUserCmd struct {
	Name string `arg:""`
	lockingOut
}

type lockoutPublisherCmd struct {
	ID string `arg:""`
	lockingOut
}

type lockoutTokenCmd struct {
	ID string `arg:""`
	lockingOut
}

// Run locks out a user.
func (c *lockoutUserCmd) Run(s *session) error {
	return c.run(s, lockout.Target{Kind: lockout.User, Name: c.Name})
}

// Run locks out a publisher.
func (c *lockoutPublisherCmd) Run(s *session) error {
	return c.run(s, lockout.Target{Kind: lockout.Publisher, Name: c.ID})
}

// Run locks out a token.
func (c *lockoutTokenCmd) Run(s *session) error {
	return c.run(s, lockout.Target{Kind: lockout.Token, Name: c.ID})
}

func (c *lockingOut) run(s *session, t lockout.Target) error {
	since := time.Now().Add(-time.Duration(c.Since))
	return s.with(func(a *app) (err error) {
		var r lockout.Report
		if c.DryRun {
			r, err = a.desk.Preview(s.ctx, a.operator, t, since)
		} else {
			r, err = a.desk.LockOut(s.ctx, a.operator, lockout.Request{Target: t, Since: since, Quarantine: c.Quarantine, Reason: c.Reason})
		}
		if err != nil {
			return err
		}
		if c.JSON {
			return writeJSON(s.out, c.document(r))
		}
		return c.write(s, r)
	})
}

type lockoutRow struct {
	Kind        string      `json:"kind"`
	Name        string      `json:"name"`
	Who         string      `json:"who"`
	DryRun      bool        `json:"dry_run"`
	Tokens      []string    `json:"tokens"`
	Sessions    int         `json:"sessions"`
	Links       int         `json:"links"`
	Invitations int         `json:"invitations"`
	Pending     []string    `json:"pending_publishers"`
	Projects    []string    `json:"publisher_removed_from"`
	Readers     int         `json:"readers"`
	Review      []string    `json:"review"`
	Uploads     []uploadRow `json:"uploads"`
	Uploaded    int         `json:"uploaded"` // how many uploads there are, of which the newest 10,000 are listed
	Quarantined int         `json:"quarantined"`
	Undo        string      `json:"undo"`
}

type uploadRow struct {
	Repository  string `json:"repository"`
	Project     string `json:"project"`
	Version     string `json:"version"`
	Filename    string `json:"filename"`
	SHA256      string `json:"sha256"`
	Uploaded    moment `json:"uploaded"`
	Uploader    string `json:"uploader"`
	TokenID     string `json:"token_id"`
	Quarantined moment `json:"quarantined"`
	Reason      string `json:"quarantine_reason,omitempty"`
}

func uploadRows(all []catalog.Uploaded) []uploadRow {
	out := make([]uploadRow, 0, len(all))
	for _, f := range all {
		out = append(out, uploadRow{f.Repository, f.Project, f.Version, f.Filename, f.SHA256, moment(f.UploadedAt), f.Uploader.Name, f.Uploader.TokenID, moment(f.QuarantinedAt), f.QuarantineReason})
	}
	return out
}

func tokenIDs(tokens []access.Token) []string {
	out := make([]string, 0, len(tokens))
	for _, t := range tokens {
		out = append(out, t.ID)
	}
	return out
}

func (c *lockingOut) document(r lockout.Report) lockoutRow {
	return lockoutRow{
		string(r.Kind), r.Name, r.Sentence, c.DryRun, tokenIDs(r.Tokens), r.Sessions, r.Links, r.Invitations, notNil(r.Pending), notNil(r.Projects),
		r.Readers, notNil(r.Review), uploadRows(r.Uploads), r.Uploaded, r.Quarantined, r.Undo(),
	}
}

// write says what ended, what was uploaded, and how it is undone.
func (c *lockingOut) write(s *session, r lockout.Report) error {
	verb := "locked out"
	if c.DryRun {
		verb = "would lock out"
	}
	fmt.Fprintf(s.out, "%s %s: %s\n", verb, r.Sentence, strings.Join(r.Parts(), ", "))
	for _, line := range r.Review {
		fmt.Fprintln(s.out, "to review: "+line)
	}
	if err := writeUploads(s, r.Uploads, "no uploads since then"); err != nil {
		return err
	}
	if more := r.Uploaded - len(r.Uploads); more > 0 {
		fmt.Fprintf(s.out, "and %d more\n", more)
	}
	if r.Quarantined > 0 {
		fmt.Fprintf(s.out, "%d of them put into quarantine\n", r.Quarantined)
	}
	if !c.DryRun {
		fmt.Fprintln(s.out, r.Undo())
	}
	return nil
}

func writeUploads(s *session, all []catalog.Uploaded, none string) error {
	if len(all) == 0 {
		fmt.Fprintln(s.out, none)
		return nil
	}
	var rows [][]string
	for _, f := range uploadRows(all) {
		rows = append(rows, []string{f.Filename, f.Repository + "/" + f.Project, f.Uploaded.String(), f.Uploader, f.Quarantined.String(), f.Reason})
	}
	return listing{}.write(s.out, nil, []string{"FILE", "PROJECT", "UPLOADED", "BY", "QUARANTINED", "REASON"}, rows)
}

type quarantineCmd struct {
	List    quarantineListCmd    `cmd:"" help:"List the files that are in quarantine."`
	Add     quarantineAddCmd     `cmd:"" help:"Take a file out of every listing and serve it to nobody."`
	Release quarantineReleaseCmd `cmd:"" help:"List and serve files again: the named one, or all of a project."`
}

type quarantineListCmd struct{ listing }

// Run lists the files.
func (c *quarantineListCmd) Run(s *session) error {
	return s.with(func(a *app) error {
		all, err := a.index.Quarantine(s.ctx, a.operator)
		if err != nil {
			return err
		}
		if c.JSON {
			return writeJSON(s.out, uploadRows(all))
		}
		if err := writeUploads(s, all, "no file is in quarantine"); err != nil || len(all) < catalog.MaxUploads {
			return err
		}
		fmt.Fprintln(s.out, "these are the newest, there may be more: release or delete some to see them")
		return nil
	})
}

type quarantineAddCmd struct {
	Project string `arg:""`
	File    string `arg:"" help:"The file's name."`
	Reason  string `placeholder:"R" help:"Why; administrators read it."`
	inRepository
}

// Run puts the file into quarantine.
func (c *quarantineAddCmd) Run(s *session) error {
	return s.onProject(c.Project, func(a *app, name dist.ProjectName) error {
		return a.index.QuarantineFile(s.ctx, a.operator, c.Repository, name, c.File, c.Reason)
	})
}

type quarantineReleaseCmd struct {
	Project string `arg:""`
	File    string `arg:"" optional:"" help:"The file's name; without one, all files of the project."`
	inRepository
}

// Run releases what is named.
func (c *quarantineReleaseCmd) Run(s *session) error {
	return s.onProject(c.Project, func(a *app, name dist.ProjectName) error {
		if c.File != "" {
			return a.index.ReleaseFile(s.ctx, a.operator, c.Repository, name, c.File)
		}
		n, err := a.index.ReleaseFiles(s.ctx, a.operator, c.Repository, name)
		if err != nil {
			return err
		}
		fmt.Fprintf(s.out, "released from quarantine: %d of %s\n", n, name)
		return nil
	})
}
