// Package legacyupload implements the upload protocol of twine, uv, poetry, hatch, flit and pdm: one multipart form
// posted to /legacy/.
//
// A request is read once and sequentially, and the file is staged while it is received, so that memory use depends
// neither on the size of the file nor on the order of the parts. Everything else in the form is limited before it is
// stored. The stage is removed after a refusal, an error or a disconnect. The reason for a refusal is sent as a
// sentence, always in the body, and also in the reason phrase if the HTTP version has one.
//
// Package server handles stalled clients and drains the request body before an error response, so that clients see the
// error.
//
// Package ingest decides whether a caller may publish, and whether name, form and archive agree. Signatures are
// ignored, and attestations are passed on as sent.
package legacyupload
