package ready

import (
	"bytes"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"pyindex/internal/route"
)

// Encoding is a content coding (RFC 9110, section 8.4).
type Encoding uint8

// These are the encodings, in ascending order of preference. No installer accepts Brotli.
const (
	Identity Encoding = iota
	Gzip
	Zstd
	encodings int = iota
)

var encodingNames = [...]string{"identity", "gzip", "zstd"}

// String returns the coding's name as used in headers.
func (e Encoding) String() string { return encodingNames[e] }

// ChooseEncoding returns the coding with the largest weight in a request's Accept-Encoding, and zstd before gzip if
// both have the same. It returns Identity if there is no header, and also if the client refuses all codings, because a
// response is more useful than an error.
func ChooseEncoding(lines []string) Encoding {
	if len(lines) == 0 {
		return Identity
	}
	weight := codingWeights(lines)
	best := Identity
	for _, e := range [...]Encoding{Gzip, Zstd} {
		if weight[e] > 0 && weight[e] >= weight[best] {
			best = e
		}
	}
	return best
}

// codingWeights returns the weight of each encoding. "*" applies to the encodings that are not named. If identity is
// not named, it is acceptable but the last choice.
func codingWeights(lines []string) [encodings]int {
	const unsaid = -1
	weight, others := [encodings]int{unsaid, unsaid, unsaid}, unsaid
	for w := (route.Weights{Lines: lines}); w.Next(); {
		if e, ok := parseEncoding(w.Value); ok {
			weight[e] = w.Weight
		} else if w.Value == "*" {
			others = w.Weight
		}
	}
	for e, said := range weight {
		if said == unsaid && Encoding(e) != Identity {
			weight[e] = max(others, 0)
		}
	}
	return weight
}

func parseEncoding(s string) (Encoding, bool) {
	for e, name := range encodingNames {
		if strings.EqualFold(s, name) {
			return Encoding(e), true
		}
	}
	return Gzip, strings.EqualFold(s, "x-gzip") // RFC 9110, section 8.4.1.3
}

// bigBody is the size above which gzip favors speed over size: the first client of a large page waits for the
// compressor.
const bigBody = 256 << 10

func (e Encoding) compress(body []byte) []byte {
	if e == Zstd {
		return zstdEncoder().EncodeAll(body, make([]byte, 0, len(body)/4))
	}
	level := 6
	if len(body) > bigBody {
		level = gzip.BestSpeed
	}
	out := bytes.NewBuffer(make([]byte, 0, len(body)/4))
	z, _ := gzip.NewWriterLevel(out, level) // fails only for unknown levels
	z.Write(body)                           // a bytes.Buffer never fails
	z.Close()
	return out.Bytes()
}

// zstdEncoder is shared, since EncodeAll is safe for concurrent use.
var zstdEncoder = sync.OnceValue(func() *zstd.Encoder {
	z, err := zstd.NewWriter(nil, append(zstdOptions(), zstd.WithEncoderConcurrency(2))...)
	if err != nil {
		panic(err) // the options above are constants
	}
	return z
})

// zstdOptions returns the options of all encoders. The window stays below the 8 MiB to which RFC 9659 lets clients
// limit it.
func zstdOptions() []zstd.EOption {
	return []zstd.EOption{
		zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(1 << 20), zstd.WithLowerEncoderMem(true),
	}
}
