// Package db keeps every row of an index, in SQLite or PostgreSQL, with one text of SQL for both.
//
// It guarantees that Update is all or nothing and durable when it returns nil; that updates take turns, on one machine
// and across replicas, so that what a transaction read is still so when it commits; that View sees one state; that what
// another process committed is seen by the next call here; and that names, digests, token ids and publisher rules are
// unique by constraint, not by looking first. After a fault.Conflict from an insert the transaction can go on.
//
// It does not guarantee an outcome when a commit is interrupted: the change may have happened. A file of SQLite must
// lie on a local disk, because its write-ahead log needs memory that processes share.
package db
