package transfer

import (
	"pyindex/internal/app"
	"pyindex/internal/cli"
	"pyindex/internal/transfer"
)

type simpleCmd struct {
	simpleSource
	choices
}

// Run imports an index.
func (c *simpleCmd) Run(s *cli.Session) error { return c.run(s, c) }

func (c *simpleCmd) open(*cli.Session, *app.App) (transfer.Source, error) {
	return c.openFor(c.Project)
}

type devpiCmd struct {
	devpiSource
	choices
}

// Run imports an export of devpi-server.
func (c *devpiCmd) Run(s *cli.Session) error { return c.run(s, c) }

func (c *devpiCmd) open(s *cli.Session, _ *app.App) (transfer.Source, error) {
	return c.openFor(s, c.To)
}

type bandersnatchCmd struct {
	bandersnatchSource
	choices
}

// Run imports a mirror into the cache of an upstream.
func (c *bandersnatchCmd) Run(s *cli.Session) error { return c.run(s, c) }

func (c *bandersnatchCmd) open(s *cli.Session, _ *app.App) (transfer.Source, error) {
	return c.openFor(s)
}

type dumbPyPICmd struct {
	dumbPyPISource
	choices
}

// Run imports the files of a list.
func (c *dumbPyPICmd) Run(s *cli.Session) error { return c.run(s, c) }

func (c *dumbPyPICmd) open(s *cli.Session, _ *app.App) (transfer.Source, error) { return c.openFor(s) }

type nexusCmd struct {
	nexusSource
	choices
}

// Run imports a repository of Nexus.
func (c *nexusCmd) Run(s *cli.Session) error { return c.run(s, c) }

func (c *nexusCmd) open(s *cli.Session, _ *app.App) (transfer.Source, error) { return c.openFor(s) }

type artifactoryCmd struct {
	artifactorySource
	choices
}

// Run imports a repository of Artifactory.
func (c *artifactoryCmd) Run(s *cli.Session) error { return c.run(s, c) }

func (c *artifactoryCmd) open(s *cli.Session, _ *app.App) (transfer.Source, error) {
	return c.openFor(s)
}

type verifySimple struct {
	simpleSource
	comparison
}

// Run compares an index.
func (c *verifySimple) Run(s *cli.Session) error { return c.run(s, c) }

func (c *verifySimple) open(*cli.Session, *app.App) (transfer.Source, error) {
	return c.openFor(c.Project)
}

type verifyDevpi struct {
	devpiSource
	comparison
}

// Run compares an export of devpi-server.
func (c *verifyDevpi) Run(s *cli.Session) error { return c.run(s, c) }

func (c *verifyDevpi) open(s *cli.Session, _ *app.App) (transfer.Source, error) {
	return c.openFor(s, c.To)
}

type verifyDumbPyPI struct {
	dumbPyPISource
	comparison
}

// Run compares a list of dumb-pypi.
func (c *verifyDumbPyPI) Run(s *cli.Session) error { return c.run(s, c) }

func (c *verifyDumbPyPI) open(s *cli.Session, _ *app.App) (transfer.Source, error) {
	return c.openFor(s)
}

type verifyNexus struct {
	nexusSource
	comparison
}

// Run compares a repository of Nexus.
func (c *verifyNexus) Run(s *cli.Session) error { return c.run(s, c) }

func (c *verifyNexus) open(s *cli.Session, _ *app.App) (transfer.Source, error) { return c.openFor(s) }

type verifyArtifactory struct {
	artifactorySource
	comparison
}

// Run compares a repository of Artifactory.
func (c *verifyArtifactory) Run(s *cli.Session) error { return c.run(s, c) }

func (c *verifyArtifactory) open(s *cli.Session, _ *app.App) (transfer.Source, error) {
	return c.openFor(s)
}
