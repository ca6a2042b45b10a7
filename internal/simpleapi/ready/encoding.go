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

// The encodings, the one we would rather send last. Brotli has no asker among installers.
const (
	Identity Encoding = iota
	Gzip
	Zstd
	encodings int = iota
)

var encodingNames = [...]string{"identity", "gzip", "zstd"}

// String returns the coding's name as headers spell it.
func (e Encoding) String() string { return encodingNames[e] }

// ChooseEncoding picks the coding for the values of a request's Accept-Encoding: the heaviest one, and of equally heavy
// ones zstd before gzip. Identity is the answer to no header, and also where all is refused, because a client that
// refuses everything is better served than not.
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

// codingWeights returns the weight of each encoding; "*" speaks for those that are not named. Identity that is not
// named is acceptable but the last choice.
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

// bigBody is where speed begins to matter more than size: the first reader of a big page waits for the compressor.
const bigBody = 256 << 10

// compress returns body in the encoding.
func (e Encoding) compress(body []byte) []byte {
	if e == Zstd {
		return zstdEncoder().EncodeAll(body, make([]byte, 0, len(body)/4))
	}
	level := 6
	if len(body) > bigBody {
		level = gzip.BestSpeed
	}
	out := bytes.NewBuffer(make([]byte, 0, len(body)/4))
	z, _ := gzip.NewWriterLevel(out, level) // fails for unknown levels only
	z.Write(body)                           // a bytes.Buffer takes everything
	z.Close()
	return out.Bytes()
}

// zstdEncoder is shared: EncodeAll may be called at the same time by many. The window stays below the 8 MiB that
// RFC 9659 lets a client insist on.
var zstdEncoder = sync.OnceValue(func() *zstd.Encoder {
	z, err := zstd.NewWriter(nil,
		zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(1<<20),
		zstd.WithEncoderConcurrency(2), zstd.WithLowerEncoderMem(true))
	if err != nil {
		panic(err) // the options above are constants
	}
	return z
})
