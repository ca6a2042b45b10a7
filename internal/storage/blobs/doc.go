// Package blobs keeps bytes: in a folder, in memory or in an object store, all opened through gocloud.dev/blob.
//
// It guarantees that bytes are durable under their key when Keep or Put returns nil, that no key ever shows part of its
// bytes, that a key which exists is replaced at once by bytes of the same content, and that an upload's memory does not
// depend on its size. In a folder the staged file itself becomes the kept one, so no second copy is written, and files
// and directories are synced.
//
// It does not guarantee that bytes are what their key says (the catalog hashes them on the way in), nor that a crash
// leaves no stages behind: SweepStages removes those.
package blobs
