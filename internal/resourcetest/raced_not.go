//go:build !race

package resourcetest

// Raced reports whether the race detector is on. The detector drops pooled values at random, so allocations are not
// meaningful.
const Raced = false
