package roles

import (
	"context"

	"pyindex/internal/access"
	"pyindex/internal/account"
	"pyindex/internal/account/onetime"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

var _ account.Inviter = (*Roles)(nil)

// MayGrant implements account.Inviter: a caller may invite to a role if they could give it to an existing user. It
// returns fault.NotFound if the caller may not see the project, and fault.Denied unless the caller is an owner.
func (x *Roles) MayGrant(ctx context.Context, who access.Caller, repo, project string,
	role access.Role,
) (onetime.Grant, error) {
	var name packaging.ProjectName
	if project != "" {
		var err error
		if name, err = packaging.ParseProjectName(project); err != nil {
			return onetime.Grant{}, err
		}
	}
	p, err := x.place(ctx, who, repo, name)
	if err != nil {
		return onetime.Grant{}, err
	}
	if role == access.NoRole {
		return onetime.Grant{}, fault.InField("role", "an invitation needs a role: reader, uploader, maintainer or owner")
	}
	if !who.May(access.Owner, p.object()) {
		return onetime.Grant{}, fault.New(fault.Denied, "only an owner may invite people there")
	}
	where := p.repository.Name
	if p.project.ID != "" {
		where = p.project.Name.String()
	}
	return onetime.Grant{RepositoryID: p.repository.ID, ProjectID: p.project.ID, Where: where, Role: role.String()}, nil
}
