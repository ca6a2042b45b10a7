package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// copied is a response of the index, stored in a file so that other servers can serve the same content.
type copied struct {
	Path, File, Type, Encoding, ETag string
	Form                             string      // "html" or "json" if two responses share a path
	Header, Held                     http.Header // of the response, and of the 304 response to its ETag
}

// copies is the list of responses and the folder of their files.
type copies struct {
	Dir string
	All []copied
}

// add requests a path from the index and stores the response.
func (c *copies) add(ctx context.Context, from target, path, form string) error {
	answer, err := from.get(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	h := answer.Header
	k := copied{
		Path:     path,
		File:     fmt.Sprintf("%d", len(c.All)),
		Type:     h.Get("Content-Type"),
		Encoding: h.Get("Content-Encoding"),
		ETag:     h.Get("ETag"),
		Form:     form,
		Header:   sent(h),
	}
	if k.ETag != "" {
		from.Header = append(from.Header[:len(from.Header):len(from.Header)], "If-None-Match: "+k.ETag)
		held, err := from.get(ctx)
		if err != nil {
			return err
		}
		k.Held = sent(held.Header)
		if err := held.Body.Close(); err != nil {
			return err
		}
	}
	f, err := os.Create(filepath.Join(c.Dir, k.File))
	if err != nil {
		return err
	}
	_, err = f.ReadFrom(answer.Body)
	c.All = append(c.All, k)
	return errors.Join(err, f.Close(), os.Chmod(f.Name(), 0o644))
}

// sent returns the headers that a handler sets: those of a response without the ones that net/http adds.
func sent(h http.Header) http.Header {
	h = h.Clone()
	delete(h, "Date")
	delete(h, "Connection")
	return h
}

// save writes the list for the process that serves it.
func (c *copies) save() (string, error) {
	b, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	path := filepath.Join(c.Dir, "copies.json")
	return path, os.WriteFile(path, b, 0o644)
}

// inMemory is the maximum size of a response that the bare handler serves from memory.
const inMemory = 64 << 20

// serveBare runs the process with the bare handler, which uses only net/http. Its arguments are a port and a list, and
// the files of a certificate and its key to serve TLS.
func serveBare(ctx context.Context, args []string) error {
	b, err := os.ReadFile(args[1])
	if err != nil {
		return err
	}
	var c copies
	if err := json.Unmarshal(b, &c); err != nil {
		return err
	}
	mux := http.NewServeMux()
	forms := map[string]map[string]http.HandlerFunc{}
	for _, k := range c.All {
		h, err := k.handler(filepath.Join(c.Dir, k.File))
		if err != nil {
			return err
		}
		if forms[k.Path] == nil {
			forms[k.Path] = map[string]http.HandlerFunc{}
		}
		forms[k.Path][k.Form] = h
	}
	for path, of := range forms {
		mux.HandleFunc(path, choose(of))
	}
	s := &http.Server{Handler: mux}
	l, err := net.Listen("tcp", "127.0.0.1:"+args[0])
	if err != nil {
		return err
	}
	go func() {
		<-ctx.Done()
		_ = s.Close()
	}()
	serve := func() error { return s.Serve(l) }
	if len(args) > 2 {
		serve = func() error { return s.ServeTLS(l, args[2], args[3]) }
	}
	if err := serve(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// choose returns a handler that examines Accept as little as possible.
func choose(forms map[string]http.HandlerFunc) http.HandlerFunc {
	html, json := forms["html"], forms["json"]
	switch {
	case html == nil:
		return forms["file"]
	case json == nil:
		return html
	}
	return func(w http.ResponseWriter, r *http.Request) {
		if a := r.Header["Accept"]; len(a) == 1 && strings.HasSuffix(a[0], "json") {
			json(w, r)
			return
		}
		html(w, r)
	}
}

// handler returns a handler that writes the content from memory, with the headers of the index. Large content is served
// as files are.
func (k copied) handler(path string) (http.HandlerFunc, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > inMemory || k.Form == "file" {
		return func(w http.ResponseWriter, r *http.Request) {
			f, err := os.Open(path)
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			defer func() { _ = f.Close() }()
			w.Header()["Content-Type"] = []string{k.Type}
			http.ServeContent(w, r, "", time.Time{}, f)
		}, nil
	}
	body, err := os.ReadFile(path)
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-None-Match") == k.ETag && k.ETag != "" {
			maps.Copy(w.Header(), k.Held)
			w.WriteHeader(http.StatusNotModified)
			return
		}
		maps.Copy(w.Header(), k.Header)
		_, _ = w.Write(body) // on an error the client is gone
	}, err
}
