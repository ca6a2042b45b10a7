// Package synthetic fills a database with a generated catalog of any size, for measurements.
//
// The rows have the columns, texts and indexes that real uploads produce: projects with an owner, their releases, files
// with metadata, the rows of their blobs, the cards and words of the search, requirements and the audit log. Package
// synthetic creates no blobs, so files cannot be downloaded. It also leaves out the lists of archive members
// (file_members), attestations, tombstones and downloads. The description of a project is the same in each release but
// for the version, in a heading and in the line on how to install it. The files of a release have the same metadata; in
// every second project, that of the source distribution differs in a field. Digests are random. The rows of a project are adjacent in
// their tables, while uploads over years would have scattered them. Equal seeds and sizes give equal catalogs, except
// for the time at which they end.
//
// Use it only for disposable databases: it turns off durability and drops indexes while it writes. A run that is
// interrupted leaves a database that must be deleted.
package synthetic
