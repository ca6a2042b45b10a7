// Package blobs stores blobs in a folder, in memory or in an object store, all opened through gocloud.dev/blob.
//
// Package blobs guarantees that a blob is durable when Keep or Put returns nil, that a key never shows a partial blob,
// that an existing key is atomically replaced by the same content, and that an upload's memory does not depend on its
// size. In a folder the staged file becomes the stored one, so no second copy is written, and files and directories are
// synced.
//
// Package blobs does not guarantee that content matches its key (the catalog hashes uploads), or that a crash leaves no
// stages behind: SweepStages removes those.
package blobs
