// Package synthetic fills a database with a made-up catalog of any size, for measuring.
//
// What it writes has the columns, the texts and the indexes that real uploads leave behind: projects with an owner,
// their releases, files with metadata, the rows of their bytes, the cards and words of the search, requirements and the
// record. It leaves out the bytes themselves, so files cannot be downloaded; the lists of names inside archives
// (file_members), attestations, tombstones and downloads. Digests are random. The rows of a project are neighbours in
// their tables, where uploads over years would have scattered them. The same seed and sizes give the same catalog but
// for the moment at which it ends.
//
// It is for throw-away databases: while it writes it gives up durability and takes indexes away, and a run that is cut
// off leaves a database that must be deleted.
package synthetic
