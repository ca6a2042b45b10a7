// Package memo remembers values within bounds, for as long as they are certain to be true.
//
// A value from the database is kept under the Stamp that was read before it, so it is never older than its stamp says.
// A reader asks for the current stamp first, with every request; a value of another stamp is not found. So a change, a
// revocation for example, takes effect on the next request in every process. Nothing here expires by time.
//
// There are two memories. BySerial holds values that any change may alter: it is emptied by the first later stamp, and
// its bound is a number of entries. Weighted holds values that have a stamp of their own, a project's for example, and
// stay while other things change: its bound is a weight, and what was unused the longest goes first.
//
// Which memory answers what:
//
//   - Who is calling, and what they may do: access.Keyring, two BySerial, one of tokens and one of sessions.
//   - Which repository, project or file a request names: catalog.Index, three BySerial.
//   - The releases of a project, and the projects of a repository, for pages: catalog.Index, two Weighted. A list of
//     projects is not read again after a change, but brought up to date from the last one.
//   - Simple and JSON pages, rendered and compressed: simpleapi/ready.Cache, a Weighted of bytes. Readers who ask for
//     the same missing page at once wait for one rendering, by singleflight.
//   - Descriptions as HTML: web, a Weighted of bytes. A file's description never changes, so these have the zero stamp.
//   - What a network has left of a rate limit: server/throttle, a Weighted of a number of networks. It is read from
//     nowhere, so it has the zero stamp too.
//
// Three things look alike and are not here. The stamp itself is shared by all who ask before the look at the database
// began (storage/db): singleflight would let callers join a look that began before they asked, and so miss a change.
// The keys of issuers (publishers/idtoken) do expire by time, and bound what unknown key ids can cause. The uses of
// tokens (access) wait to be written, and are not read from.
package memo

// Stamp identifies a state of the index within one process: the value of the counter, and the epoch in which the value
// was read. The counter alone is not enough. After a failover that lost commits, or a restore, the same value can name
// another state; the process then starts a new epoch, and nothing that it kept under an earlier one is used again.
//
// Epochs are numbered by each process for itself. Stamps are never stored and never sent to a client.
type Stamp struct {
	Epoch int64
	Value int64
}

// After reports whether s is later than other.
func (s Stamp) After(other Stamp) bool {
	return s.Epoch > other.Epoch || s.Epoch == other.Epoch && s.Value > other.Value
}
