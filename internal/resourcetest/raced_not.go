//go:build !race

package resourcetest

// Raced reports whether the race detector is on. It drops pooled values at random, so bytes allocated say nothing then.
const Raced = false
