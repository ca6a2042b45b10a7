// Package simpleapi serves the simple repository API, which installers read (PEP 503, 691, 700, 658, 714, 592, 740,
// 792).
//
// HTML stays at version 1.4 (PEP 833), and JSON is at 1.4. A page is rendered once, on the first read after a change,
// and then written from memory. Permission is checked on every request. Every page has a strong entity tag. Missing,
// hidden and quarantined projects and files get the same 404.
//
// The order of projects and files is the catalog's; clients must not rely on it. The provenance of a file (PEP 740) is
// built from its attestations. A file without attestations has a null provenance, and its provenance URL returns 404.
package simpleapi
