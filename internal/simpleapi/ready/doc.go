// Package ready is answers that are made once and then only written: the bytes, their encodings, entity tags and a
// cache.
//
// It guarantees a strong entity tag that differs by media type, by content and by encoding (RFC 9110, section 8.8.3); a
// 304 with the headers of the 200 that it stands for; a cache that never holds more bytes than it was given; and that
// readers who ask for the same missing answer at once cause one rendering.
//
// It does not know who may read what: the caller asks that first, for every request. Cache-Control and Vary are the
// caller's too. The cache is per process.
package ready
