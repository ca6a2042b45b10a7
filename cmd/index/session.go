package main

import (
	"errors"
	"fmt"
	"log/slog"

	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// with opens the index, runs f and closes the index.
func (s *session) with(f func(*app) error) error {
	if err := s.config.meant(); err != nil {
		return err
	}
	return s.withNew(f)
}

// withNew is with for a command that may be the first one: it creates the index if there is none.
func (s *session) withNew(f func(*app) error) (err error) {
	a, err := open(s.ctx, s.config, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	return f(a)
}

// session is what an administrator's command works with.
type session struct {
	terminal
	config *Config
}

// inPlain tells the operator that a project is missing. The catalog's message is for users who may not know that.
func inPlain(err error, name packaging.ProjectName) error {
	if fault.Is(err, fault.NotFound) {
		return fault.Wrap(fault.NotFound, err, "%s: index project list shows the projects (asked for %s)", fault.Message(err), name)
	}
	return err
}

// onProject parses the name of a project, opens the index and runs f.
func (s *session) onProject(project string, f func(*app, packaging.ProjectName) error) error {
	name, err := packaging.ParseProjectName(project)
	if err != nil {
		return err
	}
	return s.with(func(a *app) error { return inPlain(f(a, name), name) })
}

// inRepository is a flag of commands about projects.
type inRepository struct {
	Repository string `default:"main" help:"The repository that the project is in."`
}

// settingsArgs returns the flags by which commands find the same data.
func settingsArgs(c *Config) string {
	var args string
	if c.Config != "" {
		args += " --config " + quote(string(c.Config))
	} else if c.DataDir != "./data" {
		args += " --data-dir " + quote(absolute(c.DataDir))
	}
	return args
}

// believed prints for how long a server that cannot reach the database may still accept a right that was just revoked.
// It prints nothing if there is a single process, or if servers refuse requests without the database.
func (s *session) believed(a *app) error {
	if d := a.config.believedFor(); d > 0 {
		_, err := fmt.Fprintf(s.out, "this takes effect on the next request; a server that cannot reach the database may still accept it for up to %d seconds (database.bridge)\n", int64(d.Seconds()))
		return err
	}
	return nil
}
