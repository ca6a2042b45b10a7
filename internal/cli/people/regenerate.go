package people

import (
	"fmt"
	"io"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/app"
	"pyindex/internal/cli"
	"pyindex/internal/config"
	"pyindex/internal/terminal"
)

type tokenRegenerateCmd struct {
	ID      string       `arg:"" help:"ID of the token, as index token list shows it."`
	Overlap config.Span  `default:"0s" placeholder:"1h" help:"How long the old token continues to work, 7d at most (default: it ends immediately)."`
	Expires *config.Span `placeholder:"24h" help:"Lifetime of the new token, such as 24h or 30d (default: access.token_default_life). 0s means no expiry; it is allowed only if access.token_max_life is 0."`
	terminal.Listing
}

// Run replaces the token. Without --json it prints only the new token to standard output, so that scripts can capture
// it.
func (c *tokenRegenerateCmd) Run(s *cli.Session) error {
	g := access.Regeneration{ID: c.ID, Overlap: time.Duration(c.Overlap)}
	if c.Expires != nil {
		g.Expires, g.Endless = time.Duration(*c.Expires), *c.Expires == 0
	}
	return s.With(func(a *app.App) error {
		t, secret, err := a.Directory.RegenerateToken(s.Ctx, a.Operator, g)
		if err != nil {
			return err
		}
		if err := printToken(s, c.Listing, t, secret, c.ID); err != nil || c.Overlap > 0 || c.JSON {
			return err
		}
		if _, text := cli.Believed(a); text != "" {
			fmt.Fprintln(s.Errs, text)
		}
		return nil
	})
}

// printToken prints a new token: as JSON, or alone with its expiry on standard error.
func printToken(s *cli.Session, l terminal.Listing, t access.TokenInfo, secret access.Secret, replaces string) error {
	out := createdToken{
		ID: t.ID, Token: secret.Reveal(), User: t.User, Scope: t.Scope.String(), Projects: terminal.NotNil(t.Projects),
		Expires: terminal.Moment(t.ExpiresAt), Replaces: replaces,
	}
	if err := l.Report(s.Out, out, out.Token); err != nil || l.JSON {
		return err
	}
	printExpiry(s.Errs, t.Token)
	return nil
}

func printExpiry(w io.Writer, t access.Token) {
	if t.ExpiresAt.IsZero() {
		fmt.Fprintln(w, "the token does not expire")
	} else {
		fmt.Fprintf(w, "the token expires on %s UTC\n", terminal.Moment(t.ExpiresAt))
	}
}
