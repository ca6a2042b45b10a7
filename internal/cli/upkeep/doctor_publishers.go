package upkeep

import (
	"pyindex/internal/publishers"
	"pyindex/internal/storage/db"
	"pyindex/internal/terminal"
	"pyindex/internal/workload"
)

// shownLoose limits how many loose publishers doctor lists as text.
const shownLoose = 20

// publishers lists the publishers that let in more than most would expect, with the command that tightens each.
func (d *localDoctor) publishers(rows *db.DB) {
	const check = "publishers"
	all, loose := 0, 0
	// advise warns of a publisher if it is loose. place returns what it covers in words, with the command.
	advise := func(p publishers.Publisher, place func(w workload.Warning) (what, line string, err error)) error {
		all++
		w, ok := workload.Of(p.Provider).Severest(p.Issuer, p.Fields, p.OwnerID)
		if !ok {
			return nil
		}
		if loose++; loose > shownLoose && !d.every {
			return nil
		}
		what, line, err := place(w)
		if err == nil {
			d.found.Warn(check, line, "%s, publisher %s: %s", what, p.ID, w.Text)
		}
		return err
	}
	err := rows.Publishers().View(d.Ctx, func(tx publishers.Tx) error {
		links, err := tx.AttachedTo(d.Ctx, "", "")
		if err != nil {
			return err
		}
		for _, a := range links {
			p := a.Publisher
			if err := advise(p, func(w workload.Warning) (string, string, error) {
				project, err := tx.ProjectByID(d.Ctx, a.ProjectID)
				return "project " + a.Project, terminal.ConstrainLine(p.ID, project.Repository.Name, a.Project, p.Provider,
					p.Issuer, p.Fields, w), err
			}); err != nil {
				return err
			}
		}
		wide, err := tx.RepositoryPublishers(d.Ctx, "", "")
		if err != nil {
			return err
		}
		for _, l := range wide {
			p := l.Publisher
			if err := advise(p, func(w workload.Warning) (string, string, error) {
				repo, err := publishers.RepositoryByID(d.Ctx, tx, l.RepositoryID)
				return "names " + l.Prefix.Pattern() + " of repository " + repo.Name, terminal.ConstrainNamesLine(p.ID, repo.Name,
					l.Prefix.String(), p.Provider, p.Issuer, p.Fields, w), err
			}); err != nil {
				return err
			}
		}
		return nil
	})
	switch {
	case err != nil:
		d.found.Fail(check, "", "%s", said(err))
	case all == 0:
		d.found.Skip(check, "no project has one")
	case loose == 0:
		d.found.OK(check, "%s, none of which is loose", terminal.Plural(int64(all), "publisher"))
	case loose > shownLoose && !d.every:
		d.found.Warn(check, "The publishing page of each project shows its own.", "%s more",
			terminal.Plural(int64(loose-shownLoose), "loose publisher"))
	}
}
