// Package exported reads and writes exports: folders with everything that repositories contain, for another index or
// for any other program.
//
//	index-export.json                     Header; written last, so an export without it is unfinished
//	names.jsonl                           Name, one a line: every name that the index knows
//	REPOSITORY/repository.json            Repository: its settings, rules, reservations and deleted projects
//	REPOSITORY/projects/NAME.json         Project
//	REPOSITORY/packages/NAME/FILE         the content of a file
//	REPOSITORY/packages/NAME/FILE.metadata, FILE.provenance
//	REPOSITORY/packages/NAME/SHA256SUMS   digests of that folder's files, for sha256sum -c
//	REPOSITORY/simple/                    a simple index of the files, for any web server
//
// Exports contain no tokens, passwords or keys, and no hashes of them.
package exported
