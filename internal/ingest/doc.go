// Package ingest turns an uploaded file into a listed file.
//
// Content is hashed while it is received; memory use does not depend on its size. A file is listed only if everything
// that the sender states about it agrees with the archive, its content is stored durably, and the caller's rights were
// checked again in the transaction that adds it. A refusal leaves nothing behind but its audit entry.
//
// Upload protocols are other packages' responsibility, and so is reading or changing listed files.
package ingest
