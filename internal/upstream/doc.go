// Package upstream describes the indexes of other parties that repositories of this index draw on.
//
// An Upstream is the configuration of one: the URL of its simple root, a credential, the names it may be asked for, and
// how long its answers may be used. A Fetcher asks it; package client is one over HTTP. Package page reads and stores
// its project pages; pages and files keep them. Package resolve decides for which names an upstream is asked at all.
package upstream
