package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"pyindex/internal/terminal"
)

// Exit statuses. The manual documents them.
const (
	statusDone    = 0
	statusRefused = 1 // the command was refused, failed or was interrupted
	statusMisused = 2 // the command line or a setting is wrong; nothing was done
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second interrupt exits without draining
	status := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// run runs one command line and returns the exit status. Without arguments it prints the help. It prints errors to
// errs.
func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	var c commands
	parser, err := newParser(&c, out, errs)
	if err != nil {
		terminal.Complain(errs, err)
		return statusMisused
	}
	if len(args) == 0 {
		args = []string{"help"}
	}
	parsed, err := parser.Parse(args)
	if err == nil {
		err = c.check(parsed)
	}
	if err != nil {
		complain(errs, misused(err))
		return statusMisused
	}
	session := terminal.Session{Ctx: ctx, In: in, Out: out, Errs: errs}
	if serve := c.server(parsed); serve != nil {
		return report(errs, serve(session)) // nothing here refers to the parser any longer, so its memory becomes free
	}
	err = c.run(parsed, session)
	if m, ok := errors.AsType[*terminal.Misuse](err); ok {
		err = &misuse{m.Unwrap(), parsed.Selected()}
	}
	return report(errs, err)
}

// report prints the error of a command, if any, and returns the exit status.
func report(errs io.Writer, err error) int {
	if m, ok := errors.AsType[*misuse](err); ok {
		complain(errs, m)
		return statusMisused
	}
	if err != nil {
		terminal.Complain(errs, err)
		return statusRefused
	}
	return statusDone
}

// newParser returns the parser of the command line, the environment and the configuration file.
func newParser(c *commands, out, errs io.Writer) (*kong.Kong, error) {
	return kong.New(c,
		kong.Name("index"),
		kong.Description("A private Python package index."),
		kong.Writers(out, errs),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110}),
		c.options(),
	)
}
