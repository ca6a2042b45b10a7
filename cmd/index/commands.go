//go:build !windows

package main

import (
	"errors"

	"github.com/alecthomas/kong"

	"pyindex/internal/cijob"
	"pyindex/internal/cli"
	"pyindex/internal/cli/incident"
	"pyindex/internal/cli/people"
	"pyindex/internal/cli/projects"
	"pyindex/internal/cli/publishing"
	"pyindex/internal/cli/upkeep"
	"pyindex/internal/config"
	"pyindex/internal/manual"
	"pyindex/internal/terminal"
	"pyindex/internal/version"
)

// commands is the command line: settings, then a command.
type commands struct {
	config.Config

	Serve     serveCmd             `cmd:"" help:"Serve the index."`
	User      people.User          `cmd:"" help:"People who have an account."`
	Token     people.Token         `cmd:"" help:"API tokens."`
	Publisher publishing.Publisher `cmd:"" help:"Workloads that may publish without a stored secret."`
	Reader    publishing.Reader    `cmd:"" help:"Workloads that may read without a stored secret."`
	Login     cijob.Login          `cmd:"" help:"In a CI job: exchange the job's identity for a token, and write how to use it."`
	Project   projects.Project     `cmd:"" help:"Projects and their releases."`

	Repository projects.Repository `cmd:"" help:"Collections of projects."`
	Name       projects.Name       `cmd:"" help:"Project names that are taken, also by deleted projects."`
	Group      people.Group        `cmd:"" help:"Groups of users, who have roles together."`
	Grant      people.Grant        `cmd:"" help:"Roles of users in projects and repositories."`

	Lockout    incident.Lockout    `cmd:"" help:"End everything that somebody can do here, in one act, and list what they uploaded."`
	Quarantine incident.Quarantine `cmd:"" help:"Files that nobody can install for now."`

	Upload    projects.Upload  `cmd:"" help:"Add files through the same checks as uploads by network."`
	Mail      upkeep.Mail      `cmd:"" help:"Messages that the index sends."`
	GC        upkeep.GC        `cmd:"" name:"gc" help:"Remove bytes that nothing names any more."`
	Migrate   upkeep.Migrate   `cmd:"" help:"Move the index to another database and another store."`
	Recovered upkeep.Recovered `cmd:"" help:"Finish a database restore by moving the serial past every number used before."`
	Doctor    doctorCmd        `cmd:"" help:"Look for what is wrong, here or between a CI job and the index."`
	Version   version.Command  `cmd:"" help:"Print the version."`

	Completion manual.Completion `cmd:"" help:"Print a script that completes command lines in a shell."`
	Man        manual.Man        `cmd:"" help:"Print the manual page."`
}

// doctorCmd has the checks on either side of an upload.
type doctorCmd struct {
	Local   upkeep.Doctor `cmd:"" default:"withargs" help:"Look at this installation: its folder, database, storage, address, certificate and issuers (the default)."`
	Publish cijob.Doctor  `cmd:"" help:"Inside a CI job: would trusted publishing work from here, and which publisher would accept this job?"`
}

// options returns the options of the parser, and makes the flags that depend on the kinds of issuers.
func (c *commands) options() kong.Option {
	publishing.SetKinds(&c.Publisher, &c.Reader)
	return config.KongOptions()
}

// check refuses impossible settings.
func (c *commands) check(parsed *kong.Context) error {
	return errors.Join(config.SecretsOnCommandLine(parsed), c.Config.Check())
}

func (c *commands) run(parsed *kong.Context, t terminal.Session) error {
	c.Login.Default = c.BaseURL.URL
	s := cli.Session{Session: t, Config: &c.Config}
	return parsed.Run(&s, &s.Session)
}
