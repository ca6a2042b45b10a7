// Package resolve answers reads of projects and files across a repository, its bases and upstreams.
//
// It first decides to whom a name belongs, regardless of the caller, and then what this caller may read of it. A name
// that is this index's own is asked of no upstream, and a base that the caller may not read still hides everything
// after it. Callers get the same answer for a missing project and for one that is hidden from them.
//
// Every edge that reads projects or files uses a Reader. Without bases it costs little more than the catalog.
package resolve
