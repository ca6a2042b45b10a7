// Package osvapi answers questions about vulnerable releases in the protocol of the OSV API, version 1, so that tools
// such as pip-audit and uv audit can ask this index.
//
// The answers come from the feeds of advisories that this index has. A release of this index itself is affected by
// nothing: feeds are about other projects of that name. Whoever may read a repository may ask in its tree.
package osvapi
