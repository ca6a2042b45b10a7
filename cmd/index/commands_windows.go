package main

import (
	"net/url"

	"github.com/alecthomas/kong"

	"pyindex/internal/cijob"
	"pyindex/internal/manual"
	"pyindex/internal/terminal"
	"pyindex/internal/version"
)

// commands is the command line on Windows: the commands for CI jobs. The other commands are not supported.
type commands struct {
	BaseURL *url.URL `name:"base-url" env:"INDEX_BASE_URL" placeholder:"URL" help:"URL at which clients reach the index."`

	Login     cijob.Login     `cmd:"" help:"In a CI job: exchange the job's identity token for an index token, and configure a client to use it."`
	CheckLock cijob.CheckLock `cmd:"" help:"Compare lock files with an index: what would be fetched past it, and what it lacks."`
	Doctor    doctorCmd       `cmd:"" help:"Diagnose problems between a CI job and the index."`
	Version   version.Command `cmd:"" help:"Print the version."`

	general `embed:""`

	Completion manual.Completion `cmd:"" help:"Print a completion script for a shell."`
	Man        manual.Man        `cmd:"" help:"Print the manual page."`

	Serve  unsupported `cmd:"" passthrough:"" help:"Not supported on Windows."`
	Others others      `embed:""`
}

type doctorCmd struct {
	Publish cijob.Doctor `cmd:"" help:"In a CI job: check whether trusted publishing would work, and which publisher would accept this job."`
}

// others lists the administrator's commands.
type others struct {
	User, Token, Publisher, Reader, Project, Repository, Name, Group, Grant, Lockout, Quarantine unsupported `cmd:"" hidden:"" passthrough:""`

	Upload, Mail, Migrate, Recovered unsupported `cmd:"" hidden:"" passthrough:""`

	GC unsupported `cmd:"" name:"gc" hidden:"" passthrough:""`
}

func (c *commands) options() kong.Option {
	return kong.OptionFunc(func(*kong.Kong) error { return nil })
}

func (c *commands) check(*kong.Context) error { return nil }

// server returns nil, because Windows has only the commands of clients.
func (c *commands) server(*kong.Context) func(terminal.Session) error { return nil }

func (c *commands) run(parsed *kong.Context, s terminal.Session) error {
	c.Login.Default = c.BaseURL
	return parsed.Run(&s)
}
