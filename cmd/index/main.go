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
)

// commands is the command line: settings, then a command.
type commands struct {
	Config

	Serve     serveCmd     `cmd:"" help:"Serve the index."`
	User      userCmd      `cmd:"" help:"People who have an account."`
	Token     tokenCmd     `cmd:"" help:"API tokens."`
	Publisher publisherCmd `cmd:"" help:"Workloads that may publish without a stored secret."`
	Reader    readerCmd    `cmd:"" help:"Workloads that may read without a stored secret."`
	Login     loginCmd     `cmd:"" help:"In a CI job: exchange the job's identity for a token, and write how to use it."`
	Project   projectCmd   `cmd:"" help:"Projects and their releases."`

	Repository repositoryCmd `cmd:"" help:"Collections of projects."`
	Name       nameCmd       `cmd:"" help:"Project names that are taken, also by deleted projects."`
	Group      groupCmd      `cmd:"" help:"Groups of users, who have roles together."`
	Grant      grantCmd      `cmd:"" help:"Roles of users in projects and repositories."`

	Lockout    lockoutCmd    `cmd:"" help:"End everything that somebody can do here, in one act, and list what they uploaded."`
	Quarantine quarantineCmd `cmd:"" help:"Files that nobody can install for now."`

	Upload    uploadCmd    `cmd:"" help:"Add files through the same checks as uploads by network."`
	Mail      mailCmd      `cmd:"" help:"Messages that the index sends."`
	GC        gcCmd        `cmd:"" name:"gc" help:"Remove bytes that nothing names any more."`
	Migrate   migrateCmd   `cmd:"" help:"Move the index to another database and another store."`
	Recovered recoveredCmd `cmd:"" help:"Finish a database restore by moving the serial past every number used before."`
	Doctor    doctorCmd    `cmd:"" help:"Look for what is wrong, here or between a CI job and the index."`
	Version   versionCmd   `cmd:"" help:"Say which program this is."`
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
		complain(errs, err)
		return statusMisused
	}
	parsed, err := parser.Parse(args)
	if err == nil {
		err = errors.Join(secretsOnCommandLine(parsed), c.check())
	}
	if err != nil {
		complain(errs, fmt.Errorf("%w; index --help tells how it is used", err))
		return statusMisused
	}
	c.Login.Default = c.Config.BaseURL.parsed
	s := session{terminal: terminal{ctx: ctx, in: in, out: out, errs: errs}, config: &c.Config}
	if err := parsed.Run(&s, &s.terminal); err != nil {
		complain(errs, err)
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
		kongOptions(),
	)
}
