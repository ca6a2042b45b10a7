package transfer

import "pyindex/internal/cli"

// Each kind has a command to import and one to compare, with the flags of its source.

type simpleCmd struct {
	simpleSource
	choices
}

// Run imports an index.
func (c *simpleCmd) Run(s *cli.Session) error { return c.run(s, &c.simpleSource) }

type verifySimple struct {
	simpleSource
	comparison
}

// Run compares an index.
func (c *verifySimple) Run(s *cli.Session) error { return c.run(s, &c.simpleSource) }

type devpiCmd struct {
	devpiSource
	choices
}

// Run imports an export of devpi-server.
func (c *devpiCmd) Run(s *cli.Session) error { return c.run(s, &c.devpiSource) }

type verifyDevpi struct {
	devpiSource
	comparison
}

// Run compares an export of devpi-server.
func (c *verifyDevpi) Run(s *cli.Session) error { return c.run(s, &c.devpiSource) }

type bandersnatchCmd struct {
	bandersnatchSource
	choices
}

// Run imports a mirror into the cache of an upstream.
func (c *bandersnatchCmd) Run(s *cli.Session) error { return c.run(s, &c.bandersnatchSource) }

type verifyBandersnatch struct {
	bandersnatchSource
	comparison
}

// Run compares a mirror.
func (c *verifyBandersnatch) Run(s *cli.Session) error { return c.run(s, &c.bandersnatchSource) }

type dumbPyPICmd struct {
	dumbPyPISource
	choices
}

// Run imports the files of a list.
func (c *dumbPyPICmd) Run(s *cli.Session) error { return c.run(s, &c.dumbPyPISource) }

type verifyDumbPyPI struct {
	dumbPyPISource
	comparison
}

// Run compares a list of dumb-pypi.
func (c *verifyDumbPyPI) Run(s *cli.Session) error { return c.run(s, &c.dumbPyPISource) }

type nexusCmd struct {
	nexusSource
	choices
}

// Run imports a repository of Nexus.
func (c *nexusCmd) Run(s *cli.Session) error { return c.run(s, &c.nexusSource) }

type verifyNexus struct {
	nexusSource
	comparison
}

// Run compares a repository of Nexus.
func (c *verifyNexus) Run(s *cli.Session) error { return c.run(s, &c.nexusSource) }

type artifactoryCmd struct {
	artifactorySource
	choices
}

// Run imports a repository of Artifactory.
func (c *artifactoryCmd) Run(s *cli.Session) error { return c.run(s, &c.artifactorySource) }

type verifyArtifactory struct {
	artifactorySource
	comparison
}

// Run compares a repository of Artifactory.
func (c *verifyArtifactory) Run(s *cli.Session) error { return c.run(s, &c.artifactorySource) }

type folderCmd struct {
	folderSource
	choices
}

// Run imports a folder.
func (c *folderCmd) Run(s *cli.Session) error { return c.run(s, &c.folderSource) }

type verifyFolder struct {
	folderSource
	comparison
}

// Run compares a folder.
func (c *verifyFolder) Run(s *cli.Session) error { return c.run(s, &c.folderSource) }

type exportCmd struct {
	exportSource
	choices
}

// Run imports an export.
func (c *exportCmd) Run(s *cli.Session) error { return c.run(s, &c.exportSource) }

type verifyExport struct {
	exportSource
	comparison
}

// Run compares an export.
func (c *verifyExport) Run(s *cli.Session) error { return c.run(s, &c.exportSource) }
