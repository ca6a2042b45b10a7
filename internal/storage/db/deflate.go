package db

import (
	"bytes"
	"io"
	"sync"

	"github.com/klauspost/compress/flate"
)

// deflaters and inflaters are kept, because a new one costs more than the compression of a document.
var (
	deflaters = sync.Pool{New: func() any {
		w, err := flate.NewWriterDict(io.Discard, flate.DefaultCompression, nil)
		if err != nil {
			panic(err) // the level is valid
		}
		return w
	}}
	inflaters = sync.Pool{New: func() any { return flate.NewReader(nil) }}
)

// deflate compresses p with a dictionary, which may be nil. Only the last 32 KiB of a dictionary are used.
func deflate(p, dictionary []byte) []byte {
	w := deflaters.Get().(*flate.Writer)
	defer deflaters.Put(w)
	var out bytes.Buffer
	w.ResetDict(&out, dictionary)
	_, _ = w.Write(p) // a buffer accepts everything
	_ = w.Close()
	return bytes.Clone(out.Bytes())
}

// inflate reverses deflate with the same dictionary.
func inflate(p, dictionary []byte) ([]byte, error) {
	r := inflaters.Get().(io.ReadCloser)
	defer inflaters.Put(r)
	if err := r.(flate.Resetter).Reset(bytes.NewReader(p), dictionary); err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}
