package files

import "sync/atomic"

type counters struct {
	fetches, fromUpstream, fromStore, evictions, mismatches, changes atomic.Int64
}

// Counters count since the process started.
type Counters struct {
	Fetches      int64 // downloads that were begun
	FromUpstream int64 // bytes received
	FromStore    int64 // bytes of stored files that were opened
	Evictions    int64 // files whose content was deleted
	Mismatches   int64 // downloads whose content was not that of the stated digest
	Changes      int64 // refusals of a file because its upstream states another digest than before
}

// Counters returns the counters of this process.
func (f *Files) Counters() Counters {
	c := &f.counters
	return Counters{
		Fetches:      c.fetches.Load(),
		FromUpstream: c.fromUpstream.Load(),
		FromStore:    c.fromStore.Load(),
		Evictions:    c.evictions.Load(),
		Mismatches:   c.mismatches.Load(),
		Changes:      c.changes.Load(),
	}
}
