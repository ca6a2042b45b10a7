// Package upstreams tests reading through an upstream with the real pip, uv, poetry and pdm: they install a graph of
// own and well-known projects through one URL, while the upstream is well, and while it is slow, away or wrong.
package upstreams
