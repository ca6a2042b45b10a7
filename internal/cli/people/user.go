// Package people has the commands about accounts: users, their groups, roles, tokens and invitations.
package people

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/app"
	"pyindex/internal/cli"
	"pyindex/internal/fault"
	"pyindex/internal/terminal"
)

// User has the commands about accounts and invitations.
type User struct {
	Add     userAddCmd     `cmd:"" help:"Create an account."`
	List    userListCmd    `cmd:"" help:"List the accounts."`
	Disable userDisableCmd `cmd:"" help:"Disable an account and revoke all its tokens."`
	Enable  userEnableCmd  `cmd:"" help:"Enable a disabled account again."`

	Identities    userIdentitiesCmd    `cmd:"" help:"List a user's single sign-on identities."`
	Unlink        userUnlinkCmd        `cmd:"" help:"Unlink a single sign-on identity from an account."`
	RemoveFactors userRemoveFactorsCmd `cmd:"" help:"Remove the authenticator, recovery codes and passkeys of a user who lost them."`

	ResetLink   userResetLinkCmd   `cmd:"" help:"Print a link for setting a new password. It can be used once, within a day."`
	Invite      userInviteCmd      `cmd:"" help:"Print a link for creating an account. It can be used once, within a week."`
	Invitations userInvitationsCmd `cmd:"" help:"List the open invitations."`
	Approve     userApproveCmd     `cmd:"" help:"Approve an invitation by an owner of a project."`
	Uninvite    userUninviteCmd    `cmd:"" help:"Revoke or refuse an invitation."`
}

type userAddCmd struct {
	Name          string `arg:"" help:"User name: lower-case letters, digits, '.', '-' and '_'."`
	Admin         bool   `help:"Make the user an administrator."`
	PasswordStdin bool   `help:"Read a password for the web pages from standard input."`
	terminal.Listing
}

// addedUser is a new account in JSON.
type addedUser struct {
	Name  string `json:"name"`
	Admin bool   `json:"admin"`
	Link  string `json:"password_link"` // "" with --password-stdin
}

// Run creates the account. Unless it has a password, Run also prints a link with which the user sets one.
func (c *userAddCmd) Run(s *cli.Session) error {
	n := access.NewUser{Name: c.Name, Admin: c.Admin}
	if c.PasswordStdin {
		var err error
		if n.Password, err = readPassword(s.In); err != nil {
			return err
		}
	}
	return s.WithNew(func(a *app.App) error {
		u, err := a.Directory.AddUser(s.Ctx, a.Operator, n)
		if err != nil {
			return err
		}
		added, text := addedUser{Name: u.Name, Admin: u.Admin}, fmt.Sprintf("user %s was added", u.Name)
		if !c.PasswordStdin {
			if added.Link, err = resetLink(s, a, u.Name); err != nil {
				return err
			}
			text += fmt.Sprintf("\n%s sets a password and signs in with this link, which can be used once, within a day:\n  %s",
				u.Name, added.Link)
		}
		return c.Report(s.Out, added, text)
	})
}

// readPassword reads a password of one line.
func readPassword(r io.Reader) (access.Secret, error) {
	line, err := bufio.NewReader(io.LimitReader(r, 4096)).ReadString('\n')
	line = strings.TrimRight(line, "\r\n")
	if line == "" || err != nil && err != io.EOF {
		return "", fault.New(fault.Invalid, "standard input has no password: pipe one in, or omit --password-stdin")
	}
	return access.Secret(line), nil
}

type userListCmd struct{ terminal.Listing }

type userRow struct {
	Name     string          `json:"name"`
	Admin    bool            `json:"admin"`
	Created  terminal.Moment `json:"created"`
	Disabled terminal.Moment `json:"disabled"`

	InvitedBy string `json:"invited_by"` // user name, or ""
}

// Run lists the accounts.
func (c *userListCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error {
		users, err := a.Directory.Users(s.Ctx, a.Operator)
		if err != nil {
			return err
		}
		names := map[string]string{}
		for _, u := range users {
			names[u.ID] = u.Name
		}
		var list []userRow
		var rows [][]string
		for _, u := range users {
			r := userRow{u.Name, u.Admin, terminal.Moment(u.CreatedAt), terminal.Moment(u.DisabledAt), names[u.InvitedBy]}
			list = append(list, r)
			rows = append(rows,
				[]string{r.Name, terminal.Yes(r.Admin), r.Created.String(), r.Disabled.String(), terminal.Dash(r.InvitedBy)})
		}
		return c.Write(s.Out, terminal.NotNil(list), []string{"NAME", "ADMIN", "CREATED", "DISABLED", "INVITED BY"}, rows)
	})
}

type userDisableCmd struct {
	Name string `arg:""`
	terminal.Listing
}

// disabledUser is the result of disabling an account in JSON.
type disabledUser struct {
	Name     string       `json:"name"`
	Invited  []inviteeRow `json:"invited"`
	Accepted int64        `json:"accepted_seconds"` // by servers without the database
}

type inviteeRow struct {
	Name   string `json:"name"`
	By     string `json:"by"`
	Active bool   `json:"active"`
}

// Run disables the account and prints the accounts that it invited, with their state.
func (c *userDisableCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error {
		if err := a.Directory.DisableUser(s.Ctx, a.Operator, c.Name); err != nil {
			return err
		}
		all, err := a.Directory.Invitees(s.Ctx, a.Operator, c.Name)
		if err != nil {
			return err
		}
		out, lines := disabledUser{Name: c.Name, Invited: []inviteeRow{}}, []string{"user " + c.Name + " was disabled"}
		for _, u := range all {
			state := "active"
			if !u.Active() {
				state = "disabled"
			}
			out.Invited = append(out.Invited, inviteeRow{u.Name, u.By, u.Active()})
			lines = append(lines, fmt.Sprintf("%s invited %s, whose account is %s", u.By, u.Name, state))
		}
		accepted, text := cli.Believed(a)
		if out.Accepted = accepted; text != "" {
			lines = append(lines, text)
		}
		return c.Report(s.Out, out, strings.Join(lines, "\n"))
	})
}

type userEnableCmd struct {
	Name string `arg:""`
}

// Run enables the account.
func (c *userEnableCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error { return a.Directory.EnableUser(s.Ctx, a.Operator, c.Name) })
}
