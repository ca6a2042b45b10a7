// Package e2e publishes to and installs from a running server with the real clients.
//
// It holds tests only. They guarantee that unmodified twine, uv, poetry, hatch and flit can publish, that pip of every
// generation, uv and poetry can install, that real distributions come back byte for byte, and that a refusal reaches
// the person at the terminal as a sentence. What a client prints besides our own words is the client's business and is
// not asserted.
package e2e
