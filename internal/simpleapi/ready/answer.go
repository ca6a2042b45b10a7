package ready

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"

	"pyindex/internal/memo"
)

// Answer is one representation in one encoding, with its headers. It is immutable and safe for concurrent use.
type Answer struct {
	body     []byte
	at       memo.Stamp
	coding   Encoding
	tag      string // without quotes and encoding
	media    []string
	length   []string
	etag     []string
	encoding []string // nil for identity
	serials  []string

	// An answer of pieces has no body; see NewPieces.
	pieces []Piece
	made   []made
	end    []byte // of a compressed body
}

// NewAnswer returns an uncompressed answer with the media type and body, valid at the stamp. It keeps body.
func NewAnswer(media string, at memo.Stamp, body []byte) *Answer {
	h := sha256.New()
	h.Write([]byte(media + "\x00"))
	h.Write(body)
	a := &Answer{
		at: at, media: []string{media}, serials: []string{strconv.FormatInt(at.Value, 10)},
		tag: hex.EncodeToString(h.Sum(nil)[:16]),
	}
	return a.with(body, Identity)
}

// Encoded returns the answer in an encoding, or the answer itself if encoding it would not make it shorter.
func (a *Answer) Encoded(e Encoding) *Answer {
	if e == Identity || a.coding != Identity {
		return a
	}
	if a.pieces != nil {
		return a.encodedAfter(e, nil)
	}
	body := e.compress(a.body)
	if len(body) >= len(a.body) {
		return a
	}
	b := *a
	return b.with(body, e)
}

func (a *Answer) with(body []byte, e Encoding) *Answer {
	a.body, a.coding = body, e
	a.length = []string{strconv.Itoa(len(body))}
	if e == Identity {
		a.etag = []string{`"` + a.tag + `"`}
		return a
	}
	a.etag = []string{`"` + a.tag + "-" + e.String() + `"`}
	a.encoding = []string{e.String()}
	return a
}

// OmitSerial leaves out the header with the serial, because the content does not depend on that of this index. Call it
// before the answer is used.
func (a *Answer) OmitSerial() { a.serials = nil }

// Serial returns the serial at which the answer was rendered.
func (a *Answer) Serial() int64 { return a.at.Value }

// Body returns the encoded body. Callers must not modify it. That of an answer of pieces is made for each call.
func (a *Answer) Body() []byte {
	if a.pieces == nil {
		return a.body
	}
	var all []byte
	a.each(func(b []byte) error {
		all = append(all, b...)
		return nil
	})
	return all
}

// ServeHTTP writes the answer, or a 304 if the client has it already. A HEAD gets only the headers.
//
// A 304 includes the Content-Type, because clients merge a 304's headers into their stored response: it must be the
// same or absent. On HTTP/1.1 net/http removes it.
func (a *Answer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h["Content-Type"] = a.media
	h["Etag"] = a.etag
	if a.serials != nil {
		h["X-Pypi-Last-Serial"] = a.serials
	}
	if held := r.Header["If-None-Match"]; len(held) > 0 && Matches(held, a.etag[0]) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if a.encoding != nil {
		h["Content-Encoding"] = a.encoding
	}
	h["Content-Length"] = a.length
	switch {
	case r.Method == http.MethodHead:
	case a.pieces != nil:
		a.write(w)
	default:
		w.Write(a.body) // an error means that the client is gone
	}
}
