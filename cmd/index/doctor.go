package main

import (
	"pyindex/internal/cijob"
	"pyindex/internal/cli/upkeep"
)

type doctorCmd struct {
	Local   upkeep.Doctor `cmd:"" default:"withargs" help:"Look at this installation: its folder, database, storage, address, certificate and issuers (the default)."`
	Publish cijob.Doctor  `cmd:"" help:"Inside a CI job: would trusted publishing work from here, and which publisher would accept this job?"`
}
