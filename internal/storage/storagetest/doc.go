// Package storagetest holds the promises of the rows and of the blobs as tests, run on every implementation.
//
// A promise in a comment of catalog, access or publishers has a test here; a new store passes the suites or is wrong.
// Beside them are stores that can fail, before or after the step took effect, for the tests of other packages.
package storagetest
