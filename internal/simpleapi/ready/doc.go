// Package ready provides responses that are rendered once and then only written, with their encodings, entity tags and
// a cache.
//
// It guarantees a strong entity tag that differs by media type, content and encoding (RFC 9110, section 8.8.3), and a
// 304 with the headers of the corresponding 200. The cache never holds more bytes than its limit, and concurrent
// requests for the same missing answer cause one rendering.
//
// It does not check permissions: the caller must do so on every request. Cache-Control and Vary are the caller's
// responsibility too. Each process has its own cache.
package ready
