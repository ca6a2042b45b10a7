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
	err := rows.Publishers().View(d.Ctx, func(tx publishers.Tx) error {
		links, err := tx.AttachedTo(d.Ctx, "", "")
		if err != nil {
			return err
		}
		all = len(links)
		for _, a := range links {
			w, ok := workload.Of(a.Publisher.Provider).Severest(a.Publisher.Fields, a.Publisher.OwnerID)
			if !ok {
				continue
			}
			if loose++; loose > shownLoose && !d.every {
				continue
			}
			project, err := tx.ProjectByID(d.Ctx, a.ProjectID)
			if err != nil {
				return err
			}
			p := a.Publisher
			d.found.Warn(check,
				terminal.ConstrainLine(p.ID, project.Repository.Name, a.Project, p.Provider, p.Issuer, p.Fields, w),
				"project %s, publisher %s: %s", a.Project, p.ID, w.Text)
		}
		wide, err := tx.RepositoryPublishers(d.Ctx, "", "")
		all += len(wide)
		for _, l := range wide {
			w, ok := workload.Of(l.Publisher.Provider).Severest(l.Publisher.Fields, l.Publisher.OwnerID)
			if !ok {
				continue
			}
			if loose++; loose > shownLoose && !d.every {
				continue
			}
			repo, err := publishers.RepositoryByID(d.Ctx, tx, l.RepositoryID)
			if err != nil {
				return err
			}
			p := l.Publisher
			d.found.Warn(check,
				terminal.ConstrainNamesLine(p.ID, repo.Name, l.Prefix.String(), p.Provider, p.Issuer, p.Fields, w),
				"names %s of repository %s, publisher %s: %s", l.Prefix.Pattern(), repo.Name, p.ID, w.Text)
		}
		return err
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
