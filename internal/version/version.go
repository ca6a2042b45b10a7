// Package version identifies the program.
package version

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/alecthomas/kong"

	"pyindex/internal/terminal"
)

// Version is the tag of a release. The release build sets it with -ldflags=-X. In other builds it is "".
var Version string

// Program describes the running program.
type Program struct {
	Version  string `json:"version"` // a tag, the go command's pseudo-version, or (devel)
	Revision string `json:"revision,omitempty"`
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// Read returns the description of the running program. The commit comes from the stamp of the go command.
func Read() Program {
	info, _ := debug.ReadBuildInfo()
	return describe(info)
}

// describe returns the description of a program with the given build information, which may be nil.
func describe(info *debug.BuildInfo) Program {
	p := Program{Version: Version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if info != nil {
		if p.Version == "" {
			p.Version = info.Main.Version
		}
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				p.Revision = s.Value
			case "vcs.modified":
				p.Modified = s.Value == "true"
			}
		}
	}
	if p.Version == "" {
		p.Version = "(devel)"
	}
	return p
}

// Command prints the version.
type Command struct{ terminal.Listing }

// Run prints the version as one line or as JSON.
func (c *Command) Run(s *terminal.Session) error {
	p := Read()
	return c.Report(s.Out, p, p.String())
}

// String returns the description on one line.
func (p Program) String() string {
	return strings.Join(strings.Fields(strings.Join([]string{"index", p.Version, p.Revision, p.Go, p.Platform}, " ")), " ")
}

// Flag is the --version flag. It prints the same line as Command and exits.
type Flag bool

// BeforeReset prints the version before the rest of the command line is checked.
func (Flag) BeforeReset(k *kong.Kong) error {
	fmt.Fprintln(k.Stdout, Read())
	k.Exit(0)
	return nil
}
