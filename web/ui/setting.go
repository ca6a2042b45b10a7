package ui

// Setting is one effective server setting. Callers must redact secrets before building it.
type Setting struct {
	Name, Value string
	From        string // "default", "file", "environment" or "flag"
	Help        string
	Default     string
	NoDefault   string // what a page shows in place of an empty Default; "" if Help explains it
}
