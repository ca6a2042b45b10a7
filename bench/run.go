package main
type runCmd struct{}
func (*runCmd) Run() error { return nil }
