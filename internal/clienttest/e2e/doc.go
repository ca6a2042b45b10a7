// Package e2e publishes to and installs from a running server with the real clients.
//
// It contains only tests. They check that unmodified twine, uv, poetry, hatch and flit can publish, that pip of every
// generation, uv and poetry can install, that real distributions are served unchanged, and that the person at the
// terminal sees an error as a sentence. Other output of the clients is not checked.
package e2e
