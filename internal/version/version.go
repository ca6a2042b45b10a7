// Package version identifies the program.
package version

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

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

// Read returns the description of the running program.
func Read() Program {
	p := Program{Version: Version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok {
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
type Command struct {
	JSON bool `name:"json" help:"Write the output as JSON."`
}

// Run prints the version as one line or as JSON.
func (c *Command) Run(s *terminal.Session) error {
	p := Read()
	if c.JSON {
		return terminal.WriteJSON(s.Out, p)
	}
	words := strings.Fields(strings.Join([]string{"index", p.Version, p.Revision, p.Go, p.Platform}, " "))
	fmt.Fprintln(s.Out, strings.Join(words, " "))
	return nil
}
