// Package db stores all rows of an index in SQLite or PostgreSQL. Both use the same SQL.
//
// Package db guarantees the following. Update is atomic, and durable if it returns nil. Updates run one at a time, on
// one machine and across replicas, so that the rows a transaction has read are unchanged when it commits. View reads
// one snapshot. A commit of another process is visible to the next call in this process. Names, digests, token ids and
// publisher rules are unique by constraint, not by checking first. A transaction can continue after an insert returns
// fault.Conflict.
//
// Package db does not guarantee an outcome if a commit is interrupted: the change may have been made. A SQLite file
// must be on a local disk, because its write-ahead log needs memory that is shared between processes.
package db
