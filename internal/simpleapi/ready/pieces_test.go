package ready_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"github.com/klauspost/compress/zstd"

	"pyindex/internal/simpleapi/ready"
)

// text is the content of a piece. Appended counts how often it was rendered.
type text struct {
	s        string
	appended *int
}

func (x text) piece(keep bool) ready.Piece {
	return ready.Piece{Key: x.s, Keep: keep, Append: func(b []byte) []byte {
		*x.appended++
		return append(b, x.s...)
	}}
}

// texts returns n random texts, some empty and some long, which compress more or less well.
func texts(random *rand.Rand, n int) []text {
	out := make([]text, n)
	for i := range out {
		var b []byte
		for range random.IntN(2) * random.IntN(4000) {
			b = fmt.Appendf(b, "<a href=%x>%d</a>", random.IntN(1<<20), random.IntN(9))
		}
		out[i] = text{fmt.Sprint(i, string(b)), new(int)}
	}
	out[n/2].s = ""
	return out
}

func pieces(all []text, keep bool) (out []ready.Piece, whole string) {
	for _, x := range all {
		out = append(out, x.piece(keep))
		whole += x.s
	}
	return out, whole
}

// serve returns the answer as a client receives it.
func serve(t *testing.T, a *ready.Answer) (http.Header, []byte) {
	t.Helper()
	w := httptest.NewRecorder()
	a.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if got := w.Header().Get("Content-Length"); got != strconv.Itoa(w.Body.Len()) {
		t.Errorf("Content-Length = %s for %d bytes", got, w.Body.Len())
	}
	if !bytes.Equal(a.Body(), w.Body.Bytes()) {
		t.Error("Body differs from what is served")
	}
	return w.Header(), w.Body.Bytes()
}

// decodeStrictly decodes a body strictly: there must be one member or frame and nothing after it.
func decodeStrictly(t *testing.T, coding string, body []byte) string {
	t.Helper()
	rest := bytes.NewReader(body)
	var r io.Reader
	switch coding {
	case "":
		return string(body)
	case "gzip":
		z, err := gzip.NewReader(rest)
		if err != nil {
			t.Fatal(err)
		}
		z.Multistream(false)
		r = z
	case "zstd":
		z, err := zstd.NewReader(rest)
		if err != nil {
			t.Fatal(err)
		}
		defer z.Close()
		r = z
	}
	out, err := io.ReadAll(r)
	if err != nil || rest.Len() > 0 {
		t.Fatalf("%s: %v, %d bytes are left", coding, err, rest.Len())
	}
	return string(out)
}

// TestPieces: an answer of pieces has the bytes of all of them in every encoding, and an answer after another one has
// the same bytes and tags as one made without it, although it renders and compresses only what is new.
func TestPieces(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, keep := range []bool{false, true} {
		c := ready.NewCache(64 << 20)
		all := texts(random, 40)
		for round := range 12 {
			for range random.IntN(3) { // replace, remove or add
				i := random.IntN(len(all))
				fresh := texts(random, 2)[0]
				fresh.s += fmt.Sprint("of round ", round)
				switch random.IntN(3) {
				case 0:
					all[i] = fresh
				case 1:
					all = append(all[:i:i], all[i+1:]...)
				default:
					all = append(all[:i:i], append([]text{fresh}, all[i:]...)...)
				}
			}
			list, want := pieces(all, keep)
			scratch := ready.NewPieces("text/html", at(int64(round)), list, nil)
			for _, e := range []ready.Encoding{ready.Gzip, ready.Zstd, ready.Identity} {
				k := ready.Key{ID: "p"}
				a, err := c.Fill(t.Context(), k, e, at(int64(round)), func(context.Context) (*ready.Answer, error) {
					return ready.NewPieces("text/html", at(int64(round)), list, c.Latest(k, ready.Identity)), nil
				})
				if err != nil {
					t.Fatal(err)
				}
				h, body := serve(t, a)
				h2, body2 := serve(t, scratch.Encoded(e))
				if h.Get("ETag") != h2.Get("ETag") || !bytes.Equal(body, body2) {
					t.Fatalf("round %d in %v: %s with %d bytes, from scratch %s with %d", round, e, h.Get("ETag"), len(body),
						h2.Get("ETag"), len(body2))
				}
				if got := decodeStrictly(t, h.Get("Content-Encoding"), body); got != want {
					t.Fatalf("round %d in %v: %d bytes of content, want the %d of the pieces", round, e, len(got), len(want))
				}
			}
		}
	}
}

// TestPiecesAreUsedAgain: what an earlier answer has of a piece is not rendered again, neither for the digest nor for
// gzip. A piece that is not kept is rendered when it is written.
func TestPiecesAreUsedAgain(t *testing.T) {
	for _, keep := range []bool{false, true} {
		all := texts(rand.New(rand.NewPCG(3, 4)), 20)
		c := ready.NewCache(64 << 20)
		k := ready.Key{ID: "p"}
		read := func(serial int64) *ready.Answer {
			list, _ := pieces(all, keep)
			a, err := c.Fill(t.Context(), k, ready.Gzip, at(serial), func(context.Context) (*ready.Answer, error) {
				return ready.NewPieces("text/html", at(serial), list, c.Latest(k, ready.Identity)), nil
			})
			if err != nil {
				t.Fatal(err)
			}
			return a
		}
		read(1)
		before := make([]int, len(all))
		for i := range all {
			before[i] = *all[i].appended
		}
		all[7] = text{"changed", new(int)}
		a := read(2)
		for i := range all {
			if i != 7 && *all[i].appended != before[i] {
				t.Errorf("keep %v: piece %d is rendered again although it did not change", keep, i)
			}
		}
		if *all[7].appended == 0 {
			t.Error("the changed piece is not rendered")
		}
		_, want := pieces(all, keep)
		if _, body := serve(t, a); decodeStrictly(t, "gzip", body) != want {
			t.Error("the answer is not the changed one")
		}
	}
}

// TestPiecesAreBounded: answers of pieces count what they keep.
func TestPiecesAreBounded(t *testing.T) {
	const limit = 1 << 20
	random := rand.New(rand.NewPCG(5, 6))
	c := ready.NewCache(limit)
	for i := range 30 {
		list, whole := pieces(texts(random, 30), true)
		k := ready.Key{ID: fmt.Sprint(i)}
		before := c.Size()
		if _, err := c.Fill(t.Context(), k, ready.Identity, at(1), func(context.Context) (*ready.Answer, error) {
			return ready.NewPieces("text/html", at(1), list, nil), nil
		}); err != nil {
			t.Fatal(err)
		}
		if got := c.Size(); got > limit {
			t.Fatalf("the cache holds %d bytes, want at most %d", got, limit)
		}
		if i == 0 && c.Size()-before < int64(len(whole)) {
			t.Errorf("%d kept bytes count as %d", len(whole), c.Size()-before)
		}
	}
}

// TestHeadOfPieces: a HEAD and a request with the tag get no body.
func TestHeadOfPieces(t *testing.T) {
	list, _ := pieces(texts(rand.New(rand.NewPCG(7, 8)), 5), false)
	a := ready.NewPieces("text/html", at(1), list, nil)
	w := httptest.NewRecorder()
	a.ServeHTTP(w, httptest.NewRequest("HEAD", "/", nil))
	if w.Code != 200 || w.Body.Len() > 0 || w.Header().Get("Content-Length") == "0" {
		t.Errorf("HEAD = %d with %d bytes, %v", w.Code, w.Body.Len(), w.Header())
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("If-None-Match", w.Header().Get("ETag"))
	w = httptest.NewRecorder()
	a.ServeHTTP(w, r)
	if w.Code != http.StatusNotModified || w.Body.Len() > 0 {
		t.Errorf("GET with the tag = %d with %d bytes, want 304", w.Code, w.Body.Len())
	}
}

// TestGzipHasOneLastBlock decodes the blocks between the header and the trailer alone: nothing may follow the last one.
func TestGzipHasOneLastBlock(t *testing.T) {
	list, want := pieces(texts(rand.New(rand.NewPCG(9, 10)), 9), false)
	_, body := serve(t, ready.NewPieces("text/html", at(1), list, nil).Encoded(ready.Gzip))
	rest := bytes.NewReader(body[10 : len(body)-8])
	got, err := io.ReadAll(flate.NewReader(rest))
	if err != nil || string(got) != want || rest.Len() > 0 {
		t.Errorf("%d bytes, %v, %d left, want %d", len(got), err, rest.Len(), len(want))
	}
}
