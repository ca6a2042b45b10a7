// Package pages keeps the project pages of upstreams.
//
// A page is looked up in memory, then in the row that replicas share, and only then at its upstream. It is used for the
// upstream's TTL, then asked for again on condition that it changed, and served beyond that within the bounds of the
// upstream while a newer one is being fetched or cannot be had. A failing upstream is a failure of the request, never a
// missing project.
//
// Everything that is stored here may be lost. Batch writes it, at most once a second, and no reader waits for it.
package pages
