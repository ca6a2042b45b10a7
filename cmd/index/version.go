package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"pyindex/internal/cli"
	"pyindex/internal/terminal"
)

type versionCmd struct {
	JSON bool `name:"json" help:"Write JSON."`
}

type programVersion struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// program reads what the compiler wrote into the binary.
func program() programVersion {
	v := programVersion{Version: "(devel)", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if info.Main.Version != "" {
		v.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Revision = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}

// Run says which program this is.
func (c *versionCmd) Run(s *cli.Session) error {
	v := program()
	if c.JSON {
		return terminal.WriteJSON(s.Out, v)
	}
	words := strings.Fields(strings.Join([]string{"index", v.Version, v.Revision, v.Go, v.Platform}, " "))
	fmt.Fprintln(s.Out, strings.Join(words, " "))
	return nil
}
