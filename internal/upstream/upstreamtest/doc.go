// Package upstreamtest runs an index of somebody else on 127.0.0.1, for tests and measurements.
//
// It serves pages of the public index's shape, as JSON with every field or as HTML, with files on another port, and
// records each request. It can be slow, and faults can be switched on and off while it runs. Projects are real
// distributions, or generated on the fly: a catalog of any size with true digests needs no memory.
//
// Command serve, below this package, is the same server as a process.
package upstreamtest
