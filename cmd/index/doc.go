// Command index is a private Python package index: the server, and the administrator's commands on the same data.
//
// Every setting can be given as a flag, an environment variable or a TOML key, in this order of precedence. The exit
// status is 0 for success, 1 for a refusal or a failure, and 2 for incorrect usage.
package main
