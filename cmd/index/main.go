package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"pyindex/internal/cijob"
	"pyindex/internal/cli"
	"pyindex/internal/cli/incident"
	"pyindex/internal/cli/people"
	"pyindex/internal/cli/projects"
	"pyindex/internal/cli/publishing"
	"pyindex/internal/cli/upkeep"
	"pyindex/internal/config"
	"pyindex/internal/terminal"
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
	Version   versionCmd       `cmd:"" help:"Say which program this is."`
}

// Exit statuses.
const (
	statusDone    = 0
	statusRefused = 1
	statusMisused = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second interrupt ends the program without a drain
	status := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// run runs one command line and returns the exit status. What went wrong is one line on errs.
func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	var c commands
	parser, err := newParser(&c, out, errs)
	if err != nil {
		terminal.Complain(errs, err)
		return statusMisused
	}
	parsed, err := parser.Parse(args)
	if err == nil {
		err = errors.Join(config.SecretsOnCommandLine(parsed), c.Check())
	}
	if err != nil {
		terminal.Complain(errs, fmt.Errorf("%w; index --help tells how it is used", err))
		return statusMisused
	}
	c.Login.Default = c.Config.BaseURL.URL
	s := cli.Session{Session: terminal.Session{Ctx: ctx, In: in, Out: out, Errs: errs}, Config: &c.Config}
	if err := parsed.Run(&s, &s.Session); err != nil {
		terminal.Complain(errs, err)
		return statusRefused
	}
	return statusDone
}

// newParser returns the parser of the command line, the environment and the file.
func newParser(c *commands, out, errs io.Writer) (*kong.Kong, error) {
	return kong.New(c,
		kong.Name("index"),
		kong.Description("A private Python package index."),
		kong.Writers(out, errs),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110}),
		config.KongOptions(),
	)
}
