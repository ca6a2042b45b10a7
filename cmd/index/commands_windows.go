package main

import (
	"net/url"

	"github.com/alecthomas/kong"

	"pyindex/internal/cijob"
	"pyindex/internal/fault"
	"pyindex/internal/manual"
	"pyindex/internal/terminal"
	"pyindex/internal/version"
)

// commands is the command line on Windows: the commands that run in a CI job. The others need a data folder.
type commands struct {
	BaseURL *url.URL `name:"base-url" env:"INDEX_BASE_URL" placeholder:"URL" help:"Where clients reach the index."`

	Login   cijob.Login     `cmd:"" help:"In a CI job: exchange the job's identity for a token, and write how to use it."`
	Doctor  doctorCmd       `cmd:"" help:"Look for what is wrong between a CI job and the index."`
	Version version.Command `cmd:"" help:"Print the version."`

	Completion manual.Completion `cmd:"" help:"Print a script that completes command lines in a shell."`
	Man        manual.Man        `cmd:"" help:"Print the manual page."`

	Serve  unsupported `cmd:"" passthrough:"" help:"Not supported on Windows."`
	Others others      `embed:""`
}

type doctorCmd struct {
	Publish cijob.Doctor `cmd:"" help:"Inside a CI job: would trusted publishing work from here, and which publisher would accept this job?"`
}

// others are the administrator's commands.
type others struct {
	User, Token, Publisher, Reader, Project, Repository, Name, Group, Grant, Lockout, Quarantine unsupported `cmd:"" hidden:"" passthrough:""`

	Upload, Mail, Migrate, Recovered unsupported `cmd:"" hidden:"" passthrough:""`

	GC unsupported `cmd:"" name:"gc" hidden:"" passthrough:""`
}

// unsupported is a command that this program does not have on Windows.
type unsupported struct {
	Args []string `arg:"" optional:""`
}

// Run refuses.
func (*unsupported) Run(parsed *kong.Context) error {
	return fault.New(fault.Invalid, "%s is not supported on Windows: run it on Linux or macOS, or in a container",
		parsed.Selected().Name)
}

func (c *commands) options() kong.Option {
	return kong.OptionFunc(func(*kong.Kong) error { return nil })
}

func (c *commands) check(*kong.Context) error { return nil }

func (c *commands) run(parsed *kong.Context, s terminal.Session) error {
	c.Login.Default = c.BaseURL
	return parsed.Run(&s)
}
