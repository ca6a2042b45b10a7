// Package storagetest checks the guarantees of rows and blobs with suites that run on every implementation.
//
// Each guarantee in a comment of packages catalog, access or publishers has a test here. A new store must pass the
// suites. The package also has stores that can fail, before or after a step took effect, for the tests of other
// packages.
package storagetest
