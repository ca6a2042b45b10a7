// Package legacyupload is the upload protocol that twine, uv, poetry, hatch, flit and pdm speak: one multipart form
// posted to /legacy/.
//
// It guarantees that a request is read once and in one direction, the file's bytes going to a stage as they come, so
// that memory depends neither on the size of the file nor on the order of the parts; that everything else in the form
// is bounded before it is kept; that a refusal, an error or a client that leaves takes the stage with it; and that a
// refusal reaches the client as a sentence, in the body always and in the reason phrase where the protocol has one.
//
// Patience with a client that stands still, and reading on before a refusal so that it is read, are the server's.
//
// It decides nothing about projects: whether a caller may publish, and whether name, form and archive agree, is
// package ingest's word. Signatures are ignored; attestations are handed on as they were sent.
package legacyupload
