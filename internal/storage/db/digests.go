package db

// head is the part of a digest that the indexes of files contain. It is a trusted expression, and so is the result.
func head(digest string) string { return `substr(` + digest + `, 1, 12)` }

// sameDigest compares a digest of files with another one, so that the index is used.
func sameDigest(column, digest string) string {
	return head(column) + ` = ` + head(digest) + ` AND ` + column + ` = ` + digest
}

// digestsAfter selects the next $2 digests of a column of files after $1, in order, with their heads.
func digestsAfter(column string) string {
	return `(SELECT DISTINCT ` + head(column) + ` AS head, ` + column + ` AS digest FROM files
		WHERE ` + head(column) + ` >= ` + head(`$1`) + ` AND ` + column + ` > $1 ORDER BY 1, 2 LIMIT $2)`
}
