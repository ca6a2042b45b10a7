// Package cli contains the code that administrators' commands share. Each package below it has the commands of one
// subject.
//
// Commands open the database and the blob store themselves, as the operator, and need no running server. They ask for
// confirmation before irreversible actions.
package cli

import (
	"errors"
	"fmt"
	"log/slog"

	"pyindex/internal/app"
	"pyindex/internal/config"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/terminal"
)

// With opens the index, runs f and closes the index.
func (s *Session) With(f func(*app.App) error) error {
	if err := s.Config.Meant(); err != nil {
		return err
	}
	return s.WithNew(f)
}

// WithNew is like With, but creates the index if there is none.
func (s *Session) WithNew(f func(*app.App) error) (err error) {
	warn := func(text string) { fmt.Fprintln(s.Errs, "index: warning: "+text) }
	if err := s.UnknownVariables(warn); err != nil {
		return err
	}
	a, err := app.Open(s.Ctx, s.Config, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	return f(a)
}

// Session has the input, output and settings of an administrator's command.
type Session struct {
	terminal.Session
	Config *config.Config
}

// UnknownVariables calls warn for each environment variable that looks like a setting but is none.
func (s *Session) UnknownVariables(warn func(text string)) error {
	all, err := config.UnknownVariables()
	for _, text := range all {
		warn(text)
	}
	return err
}

// InPlain adds to fault.NotFound the project's name and the command that lists the projects. The catalog omits them
// because its message is for users who may not know whether a project exists.
func InPlain(err error, name packaging.ProjectName) error {
	if fault.Is(err, fault.NotFound) {
		return fault.Wrap(fault.NotFound, err, "%s: index project list shows the projects (asked for %s)",
			fault.Message(err), name)
	}
	return err
}

// showCommand returns the command that shows a project.
func showCommand(repository string, name packaging.ProjectName) string {
	if repository == "main" {
		return fmt.Sprintf("index project show %s", name)
	}
	return fmt.Sprintf("index project show --repository %s %s", terminal.Quote(repository), name)
}

// OnProject parses the name of a project, opens the index and runs f. If f returns fault.NotFound, it adds the command
// that shows the project, or that lists the projects if there is no such project in the repository.
func (s *Session) OnProject(repository, project string, f func(*app.App, packaging.ProjectName) error) error {
	name, err := packaging.ParseProjectName(project)
	if err != nil {
		return err
	}
	return s.With(func(a *app.App) error {
		err := f(a, name)
		if fault.Is(err, fault.NotFound) {
			if _, missing := a.Index.Project(s.Ctx, a.Operator, repository, name); missing == nil {
				return fault.Wrap(fault.NotFound, err, "%s: %s shows what it has", fault.Message(err),
					showCommand(repository, name))
			}
		}
		return InPlain(err, name)
	})
}

// InRepository is the --repository flag of commands about projects.
type InRepository struct {
	Repository string `default:"main" help:"Repository of the project."`
}

// SettingsArgs returns the flags with which other commands use the same data, with a leading space, or "".
func SettingsArgs(c *config.Config) string {
	var args string
	for _, f := range c.Shared() {
		args += " " + f[0] + " " + terminal.Quote(f[1])
	}
	return args
}

// Believed returns how many seconds a server that cannot reach the database may still accept a credential that was just
// revoked, with a sentence about it. Both are zero if there is only one process, or if servers refuse requests without
// the database.
func Believed(a *app.App) (seconds int64, text string) {
	seconds = int64(a.Config.BelievedFor().Seconds())
	if seconds > 0 {
		text = fmt.Sprintf(
			"this takes effect on the next request; a server that cannot reach the database may still accept it for up to %d seconds (database.bridge)", seconds)
	}
	return seconds, text
}
