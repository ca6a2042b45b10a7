// Package page reads the pages of other package indexes: project pages and lists of projects of the simple repository
// API, as JSON (PEP 691, 700, 714, 740, 792) or HTML (PEP 503, 592, 629, 658, 714, 792).
//
// It keeps a project page as one compressed record, and maps the URL of an upstream's file to its path on this index.
//
// The bytes of an upstream are untrusted. Every parser is bounded in input, nesting and time. An error means that the
// whole answer is unusable; a single file that is malformed is dropped and counted. The package does no input or
// output.
package page
