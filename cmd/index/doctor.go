package main

type doctorCmd struct {
	Local   doctorLocalCmd   `cmd:"" default:"withargs" help:"Look at this installation: its folder, database, storage, address, certificate and issuers (the default)."`
	Publish doctorPublishCmd `cmd:"" help:"Inside a CI job: would trusted publishing work from here, and which publisher would accept this job?"`
}
