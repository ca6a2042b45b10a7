package people

import (
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/app"
	"pyindex/internal/cli"
	"pyindex/internal/config"
	"pyindex/internal/packaging"
	"pyindex/internal/terminal"
)

// Token has the commands about API tokens.
type Token struct {
	Create tokenCreateCmd `cmd:"" help:"Create an API token and print it. It cannot be shown again."`
	List   tokenListCmd   `cmd:"" help:"List the API tokens."`
	Revoke tokenRevokeCmd `cmd:"" help:"Revoke an API token. This takes effect on the next request."`

	Regenerate tokenRegenerateCmd `cmd:"" help:"Replace an API token by one with the same rights and a new lifetime, and print it."`
}

type tokenCreateCmd struct {
	User        string       `required:"" placeholder:"NAME" help:"Owner of the token."`
	Project     []string     `short:"p" placeholder:"P" help:"Limit the token to this project. Can be repeated."`
	Scope       string       `enum:"upload,read,admin" default:"upload" help:"Scope of the token: read, upload or admin."`
	Expires     *config.Span `placeholder:"24h" help:"Lifetime, such as 24h or 30d (default: access.token_default_life). 0s means no expiry; it is allowed only if access.token_max_life is 0."`
	Description string       `placeholder:"D" help:"Purpose of the token."`
	Repository  string       `default:"main" help:"Repository of the projects."`
	terminal.Listing
}

// createdToken is a new token in JSON. It has the only copy of the token itself.
type createdToken struct {
	ID       string          `json:"id"`
	Token    string          `json:"token"`
	User     string          `json:"user"`
	Scope    string          `json:"scope"`
	Projects []string        `json:"projects"` // empty for all projects of the user
	Expires  terminal.Moment `json:"expires"`
	Replaces string          `json:"replaces,omitempty"` // id of the old token
}

// Run creates the token. It prints only the token to standard output, so that scripts can capture it.
func (c *tokenCreateCmd) Run(s *cli.Session) error {
	n, err := c.token()
	if err != nil {
		return err
	}
	return s.With(func(a *app.App) error {
		t, secret, err := a.Directory.CreateToken(s.Ctx, a.Operator, n)
		if err != nil {
			return err
		}
		return printToken(s, c.Listing, access.TokenInfo{Token: t, User: c.User, Projects: n.Projects}, secret, "")
	})
}

func (c *tokenCreateCmd) token() (access.NewAPIToken, error) {
	scope, err := access.ParseScope(c.Scope)
	n := access.NewAPIToken{
		User: c.User, Repository: c.Repository, Scope: scope, Description: c.Description,
	}
	if c.Expires != nil {
		n.Expires, n.Endless = time.Duration(*c.Expires), *c.Expires == 0
	}
	for _, p := range c.Project {
		name, e := packaging.ParseProjectName(p)
		if e != nil {
			return n, e
		}
		n.Projects = append(n.Projects, name.String())
	}
	return n, err
}

type tokenListCmd struct{ terminal.Listing }

type tokenRow struct {
	ID          string          `json:"id"`
	User        string          `json:"user"`
	Scope       string          `json:"scope"`
	Projects    []string        `json:"projects"` // empty for all projects of the user
	Description string          `json:"description"`
	Created     terminal.Moment `json:"created"`
	Expires     terminal.Moment `json:"expires"`
	LastUsed    terminal.Moment `json:"last_used"`
	Revoked     terminal.Moment `json:"revoked"`
	// "no expiry", "longer than allowed", "expires soon", "replaced", "expired" or ""
	Note string `json:"note"`
}

// Run lists the tokens, without their secrets.
func (c *tokenListCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error {
		tokens, err := a.Directory.Tokens(s.Ctx, a.Operator)
		if err != nil {
			return err
		}
		owners, err := serviceOwners(s, a)
		if err != nil {
			return err
		}
		var list []tokenRow
		var rows [][]string
		for _, t := range tokens {
			r := tokenRow{
				t.ID, t.User, t.Scope.String(), terminal.NotNil(t.Projects), t.Description,
				terminal.Moment(t.CreatedAt), terminal.Moment(t.ExpiresAt), terminal.Moment(t.LastUsedAt),
				terminal.Moment(t.RevokedAt), "",
			}
			if t.RevokedAt.IsZero() {
				r.Note = string(a.Directory.Mark(t.Token))
			}
			list = append(list, r)
			rows = append(rows,
				[]string{
					r.ID, r.User, r.Scope, projectsText(t.Limited, r.Projects, owners[t.User]), r.Expires.String(),
					r.LastUsed.String(), r.Revoked.String(), terminal.Dash(r.Note), r.Description,
				})
		}
		return c.Write(s.Out, terminal.NotNil(list),
			[]string{"ID", "USER", "SCOPE", "PROJECTS", "EXPIRES", "LAST USED", "REVOKED", "NOTE", "DESCRIPTION"}, rows)
	})
}

// serviceOwners returns what a token of each service account can reach at most, for the list: a project, or the
// projects of a group.
func serviceOwners(s *cli.Session, a *app.App) (map[string]string, error) {
	all, err := a.Directory.Services(s.Ctx, a.Operator)
	owners := map[string]string{}
	for _, x := range all {
		owners[x.Name] = x.Project
		if x.Group != "" {
			owners[x.Name] = "of group " + x.Group
		}
	}
	return owners, err
}

// projectsText returns the projects of a token. The owner is what a service account belongs to, "" for other users.
func projectsText(limited bool, projects []string, owner string) string {
	switch {
	case len(projects) > 0:
		return strings.Join(projects, ",")
	case limited:
		return "none left"
	case owner != "":
		return owner
	}
	return "all"
}

type tokenRevokeCmd struct {
	ID string `arg:""`
	terminal.Listing
}

// Run revokes the token.
func (c *tokenRevokeCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error {
		if err := a.Directory.RevokeToken(s.Ctx, a.Operator, c.ID); err != nil {
			return err
		}
		accepted, text := cli.Believed(a)
		if text == "" {
			text = "token " + c.ID + " was revoked"
		}
		return c.Report(s.Out, struct {
			ID       string `json:"id"`
			Accepted int64  `json:"accepted_seconds"` // by servers without the database
		}{c.ID, accepted}, text)
	})
}
