package transfer

import (
	"github.com/google/uuid"

	"pyindex/internal/app"
	"pyindex/internal/cli"
	"pyindex/internal/transfer"
	"pyindex/internal/transfer/exported"
)

type exportCmd struct {
	Source string `arg:"" name:"folder" type:"path" help:"Folder of an export, or of one of its repositories."`
	choices
}

// Run imports an export.
func (c *exportCmd) Run(s *cli.Session) error { return c.run(s, c) }

func (c *exportCmd) open(*cli.Session, *app.App) (transfer.Source, error) {
	return exported.OpenSource(c.Source, uuid.NewString)
}
