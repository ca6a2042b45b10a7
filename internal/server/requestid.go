package server

import (
	"crypto/rand"
	"strconv"
	"sync/atomic"
)

// ids makes request ids: a random part for the process and a count. They name a line in the log and are no secret.
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
