// Package incident has the commands for credentials and files that can no longer be trusted.
package incident

import (
	"fmt"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/app"
	"pyindex/internal/catalog"
	"pyindex/internal/cli"
	"pyindex/internal/config"
	"pyindex/internal/lockout"
	"pyindex/internal/terminal"
)

// Lockout has the commands that revoke all access of an account, a publisher or a token.
type Lockout struct {
	User      lockoutUserCmd      `cmd:"" help:"Disable an account, and revoke its tokens, sessions, links, invitations, pending publishers and uploads in progress."`
	Publisher lockoutPublisherCmd `cmd:"" help:"Remove a publisher, pending publisher or reader from every project, and revoke its tokens."`
	Token     lockoutTokenCmd     `cmd:"" help:"Revoke one token, and reject its uploads in progress."`
}

// lockingOut has the flags that the three commands share.
type lockingOut struct {
	Since      config.Span `default:"30d" help:"List uploads of this period."`
	Quarantine bool        `help:"Quarantine the listed uploads, so that they cannot be installed."`
	Reason     string      `placeholder:"R" help:"Reason, shown to administrators."`
	DryRun     bool        `help:"Show what would be revoked, without changing anything."`
	terminal.Listing
}

type lockoutUserCmd struct {
	Name  string `arg:""`
	Force bool   `help:"Lock the user out even if they are the only active administrator."`
	lockingOut
}

type lockoutPublisherCmd struct {
	ID string `arg:"" help:"ID of the publisher, pending publisher or reader."`
	lockingOut
}

type lockoutTokenCmd struct {
	ID string `arg:""`
	lockingOut
}

// Run locks out a user.
func (c *lockoutUserCmd) Run(s *cli.Session) error {
	return c.run(s, lockout.Request{Target: lockout.Target{Kind: lockout.User, Name: c.Name}, Force: c.Force})
}

// Run locks out a publisher.
func (c *lockoutPublisherCmd) Run(s *cli.Session) error {
	return c.run(s, lockout.Request{Target: lockout.Target{Kind: lockout.Publisher, Name: c.ID}})
}

// Run locks out a token.
func (c *lockoutTokenCmd) Run(s *cli.Session) error {
	return c.run(s, lockout.Request{Target: lockout.Target{Kind: lockout.Token, Name: c.ID}})
}

func (c *lockingOut) run(s *cli.Session, q lockout.Request) error {
	q.Since, q.Quarantine, q.Reason = time.Now().Add(-time.Duration(c.Since)), c.Quarantine, c.Reason
	return s.With(func(a *app.App) (err error) {
		var r lockout.Report
		if c.DryRun {
			if r, err = a.Desk.Preview(s.Ctx, a.Operator, q.Target, q.Since); c.Quarantine {
				r.Quarantined = r.Unquarantined()
			}
		} else {
			r, err = a.Desk.LockOut(s.Ctx, a.Operator, q)
		}
		if err != nil {
			return err
		}
		if c.JSON {
			return terminal.WriteJSON(s.Out, c.document(r))
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
	Nothing     bool        `json:"nothing_left_to_end"`
	Unowned     []string    `json:"projects_without_another_owner"`
	Review      []string    `json:"review"`
	Uploads     []uploadRow `json:"uploads"`
	Uploaded    int         `json:"uploaded"`    // number of all uploads; only the newest 10,000 are listed
	Quarantined int         `json:"quarantined"` // in a dry run, the number that would be quarantined
	Undo        string      `json:"undo"`
}

type uploadRow struct {
	Repository  string          `json:"repository"`
	Project     string          `json:"project"`
	Version     string          `json:"version"`
	Filename    string          `json:"filename"`
	SHA256      string          `json:"sha256"`
	Uploaded    terminal.Moment `json:"uploaded"`
	Uploader    string          `json:"uploader"`
	TokenID     string          `json:"token_id"`
	Quarantined terminal.Moment `json:"quarantined"`
	Reason      string          `json:"quarantine_reason,omitempty"`
}

func uploadRows(all []catalog.Uploaded) []uploadRow {
	out := make([]uploadRow, 0, len(all))
	for _, f := range all {
		out = append(out, uploadRow{
			f.Repository, f.Project, f.Version, f.Filename, f.SHA256, terminal.Moment(f.UploadedAt), f.Uploader.Name,
			f.Uploader.TokenID, terminal.Moment(f.QuarantinedAt), f.QuarantineReason,
		})
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
		string(r.Kind), r.Name, r.Sentence, c.DryRun, tokenIDs(r.Tokens), r.Sessions, r.Links, r.Invitations,
		terminal.NotNil(r.Pending), terminal.NotNil(r.Projects),
		r.Readers, r.Nothing(), terminal.NotNil(r.Unowned), terminal.NotNil(r.Review), uploadRows(r.Uploads), r.Uploaded,
		r.Quarantined, r.Undo(),
	}
}

// write prints the revoked access, the uploads, and how to undo the lockout.
func (c *lockingOut) write(s *cli.Session, r lockout.Report) error {
	verb := "locked out "
	switch {
	case r.Nothing():
		verb = "already locked out: "
	case c.DryRun:
		verb = "would lock out "
	}
	fmt.Fprintf(s.Out, "%s%s. %s\n", verb, r.Sentence, strings.Join(r.Parts(), " "))
	for _, line := range r.Review {
		fmt.Fprintln(s.Out, "to review: "+line)
	}
	if err := writeUploads(s, r.Uploads, "no uploads since then"); err != nil {
		return err
	}
	if more := r.Uploaded - len(r.Uploads); more > 0 {
		fmt.Fprintf(s.Out, "and %d more\n", more)
	}
	switch {
	case c.DryRun && c.Quarantine:
		fmt.Fprintf(s.Out, "would put into quarantine: %d of %d\n", r.Quarantined, r.Uploaded)
	case c.Quarantine:
		fmt.Fprintf(s.Out, "put into quarantine: %d of %d\n", r.Quarantined, r.Uploaded)
	}
	if !c.DryRun && (!r.Nothing() || r.Quarantined > 0) {
		fmt.Fprintln(s.Out, r.Undo())
	}
	return nil
}

func writeUploads(s *cli.Session, all []catalog.Uploaded, none string) error {
	if len(all) == 0 {
		fmt.Fprintln(s.Out, none)
		return nil
	}
	var rows [][]string
	for _, f := range uploadRows(all) {
		rows = append(rows,
			[]string{
				f.Filename, f.Repository + "/" + f.Project, f.Uploaded.String(), f.Uploader, f.Quarantined.String(), f.Reason,
			})
	}
	return terminal.Listing{}.Write(s.Out, nil, []string{"FILE", "PROJECT", "UPLOADED", "BY", "QUARANTINED", "REASON"},
		rows)
}
