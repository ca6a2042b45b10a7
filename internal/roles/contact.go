package roles

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// Contact is a person or group that readers can ask about a project.
type Contact struct {
	Name  string
	Group bool
	Role  access.Role // access.Owner or access.Maintainer
}

// maxContacts bounds the result of Contacts.
const maxContacts = 20

// Contacts returns the owners and then the maintainers of a project, by name, at most 20: active accounts and groups.
// If the project has no owner of its own, they include those of its repository. It returns fault.NotFound if the caller
// may not see the project.
func (x *Roles) Contacts(ctx context.Context, who access.Caller, repo string,
	name packaging.ProjectName,
) (out []Contact, err error) {
	p, err := x.index.Project(ctx, who, repo, name)
	if err != nil {
		return nil, err
	}
	var above []Contact
	err = x.store.View(ctx, func(tx Tx) error {
		out, above = nil, nil
		add := func(projectID string, c Contact) {
			switch {
			case c.Role < access.Maintainer:
			case projectID == p.ID:
				out = append(out, c)
			case projectID == "":
				above = append(above, c)
			}
		}
		grants, err := tx.GrantsAbout(ctx, p.Repository.ID, p.ID)
		if err != nil {
			return err
		}
		for _, g := range grants {
			u, err := tx.UserByID(ctx, g.UserID)
			if err != nil && !fault.Is(err, fault.NotFound) {
				return err
			}
			if err == nil && u.Active() {
				add(g.ProjectID, Contact{Name: u.Name, Role: g.Role})
			}
		}
		groups, err := tx.GroupGrants(ctx, "")
		if err != nil {
			return err
		}
		for _, g := range groups {
			if g.RepositoryID == p.Repository.ID {
				add(g.ProjectID, Contact{Name: g.Group, Group: true, Role: g.Role})
			}
		}
		return nil
	})
	if !slices.ContainsFunc(out, func(c Contact) bool { return c.Role == access.Owner }) {
		out = append(out, above...)
	}
	slices.SortFunc(out,
		func(a, b Contact) int { return cmp.Or(cmp.Compare(b.Role, a.Role), strings.Compare(a.Name, b.Name)) })
	return out[:min(len(out), maxContacts)], err
}
