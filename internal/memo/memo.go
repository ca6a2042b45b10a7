// Package memo caches values, within bounds, for as long as they are certain to be current.
//
// A value from the database is stored under a Stamp that was read before it, so it is never older than its stamp. On
// every request, a reader first gets the current stamp; values of other stamps are not found. A change such as a
// revocation therefore takes effect on the next request in every process. Nothing expires by time.
//
// There are two caches. BySerial holds values that any change may invalidate: the first later stamp empties it, and its
// bound is a number of entries. Weighted holds values that have a stamp of their own, for example that of a project,
// and stay valid while other things change: its bound is a weight, and it drops the least recently used values first.
//
// They are used for:
//
//   - The caller and its permissions: access.Keyring, two BySerial, one of tokens and one of sessions.
//   - The repository, project or file that a request names: catalog.Index, three BySerial.
//   - The releases of a project, and the projects of a repository, for pages: catalog.Index, two Weighted. After a
//     change, a list of projects is updated from the previous one instead of being read again. The lists of
//     repositories with bases, combined: resolve.Reader, a Weighted. Both are by bytes for lists.
//   - Simple and JSON pages, rendered and compressed: simpleapi/ready.Cache, a Weighted by bytes. Concurrent requests
//     for the same missing page wait for one rendering, by singleflight.
//   - Descriptions as HTML: web, a Weighted by bytes. A file's description never changes, so these have the zero stamp.
//   - The members of files and comparisons of them: browse, two Weighted by bytes, with the zero stamp. Concurrent
//     requests for the same comparison wait for one, by singleflight.
//   - Pictures of descriptions from other hosts: pictures.Fetcher, a Weighted by bytes. They have the zero stamp and,
//     unlike everything else here, expire by time.
//   - The remaining rate limit of each network: server/throttle, a Weighted by number of networks. It does not come
//     from the database, so it has the zero stamp too.
//
// Three similar things are not here. The stamp itself is shared by the callers that asked before the database query
// began (storage/db): singleflight would let a caller join a query that began earlier, and so miss a change. The keys
// of issuers (publishers/idtoken) do expire by time, and limit the requests that unknown key ids can cause. The uses of
// tokens (access) are collected for writing and never read.
package memo

// Stamp identifies a state of the index within one process: the serial, and the epoch in which it was read. The serial
// alone is not enough: after a restore, or a failover that lost commits, the same serial can denote another state. The
// process then starts a new epoch, and values stored under an earlier one are never used again.
//
// Each process numbers its own epochs. Stamps are never stored and never sent to a client.
type Stamp struct {
	Epoch int64
	Value int64
}

// After reports whether s is later than other.
func (s Stamp) After(other Stamp) bool {
	return s.Epoch > other.Epoch || s.Epoch == other.Epoch && s.Value > other.Value
}
