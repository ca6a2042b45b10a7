package people

import (
	"fmt"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/account"
	"pyindex/internal/account/onetime"
	"pyindex/internal/account/outbox"
	"pyindex/internal/app"
	"pyindex/internal/cli"
	"pyindex/internal/fault"
	"pyindex/internal/terminal"
	"pyindex/web/ui"
)

type userRemoveFactorsCmd struct {
	Name string `arg:""`
}

// Run removes the user's authenticator, recovery codes and passkeys.
func (c *userRemoveFactorsCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error { return a.Accounts.RemoveFactors(s.Ctx, a.Operator, c.Name) })
}

type userIdentitiesCmd struct {
	Name string `arg:""`
	terminal.Listing
}

type identityRow struct {
	Issuer  string          `json:"issuer"`
	Subject string          `json:"subject"`
	Linked  terminal.Moment `json:"linked"`
}

// Run lists the identities.
func (c *userIdentitiesCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error {
		all, err := a.Accounts.IdentitiesOf(s.Ctx, a.Operator, c.Name)
		if err != nil {
			return err
		}
		var list []identityRow
		var rows [][]string
		for _, id := range all {
			r := identityRow{id.Issuer, id.Subject, terminal.Moment(id.LinkedAt)}
			list = append(list, r)
			rows = append(rows, []string{r.Issuer, r.Subject, r.Linked.String()})
		}
		return c.Write(s.Out, terminal.NotNil(list), []string{"ISSUER", "SUBJECT", "LINKED"}, rows)
	})
}

type userUnlinkCmd struct {
	Name    string `arg:""`
	Issuer  string `required:"" help:"Issuer, as listed by index user identities."`
	Subject string `required:"" help:"Subject, as listed by index user identities."`
}

// Run unlinks the identity.
func (c *userUnlinkCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error { return a.Accounts.UnlinkOf(s.Ctx, a.Operator, c.Name, c.Issuer, c.Subject) })
}

type userResetLinkCmd struct {
	Name string `arg:"" optional:"" help:"User name. Omit it on an index without users to print a new link for the first administrator."`
	terminal.Listing
}

// Run prints only the link to standard output.
func (c *userResetLinkCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error {
		var link string
		var err error
		if c.Name == "" {
			link, err = firstLink(s, a)
		} else {
			link, err = resetLink(s, a, c.Name)
		}
		if err != nil {
			return err
		}
		return c.Report(s.Out, struct {
			Name string `json:"name"`
			Link string `json:"password_link"`
		}{c.Name, link}, link)
	})
}

// resetLink returns a link with which a user sets a new password.
func resetLink(s *cli.Session, a *app.App, name string) (string, error) {
	secret, err := a.Accounts.ResetLink(s.Ctx, a.Operator, name)
	if err != nil {
		return "", err
	}
	return a.LinkTo(ui.LinkPath(onetime.Reset, secret)), nil
}

// firstLink returns a new link for the first administrator. It ends the one that the server printed.
func firstLink(s *cli.Session, a *app.App) (string, error) {
	secret, err := a.Accounts.FirstLink(s.Ctx, a.Operator)
	if err != nil {
		return "", err
	}
	if secret == "" {
		return "", fault.New(fault.Invalid, "this index has users: name one of them, such as index user reset-link alice")
	}
	return a.LinkTo(ui.LinkPath(onetime.First, secret)), nil
}

type userInviteCmd struct {
	Name       string   `help:"User name of the new account (default: chosen by the invited person)."`
	Email      string   `help:"E-mail address of the invited person. The link is also sent there if mail.server is set."`
	Admin      bool     `help:"Make the user an administrator."`
	Role       string   `enum:"reader,uploader,maintainer,owner" default:"uploader" help:"Role in the projects, or in the whole repository if only --repository is given."`
	Project    []string `help:"Projects in which the new account gets the role."`
	Repository string   `help:"Repository of the projects (default: main)."`
	terminal.Listing
}

// Run prints only the link to standard output. It also sends the link if there is an address and a mail server.
func (c *userInviteCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error {
		n := account.NewInvitation{Name: c.Name, Email: c.Email, Admin: c.Admin}
		role, err := access.ParseRole(c.Role)
		if err != nil {
			return err
		}
		places := c.Project
		if len(places) == 0 && c.Repository != "" {
			places = []string{""}
		}
		for _, p := range places {
			g, err := a.Index.MayGrant(s.Ctx, a.Operator, c.Repository, p, role)
			if err != nil {
				return err
			}
			n.Grants = append(n.Grants, g)
		}
		o, secret, err := a.Accounts.Invite(s.Ctx, a.Operator, n)
		if err != nil {
			return err
		}
		link := a.LinkTo(ui.LinkPath(onetime.Invite, secret))
		err = c.Report(s.Out, struct {
			ID      string          `json:"id"`
			Link    string          `json:"link"`
			Expires terminal.Moment `json:"expires"`
		}{o.ID, link, terminal.Moment(o.ExpiresAt)}, link)
		sendLetter(s, c.Email, outbox.InvitationLetter(s.Config.Name(), o.By, o.Invitation.Roles(), link))
		return err
	})
}

type userInvitationsCmd struct{ terminal.Listing }

type invitationRow struct {
	ID      string          `json:"id"`
	Name    string          `json:"name"`
	Email   string          `json:"email"`
	Admin   bool            `json:"admin"`
	Grants  []onetime.Grant `json:"grants"`
	Expires terminal.Moment `json:"expires"`
	By      string          `json:"by"`      // user name, "" for the operator
	Waiting bool            `json:"waiting"` // for an administrator's approval
}

// Run lists the invitations.
func (c *userInvitationsCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error {
		open, err := a.Accounts.Invitations(s.Ctx, a.Operator)
		if err != nil {
			return err
		}
		var list []invitationRow
		var rows [][]string
		for _, l := range open {
			r := invitationRow{
				l.ID, l.Invitation.Name, l.Invitation.Email, l.Invitation.Admin, l.Invitation.Grants, terminal.Moment(l.ExpiresAt),
				l.By, l.Waiting,
			}
			list = append(list, r)
			var grants []string
			for _, g := range r.Grants {
				grants = append(grants, g.Role+" of "+g.Where)
			}
			rows = append(rows,
				[]string{
					r.ID, r.Name, r.Email, terminal.Yes(r.Admin), strings.Join(grants, ", "), r.Expires.String(), terminal.Dash(r.By),
					waiting(r.Waiting),
				})
		}
		return c.Write(s.Out, terminal.NotNil(list),
			[]string{"ID", "NAME", "EMAIL", "ADMIN", "ROLES", "EXPIRES", "BY", "STATE"}, rows)
	})
}

func waiting(b bool) string {
	if b {
		return "waits for approval"
	}
	return "open"
}

type userApproveCmd struct {
	ID string `arg:"" name:"id"`
	terminal.Listing
}

// Run approves the invitation.
func (c *userApproveCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error {
		o, err := a.Accounts.ApproveInvitation(s.Ctx, a.Operator, c.ID)
		if err != nil {
			return err
		}
		return c.Report(s.Out, struct {
			ID      string          `json:"id"`
			By      string          `json:"by"`
			Expires terminal.Moment `json:"expires"`
		}{o.ID, o.By, terminal.Moment(o.ExpiresAt)},
			fmt.Sprintf("the invitation by %s was approved; its link works for a week", o.By))
	})
}

type userUninviteCmd struct {
	ID string `arg:"" name:"id"`
}

// Run revokes the invitation.
func (c *userUninviteCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error {
		_, err := a.Accounts.RevokeInvitation(s.Ctx, a.Operator, c.ID)
		if fault.Is(err, fault.NotFound) {
			return fault.Wrap(fault.NotFound, err,
				"there is no open invitation %.80q: index user invitations lists the open ones", c.ID)
		}
		return err
	})
}
