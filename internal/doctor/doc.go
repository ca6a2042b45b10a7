// Package doctor has the results of checks of an installation, for commands and pages, and runs checks with deadlines.
//
// It knows nothing about what is checked.
package doctor
