package ui

// Setting is a setting of the server as it understood it. Secrets are hidden by who makes it.
type Setting struct {
	Name, Value string
	From        string // "default", "file", "environment" or "flag"
	Help        string
	Default     string
}
