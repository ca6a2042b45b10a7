package server

import (
	"crypto/rand"
	"strconv"
	"sync/atomic"
)

// ids generates request ids from a random prefix per process and a count. They identify a log line and are not secret.
type ids struct {
	prefix string
	n      atomic.Uint64
}

func newIDs() *ids { return &ids{prefix: rand.Text()[:10] + "-"} }

func (x *ids) next() string {
	var b [32]byte
	out := strconv.AppendUint(append(b[:0], x.prefix...), x.n.Add(1), 10)
	return string(out)
}
