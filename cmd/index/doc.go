// Command index is a private Python package index: the server, and the administrator's commands on the same data.
//
// It reads the configuration, joins the pieces and runs them. Every setting is a flag, an environment variable and a
// TOML key, in that order of precedence. Exit status: 0 done, 1 refused or failed, 2 misused.
package main
