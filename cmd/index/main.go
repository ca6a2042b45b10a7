package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"pyindex/internal/fault"
	"pyindex/web"
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

// session is what a command has at hand.
type session struct {
	ctx    context.Context
	config *Config
	in     io.Reader
	out    io.Writer
	errs   io.Writer

	settings []web.Setting // for the operator's page
}

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
		return complain(errs, statusMisused, err)
	}
	parsed, err := parser.Parse(args)
	if err == nil {
		err = errors.Join(secretsOnCommandLine(parsed), c.check())
	}
	if err != nil {
		return complain(errs, statusMisused, fmt.Errorf("%w; index --help tells how it is used", err))
	}
	if err := parsed.Run(&session{ctx: ctx, config: &c.Config, in: in, out: out, errs: errs, settings: settingsOf(parsed)}); err != nil {
		return complain(errs, statusRefused, err)
	}
	return statusDone
}

// complain writes an error on one line.
func complain(w io.Writer, status int, err error) int {
	text := fault.Explain(err)
	if errors.Is(err, context.Canceled) {
		text = "interrupted"
	}
	fmt.Fprintln(w, "index: "+strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }), "; "))
	return status
}

// newParser returns the parser of the command line, the environment and the file.
func newParser(c *commands, out, errs io.Writer) (*kong.Kong, error) {
	c.Publisher.Add.Plugins = kindCommands(func(c *publisherAdd, f ruleFlags) { c.ruleFlags = f })
	c.Reader.Add.Plugins = kindCommands(func(c *readerAdd, f ruleFlags) { c.ruleFlags = f })
	c.Publisher.Constrain.ruleFlags = constraintFlags()
	return kong.New(c,
		kong.Name("index"),
		kong.Description("A private Python package index."),
		kong.Writers(out, errs),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110}),
		kong.Help(shortHelp),
		kong.PostBuild(nameSettings),
	)
}

// setting reports whether a flag of the program is one of Config.
func setting(f *kong.Flag) bool { return f.Group != nil && f.Group.Key == "settings" }

// nameSettings gives each setting its variable, INDEX_ and the flag's name; flags of commands have none.
func nameSettings(k *kong.Kong) error {
	group := &kong.Group{Key: "settings", Title: "Settings (also INDEX_… in the environment, and keys of --config):"}
	for _, f := range k.Model.Flags {
		if f.Name == "help" {
			continue
		}
		env := "INDEX_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		f.Group, f.Envs, f.Tag.Envs = group, []string{env}, []string{env}
	}
	return nil
}

// shortHelp hides settings from the help of commands which seldom need them.
func shortHelp(o kong.HelpOptions, ctx *kong.Context) error {
	if at := ctx.Selected(); at == nil || at.Name != "serve" {
		for _, f := range ctx.Model.Flags {
			f.Hidden = setting(f) && f.Name != "config" && f.Name != "data-dir"
		}
	}
	if at := ctx.Selected(); at != nil && at.DefaultCmd != nil {
		at.Flags = append(at.Flags, at.DefaultCmd.Flags...) // they work without its name
	}
	return kong.DefaultHelpPrinter(o, ctx)
}

// secretsOnCommandLine refuses a password where every user of the machine can read it.
func secretsOnCommandLine(ctx *kong.Context) error {
	for _, p := range ctx.Path {
		if p.Flag == nil || p.Resolved || p.Flag.Name != "database-url" {
			continue
		}
		if text, _ := ctx.FlagValue(p.Flag).(string); hasPassword(text) {
			return errors.New("database.url: a password on the command line can be read by everybody on this machine: use --database-url-file or INDEX_DATABASE_URL")
		}
	}
	return nil
}
