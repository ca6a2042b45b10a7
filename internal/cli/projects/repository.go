package projects

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/app"
	"pyindex/internal/catalog"
	"pyindex/internal/cli"
	"pyindex/internal/fault"
	"pyindex/internal/policy"
	"pyindex/internal/span"
	"pyindex/internal/terminal"
)

// Repository has the commands about repositories.
type Repository struct {
	Add    repositoryAddCmd    `cmd:"" help:"Create a repository at /r/NAME/."`
	List   repositoryListCmd   `cmd:"" help:"List the repositories."`
	Set    repositorySetCmd    `cmd:"" help:"Change settings of a repository, such as its bases."`
	Limit  repositoryLimitCmd  `cmd:"" help:"Show or change the size limit of a repository."`
	Remove repositoryRemoveCmd `cmd:"" help:"Remove an empty repository."`
}

type repositoryAddCmd struct {
	Name    string `arg:"" help:"Name: lower-case letters, digits and '-'."`
	Members string `enum:"none,reader,uploader" default:"none" help:"Role of every user in the repository: none, reader, or uploader, who may also create projects."`
	Public  bool   `help:"Allow reading without a token, if access.anonymous_read is set."`
	throughBases
	terminal.Listing
}

// throughBases are the settings of a repository about what is read through its bases.
type throughBases struct {
	Base            []string `placeholder:"B" sep:"none" help:"Name of a repository, or upstream:NAME, on which the repository draws, in this order. Repeatable."`
	RequireHashes   *bool    `negatable:"" help:"List a file of an upstream only when its sha256 is known (the default)."`
	UpstreamReaders *string  `placeholder:"any|repository" help:"Callers that may read names of upstreams: any, who may read anything in the repository (the default), or repository, who may read all of it."`
	AnonymousFetch  *bool    `negatable:"" help:"Let requests without a token cause requests to upstreams. Without it, they get what is kept."`

	Cooldown      *string         `placeholder:"D" help:"Age from which files of upstreams are served, such as 72h or 7d; 0s for any."`
	CooldownSince *string         `placeholder:"DATE" help:"Do not hold files for their age that this index knew before this date; empty for none."`
	Observe       *bool           `negatable:"" help:"Only log and count what cooldown, start-up files, removals and advisories would hold or deny."`
	StartupFiles  *policy.Startup `placeholder:"allow|known|refuse" help:"Start-up files in wheels of upstreams: known, those that an earlier version has (the default), allow or refuse."`
	ShowHeld      *string         `placeholder:"yanked|hidden" help:"List files that are not served as yanked, with the reason (the default), or leave them out."`
	KeepRemoved   *policy.Removed `placeholder:"all|old|none" help:"Files that an upstream removed and that clients still ask for: old, those that were 30 days old (the default), all or none."`
}

// change returns the given settings. Bases are nil unless some were given. It returns fault.Invalid for a wrong
// duration or date.
func (t *throughBases) change() (catalog.RepositoryChange, error) {
	c := catalog.RepositoryChange{
		RequireHashes: t.RequireHashes, UpstreamReaders: t.UpstreamReaders, AnonymousFetch: t.AnonymousFetch,
		Observe: t.Observe, StartupFiles: t.StartupFiles, ShowHeld: t.ShowHeld, KeepRemoved: t.KeepRemoved,
	}
	if t.Cooldown != nil {
		wait, err := span.Parse(*t.Cooldown)
		if err != nil {
			return c, fault.New(fault.Invalid, "--cooldown: %.80q is not a duration: write for example 72h or 7d", *t.Cooldown)
		}
		c.Cooldown = &wait
	}
	if t.CooldownSince != nil {
		since, err := catalog.ParseSince(*t.CooldownSince)
		if err != nil {
			return c, fault.New(fault.Invalid, "--cooldown-since: %.80q is not a date: write for example 2026-12-01",
				*t.CooldownSince)
		}
		c.CooldownSince = &since
	}
	if len(t.Base) > 0 {
		bases := []catalog.Base{}
		for _, text := range t.Base {
			bases = append(bases, catalog.ParseBase(text))
		}
		c.Bases = &bases
	}
	return c, nil
}

// changedRepository is a repository that was added or removed, in JSON.
type changedRepository struct {
	Name string `json:"name"`
}

// Run creates the repository.
func (c *repositoryAddCmd) Run(s *cli.Session) error {
	role, err := access.ParseRole(c.Members)
	if err != nil {
		return err
	}
	reading, err := c.change()
	if err != nil {
		return err
	}
	return s.With(func(a *app.App) error {
		n := catalog.NewRepository{Name: c.Name, Members: role, Public: c.Public, Reading: reading}
		if reading.Bases != nil {
			n.Bases = *reading.Bases
		}
		if err := a.Index.AddRepository(s.Ctx, a.Operator, n); err != nil {
			return err
		}
		return c.Report(s.Out, changedRepository{c.Name},
			fmt.Sprintf("repository %s was added: it is at /r/%s/simple/ and /r/%s/legacy/", c.Name, c.Name, c.Name))
	})
}

type repositorySetCmd struct {
	Name    string  `arg:""`
	Members *string `placeholder:"ROLE" help:"Role of every user in the repository: none, reader, or uploader, who may also create projects."`
	Public  *bool   `negatable:"" help:"Allow reading without a token, if access.anonymous_read is set."`
	NoBases bool    `help:"Remove the bases."`
	throughBases
	terminal.Listing
}

// Run changes the given settings.
func (c *repositorySetCmd) Run(s *cli.Session) error {
	change, err := c.change()
	if err != nil {
		return err
	}
	change.Public = c.Public
	if c.Members != nil {
		role, err := access.ParseRole(*c.Members)
		if err != nil {
			return err
		}
		change.Members = &role
	}
	if c.NoBases {
		if change.Bases != nil {
			return fault.New(fault.Invalid, "choose --base or --no-bases")
		}
		change.Bases = &[]catalog.Base{}
	}
	if change == (catalog.RepositoryChange{}) {
		return fault.New(fault.Invalid, "nothing to change: index repository set --help shows the settings")
	}
	return s.With(func(a *app.App) error {
		if err := a.Index.ChangeRepository(s.Ctx, a.Operator, c.Name, change); err != nil {
			return err
		}
		rules, err := effects(s, a, c.Name)
		if err != nil {
			return err
		}
		text := "repository " + c.Name + " was changed" + unheld(change, time.Now())
		return c.Report(s.Out, changedRules{changedRepository{c.Name}, rules},
			strings.Join(append([]string{text}, rules...), "\n"))
	})
}

// changedRules is a repository that was changed, with the rules in effect in sentences, in JSON.
type changedRules struct {
	changedRepository
	Rules []string `json:"rules"`
}

// effects returns what the settings of a repository do to files of upstreams, in sentences.
func effects(s *cli.Session, a *app.App, name string) ([]string, error) {
	r, err := a.Index.Repository(s.Ctx, a.Operator, name)
	if err != nil {
		return nil, err
	}
	bases, err := a.Index.Bases(s.Ctx, a.Operator)
	return rulesOf(r, bases[name]), err
}

// rulesOf returns what the settings of a repository with these bases do to files of upstreams, in sentences.
func rulesOf(r catalog.Repository, bases []catalog.Base) []string {
	rules := r.Effects(slices.ContainsFunc(bases, func(b catalog.Base) bool { return b.Upstream != "" }))
	if r.Observe {
		rules = append(rules, "The repository only observes: this is counted, and the files are served.")
	}
	return rules
}

// unheld says that a date of a change is in the future: the cooldown holds nothing before it.
func unheld(c catalog.RepositoryChange, now time.Time) string {
	if c.CooldownSince == nil || !c.CooldownSince.After(now) {
		return ""
	}
	return ": until " + catalog.SinceText(*c.CooldownSince) + ", no file is held for its age, because this index knows it" +
		" before that date"
}

type repositoryRemoveCmd struct {
	Name string `arg:""`
	terminal.Listing
}

// Run removes the repository.
func (c *repositoryRemoveCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error {
		err := a.Index.RemoveRepository(s.Ctx, a.Operator, c.Name)
		if err != nil {
			return err
		}
		return c.Report(s.Out, changedRepository{c.Name}, fmt.Sprintf("repository %s was removed", c.Name))
	})
}

type repositoryListCmd struct{ terminal.Listing }

type repositoryRow struct {
	Name    string          `json:"name"`
	Members string          `json:"members"`
	Public  bool            `json:"public"`  // if the index allows reading without a token
	Readers string          `json:"readers"` // in words
	Created terminal.Moment `json:"created"`

	Bases           []string `json:"bases"`
	RequireHashes   bool     `json:"require_hashes"`
	UpstreamReaders string   `json:"upstream_readers"`
	AnonymousFetch  bool     `json:"anonymous_fetch"`
	Declared        bool     `json:"declared"` // by the configuration of the server

	Cooldown      string         `json:"cooldown"`       // such as "3d", "0s" for none
	CooldownSince string         `json:"cooldown_since"` // "" for none
	Observe       bool           `json:"observe"`
	StartupFiles  policy.Startup `json:"startup_files"`
	ShowHeld      string         `json:"show_held"`
	KeepRemoved   policy.Removed `json:"keep_removed"`
	Rules         []string       `json:"rules"` // in effect, in sentences

	Size      int64 `json:"size"`       // bytes of all files
	SizeLimit int64 `json:"size_limit"` // in effect; 0 for none
}

// Run lists the repositories.
func (c *repositoryListCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error {
		repositories, err := a.Index.Repositories(s.Ctx, a.Operator)
		if err != nil {
			return err
		}
		bases, err := a.Index.Bases(s.Ctx, a.Operator)
		if err != nil {
			return err
		}
		var list []repositoryRow
		var rows [][]string
		for _, r := range repositories {
			row := repositoryRow{
				Name: r.Name, Members: r.Members.String(), Public: r.Public, Readers: r.Readers(a.Closed),
				Created: terminal.Moment(r.CreatedAt), Bases: []string{}, RequireHashes: r.RequireHashes,
				UpstreamReaders: r.UpstreamReaders, AnonymousFetch: r.AnonymousFetch, Declared: r.Declared,
				Cooldown: span.Text(r.Cooldown), CooldownSince: catalog.SinceText(r.CooldownSince), Observe: r.Observe,
				StartupFiles: cmp.Or(r.StartupFiles, policy.KnownStartup), ShowHeld: cmp.Or(r.ShowHeld, catalog.ShowYanked),
				KeepRemoved: cmp.Or(r.KeepRemoved, policy.KeepOld),
				Rules:       rulesOf(r, bases[r.Name]),
				Size:        r.Size, SizeLimit: a.Index.RepositoryLimitUse(r).Limit,
			}
			for _, b := range bases[r.Name] {
				row.Bases = append(row.Bases, b.String())
			}
			list = append(list, row)
			rows = append(rows,
				[]string{row.Name, row.Members, row.Readers, strings.Join(row.Bases, ", "), row.Created.String()})
		}
		err = c.Write(s.Out, terminal.NotNil(list), []string{"NAME", "MEMBERS", "READ BY", "BASES", "CREATED"}, rows)
		for _, row := range list {
			if !c.JSON && len(row.Bases) > 0 {
				fmt.Fprintf(s.Out, "\n%s: %s\n", row.Name, strings.Join(row.Rules, " "))
			}
		}
		return err
	})
}
