// Package ingest takes an uploaded file from staged bytes to a listed file.
//
// The bytes are hashed as they come, in memory that does not depend on their number. A file is listed only after
// everything that the sender says about it agrees with the archive, its bytes are durable, and the caller's rights were
// read again in the transaction that adds it. A refusal leaves nothing behind but its audit entry.
//
// It decides nothing about how a file is sent: that is the protocol's. It does not read or change what is listed.
package ingest
