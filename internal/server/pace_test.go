package server_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/route"
	"pyindex/internal/server"
)

const stall = 250 * time.Millisecond

// paced serves rows with the production server's write timeout, over HTTP/2 if requested.
func paced(t *testing.T, http2 bool, rows ...route.Route) *httptest.Server {
	t.Helper()
	hs := httptest.NewUnstartedServer(newServer(t, server.Options{Stall: stall}, rows...))
	hs.Config.WriteTimeout = stall
	if hs.EnableHTTP2 = http2; http2 {
		hs.StartTLS()
	} else {
		hs.Start()
	}
	t.Cleanup(hs.Close)
	return hs
}

// A stalled reader does not block its handler.
func TestStalledDownload(t *testing.T) {
	ended := make(chan error, 2)
	endless := get("/write", route.Open)
	endless.Handle = func(w http.ResponseWriter, _ *http.Request, _ access.Caller) error {
		_, err := io.Copy(struct{ io.Writer }{w}, zeros{})
		ended <- err
		return nil
	}
	fromFile := get("/file", route.Open)
	fromFile.Handle = func(w http.ResponseWriter, r *http.Request, _ access.Caller) error {
		w.Header().Set("Content-Type", "x/y")
		_, err := io.Copy(w, zeros{})
		ended <- err
		return nil
	}
	hs := paced(t, false, endless, fromFile)
	for _, path := range []string{"/write", "/file"} {
		conn, err := net.Dial("tcp", hs.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: h\r\n\r\n")
		select {
		case err := <-ended:
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%s ended with %v, want a deadline", path, err)
			}
		case <-time.After(10 * time.Second):
			t.Errorf("%s still writes to a stalled reader", path)
		}
		conn.Close()
	}
}

// Transfers that make progress may take many times the stall timeout, and so may the checks of an upload.
func TestLongTransfers(t *testing.T) {
	down := get("/down", route.Open)
	down.Handle = func(w http.ResponseWriter, _ *http.Request, _ access.Caller) error {
		for range 8 {
			if _, err := w.Write(make([]byte, 512<<10)); err != nil {
				return err
			}
			time.Sleep(stall / 2)
		}
		return nil
	}
	up := route.Route{
		Method: "POST", Path: "/up", Auth: route.Open, Limit: route.LimitMint,
		Handle: func(w http.ResponseWriter, r *http.Request, _ access.Caller) error {
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				return err
			}
			time.Sleep(2 * stall)
			_, err := io.WriteString(w, "done")
			return err
		},
	}
	for _, http2 := range []bool{false, true} {
		hs := paced(t, http2, down, up)
		got, err := hs.Client().Get(hs.URL + "/down")
		if err != nil {
			t.Fatal(err)
		}
		if text := body(t, got); len(text) != 8*512<<10 {
			t.Errorf("HTTP/2 %v: %d bytes came, want %d", http2, len(text), 8*512<<10)
		}
		got.Body.Close()
		in, out := io.Pipe()
		go func() {
			for range 8 {
				io.WriteString(out, strings.Repeat("x", 100<<10))
				time.Sleep(stall / 2)
			}
			out.Close()
		}()
		got, err = hs.Client().Post(hs.URL+"/up", "x/y", in)
		if err != nil {
			t.Fatalf("HTTP/2 %v: %v", http2, err)
		}
		if text := body(t, got); text != "done" {
			t.Errorf("HTTP/2 %v: upload answered %q, want done", http2, text)
		}
		got.Body.Close()
	}
}
