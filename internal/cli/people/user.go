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

	ResetLink   userResetLinkCmd   `cmd:"" help:"Print a link for setting a new password, or for creating the first administrator. It can be used once, within a day."`
	Invite      userInviteCmd      `cmd:"" help:"Print a link for creating an account. It can be used once, within a week."`
	Invitations userInvitationsCmd `cmd:"" help:"List the open invitations."`
	Approve     userApproveCmd     `cmd:"" help:"Approve an invitation by an owner of a project."`
	Uninvite    userUninviteCmd    `cmd:"" help:"Revoke or refuse an invitation."`
}

type userAddCmd struct {
	Name          string `arg:"" help:"User name: lower-case letters, digits, '.', '-' and '_'."`
	Admin         bool   `help:"Make the user an administrator."`
	PasswordStdin bool   `help:"Read a password for the web pages from standard input."`
}

// Run creates the account.
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
		if err == nil {
			fmt.Fprintf(s.Out, "user %s was added\n", u.Name)
		}
		return err
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
		for _, u := range all {
			state := "active"
			if !u.Active() {
				state = "disabled"
			}
			fmt.Fprintf(s.Out, "%s invited %s, whose account is %s\n", u.By, u.Name, state)
		}
		return s.Believed(a)
	})
}

type userEnableCmd struct {
	Name string `arg:""`
}

// Run enables the account.
func (c *userEnableCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error { return a.Directory.EnableUser(s.Ctx, a.Operator, c.Name) })
}
