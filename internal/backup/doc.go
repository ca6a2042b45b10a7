// Package backup makes backups of an index, verifies them and restores them.
//
// A backup is a folder. It contains the stored content once for each digest, and one or more snapshots. A snapshot is
// the rows of all tables at one moment, the list of the content that they need, and a manifest. The rows have the same
// form for every database, so a backup can be restored into another database and another store.
package backup
