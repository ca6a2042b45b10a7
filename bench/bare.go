package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// copied is an answer of the index, kept as a file so that others can serve the same bytes.
type copied struct {
	Path, File, Type, Encoding, ETag string
	Form                             string // "html" or "json" where two answers share a path
}

// copies are all answers, and where their files are.
type copies struct {
	Dir string
	All []copied
}

// add asks the index and keeps the answer.
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
	}
	f, err := os.Create(filepath.Join(c.Dir, k.File))
	if err != nil {
		return err
	}
	_, err = f.ReadFrom(answer.Body)
	c.All = append(c.All, k)
	return errors.Join(err, f.Close(), os.Chmod(f.Name(), 0o644))
}

// save writes the list for the process that serves them.
func (c *copies) save() (string, error) {
	b, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	path := filepath.Join(c.Dir, "copies.json")
	return path, os.WriteFile(path, b, 0o644)
}

// inMemory is how large an answer may be that the bare handler writes from memory.
const inMemory = 64 << 20

// serveBare is the process with the bare handler: net/http and nothing else. Its arguments are a port and a list.
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
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// choose looks at Accept as little as can be.
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

// handler writes the bytes from memory, or large ones as files are served.
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
	typ, etag, encoding, length := []string{k.Type}, []string{k.ETag}, []string{k.Encoding},
		[]string{fmt.Sprint(len(body))}
	return func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h["Content-Type"], h["Etag"] = typ, etag
		if r.Header.Get("If-None-Match") == k.ETag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		if k.Encoding != "" {
			h["Content-Encoding"] = encoding
		}
		h["Content-Length"] = length
		_, _ = w.Write(body) // the client is gone where this fails
	}, err
}
