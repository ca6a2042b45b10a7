// Package cli is what administrators' commands share; a package below it has the commands of one subject.
//
// Commands open the database and the blob store themselves, as the operator, and need no running server. They ask for
// confirmation before what cannot be undone.
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

// WithNew is with for a command that may be the first one: it creates the index if there is none.
func (s *Session) WithNew(f func(*app.App) error) (err error) {
	a, err := app.Open(s.Ctx, s.Config, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	return f(a)
}

// Session is what an administrator's command works with.
type Session struct {
	terminal.Session
	Config *config.Config
}

// InPlain tells the operator that a project is missing. The catalog's message is for users who may not know that.
func InPlain(err error, name packaging.ProjectName) error {
	if fault.Is(err, fault.NotFound) {
		return fault.Wrap(fault.NotFound, err, "%s: index project list shows the projects (asked for %s)",
			fault.Message(err), name)
	}
	return err
}

// OnProject parses the name of a project, opens the index and runs f.
func (s *Session) OnProject(project string, f func(*app.App, packaging.ProjectName) error) error {
	name, err := packaging.ParseProjectName(project)
	if err != nil {
		return err
	}
	return s.With(func(a *app.App) error { return InPlain(f(a, name), name) })
}

// InRepository is a flag of commands about projects.
type InRepository struct {
	Repository string `default:"main" help:"The repository that the project is in."`
}

// SettingsArgs returns the flags by which commands find the same data.
func SettingsArgs(c *config.Config) string {
	var args string
	if c.Config != "" {
		args += " --config " + terminal.Quote(string(c.Config))
	} else if c.DataDir != "./data" {
		args += " --data-dir " + terminal.Quote(terminal.Absolute(c.DataDir))
	}
	return args
}

// Believed prints for how long a server that cannot reach the database may still accept a right that was just revoked.
// It prints nothing if there is a single process, or if servers refuse requests without the database.
func (s *Session) Believed(a *app.App) error {
	if d := a.Config.BelievedFor(); d > 0 {
		_, err := fmt.Fprintf(s.Out,
			"this takes effect on the next request; a server that cannot reach the database may still accept it for up to %d seconds (database.bridge)\n", int64(d.Seconds()))
		return err
	}
	return nil
}
