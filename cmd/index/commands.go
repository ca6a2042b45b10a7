//go:build !windows

package main

import (
	"errors"

	"github.com/alecthomas/kong"

	"pyindex/internal/cijob"
	"pyindex/internal/cli"
	"pyindex/internal/cli/backups"
	"pyindex/internal/cli/feeds"
	"pyindex/internal/cli/holds"
	"pyindex/internal/cli/incident"
	"pyindex/internal/cli/people"
	"pyindex/internal/cli/policies"
	"pyindex/internal/cli/projects"
	"pyindex/internal/cli/publishing"
	"pyindex/internal/cli/transfer"
	"pyindex/internal/cli/upkeep"
	"pyindex/internal/cli/upstreams"
	"pyindex/internal/config"
	"pyindex/internal/lockfile/lockcheck"
	"pyindex/internal/manual"
	"pyindex/internal/terminal"
	"pyindex/internal/version"
)

// commands is the command line: the settings and the commands.
type commands struct {
	config.Config

	Serve     serveCmd             `cmd:"" help:"Run the server."`
	User      people.User          `cmd:"" help:"Manage user accounts and invitations."`
	Token     people.Token         `cmd:"" help:"Manage API tokens."`
	Publisher publishing.Publisher `cmd:"" help:"Manage trusted publishers: CI workloads that may publish without a stored secret."`
	Reader    publishing.Reader    `cmd:"" help:"Manage trusted readers: CI workloads that may read without a stored secret."`
	Login     cijob.Login          `cmd:"" help:"In a CI job: exchange the job's identity token for an index token, and configure a client to use it."`
	CheckLock cijob.CheckLock      `cmd:"" help:"Compare lock files with an index: what would be fetched past it, and what it lacks."`
	Project   projects.Project     `cmd:"" help:"Manage projects and their releases."`

	Repository projects.Repository `cmd:"" help:"Manage repositories (collections of projects)."`
	Upstreams  upstreams.Upstream  `cmd:"" name:"upstream" help:"Manage upstreams: other indexes on which repositories draw."`
	Feed       feeds.Feed          `cmd:"" help:"Manage feeds of advisories about vulnerable and malicious releases."`
	Name       projects.Name       `cmd:"" help:"Manage project names, including those of deleted projects."`
	Origin     projects.Origin     `cmd:"" help:"Manage whether names belong to this index or to an upstream."`
	Explain    projects.Explain    `cmd:"" help:"Explain what a repository shows of a project: its sources, and hidden files with what would free them."`
	Reserve    projects.Reserve    `cmd:"" help:"Manage names that are reserved for this index before anything is uploaded."`
	Exempt     holds.Exempt        `cmd:"" help:"Manage exemptions from the holds of a repository, and the requests for them."`
	Deny       holds.Deny          `cmd:"" help:"Manage files that are denied in all repositories."`
	Pin        holds.Pin           `cmd:"" help:"Manage files that must have a certain content."`
	Policy     policies.Policy     `cmd:"" help:"Try a policy for files of upstreams on the recorded downloads."`
	Group      people.Group        `cmd:"" help:"Manage groups of users."`
	Service    people.Service      `cmd:"" help:"Manage service accounts: accounts for machines, which belong to a project or a group."`
	Grant      people.Grant        `cmd:"" help:"Manage roles of users and groups in projects and repositories."`

	Lockout    incident.Lockout    `cmd:"" help:"Revoke all access of a user, publisher or token at once, and list its uploads."`
	Quarantine incident.Quarantine `cmd:"" help:"Manage quarantined files, which cannot be installed."`

	Upload    projects.Upload  `cmd:"" help:"Upload local files, with the same checks as uploads over the network."`
	Import    transfer.Import  `cmd:"" help:"Import files from other indexes, with their upload times and yanks."`
	Mail      upkeep.Mail      `cmd:"" help:"Manage e-mail."`
	GC        upkeep.GC        `cmd:"" name:"gc" help:"Delete stored objects that are no longer needed."`
	Backup    backups.Backup   `cmd:"" help:"Make backups of this index, verify them and remove old ones."`
	Restore   backups.Restore  `cmd:"" help:"Restore a backup into an empty database and a storage."`
	Migrate   upkeep.Migrate   `cmd:"" help:"Move the index to another database and storage."`
	Export    transfer.Export  `cmd:"" help:"Write everything that repositories contain into a folder, for another index or any web server."`
	Alias     transfer.Alias   `cmd:"" help:"Show the use of aliases: paths of another index at which repositories are served too."`
	Recovered upkeep.Recovered `cmd:"" help:"Finish a database restore: advance the serial past every number used before."`
	Verify    upkeep.Verify    `cmd:"" help:"Check that the database and the stored objects agree, and repair what can be repaired."`
	Doctor    doctorCmd        `cmd:"" help:"Diagnose problems of this installation, or between a CI job and the index."`
	Version   version.Command  `cmd:"" plain:"" help:"Print the version."`

	general `embed:""`

	Completion manual.Completion `cmd:"" plain:"" help:"Print a completion script for a shell."`
	Man        manual.Man        `cmd:"" plain:"" help:"Print the manual page."`
}

// doctorCmd has the checks of the server and those of a CI job.
type doctorCmd struct {
	Local   upkeep.Doctor `cmd:"" default:"withargs" help:"Check this installation: its data folder, database, storage, address, certificate and issuers (the default)."`
	Publish cijob.Doctor  `cmd:"" help:"In a CI job: check whether trusted publishing would work, and which publisher would accept this job."`
}

// options returns the options of the parser. It creates the flags that depend on the kinds of issuers.
func (c *commands) options() kong.Option {
	publishing.SetKinds(&c.Publisher, &c.Reader)
	return config.KongOptions()
}

// check returns an error if the settings are invalid. Commands with the tag "plain" use no settings.
func (c *commands) check(parsed *kong.Context) error {
	if config.Plain(parsed) {
		return nil
	}
	err := errors.Join(config.SecretsOnCommandLine(parsed), c.Config.Check())
	if err == nil && parsed.Command() == "serve" {
		err = c.Config.CheckServed()
	}
	return err
}

// server returns the function that serves if that is the command, and otherwise nil. It does not refer to parsed: the
// model of all commands takes megabytes.
func (c *commands) server(parsed *kong.Context) func(terminal.Session) error {
	if parsed.Command() != "serve" {
		return nil
	}
	settings := config.SettingsOf(parsed)
	return func(t terminal.Session) error {
		return c.Config.Located(serve(&cli.Session{Session: t, Config: &c.Config}, settings))
	}
}

func (c *commands) run(parsed *kong.Context, t terminal.Session) error {
	c.Login.Default = c.BaseURL.URL
	s := cli.Session{Session: t, Config: &c.Config}
	c.CheckLock.Database = cijob.Database{
		Present: func() bool { return c.Config.Exists() == nil },
		Open: func(repository string, use func(lockcheck.Site, lockcheck.Index) error) error {
			return projects.OpenForLocks(&s, repository, use)
		},
	}
	return c.Config.Located(parsed.Run(&s, &s.Session))
}
