// Package simpleapi is the simple repository API: what installers read (PEP 503, 691, 700, 658, 714, 592, 740, 792).
//
// HTML stays at version 1.4 for ever (PEP 833), JSON is at 1.4. A page is rendered on the first read after a change,
// once however many ask, and then written from memory; permission is asked on every request all the same. Every page
// has a strong entity tag, and what is not there, hidden or quarantined is one and the same 404.
//
// It promises nothing about order: projects and files come as the catalog gives them, which clients must not rely on.
// The provenance of a file (PEP 740) is built from its attestations; a file without any says null, and its provenance
// URL is 404.
package simpleapi
