package transfer

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"pyindex/internal/alias"
	"pyindex/internal/app"
	"pyindex/internal/catalog"
	"pyindex/internal/cli"
	"pyindex/internal/terminal"
)

// Alias has the commands about aliases, which are settings.
type Alias struct {
	List aliasListCmd `cmd:"" help:"List the aliases with their use, so that you see when nobody needs them any longer."`
	Uses aliasUsesCmd `cmd:"" help:"List the requests below aliases by day."`
}

type aliasListCmd struct {
	Days int `default:"30" help:"Count the requests of this many days."`
	terminal.Listing
}

// listedAlias is an alias in JSON.
type listedAlias struct {
	Path       string          `json:"path"`
	Repository string          `json:"repository"`
	Exists     bool            `json:"repository_exists"`
	Requests   int64           `json:"requests"`
	LastUsed   terminal.Moment `json:"last_used_at"`
	Client     string          `json:"last_client"`
}

// since returns the beginning of the first of some days, of which today is the last.
func since(days int) time.Time {
	return time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, 1-max(days, 1))
}

// Run lists the aliases.
func (c *aliasListCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error {
		uses, err := a.Aliases.Uses(s.Ctx, a.Operator, time.Time{})
		if err != nil {
			return err
		}
		repositories, err := a.Index.Repositories(s.Ctx, a.Operator)
		if err != nil {
			return err
		}
		var out []listedAlias
		var rows [][]string
		for _, u := range alias.Summarize(s.Config.AliasList(), uses) {
			one := listedAlias{
				Path: u.Path, Repository: u.Repository, LastUsed: terminal.Moment(u.LastAt), Client: u.Client,
				Exists: slices.ContainsFunc(repositories, func(r catalog.Repository) bool { return r.Name == u.Repository }),
			}
			for _, day := range uses {
				if day.Path == u.Path && !day.Day.Before(since(c.Days)) {
					one.Requests += day.Requests
				}
			}
			out = append(out, one)
			repository := one.Repository
			if !one.Exists {
				repository += " (does not exist)"
			}
			rows = append(rows, []string{
				one.Path, repository, strconv.FormatInt(one.Requests, 10), one.LastUsed.String(), one.Client,
			})
		}
		return c.Write(s.Out, terminal.NotNil(out),
			[]string{"PATH", "REPOSITORY", fmt.Sprintf("REQUESTS IN %d DAYS", max(c.Days, 1)), "LAST USED", "CLIENT"}, rows)
	})
}

type aliasUsesCmd struct {
	Days int `default:"30" help:"List this many days."`
	terminal.Listing
}

// aliasUse is a day of an alias in JSON.
type aliasUse struct {
	Day      string          `json:"day"`
	Path     string          `json:"path"`
	Requests int64           `json:"requests"`
	LastUsed terminal.Moment `json:"last_used_at"`
	Client   string          `json:"last_client"`
}

// Run lists the uses, also of aliases that are no longer in the settings.
func (c *aliasUsesCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error {
		uses, err := a.Aliases.Uses(s.Ctx, a.Operator, since(c.Days))
		if err != nil {
			return err
		}
		var out []aliasUse
		var rows [][]string
		for _, u := range uses {
			one := aliasUse{u.Day.Format(time.DateOnly), u.Path, u.Requests, terminal.Moment(u.LastAt), u.Client}
			out = append(out, one)
			rows = append(rows,
				[]string{one.Day, one.Path, strconv.FormatInt(one.Requests, 10), one.LastUsed.String(), one.Client})
		}
		return c.Write(s.Out, terminal.NotNil(out), []string{"DAY", "PATH", "REQUESTS", "LAST USED", "CLIENT"}, rows)
	})
}
