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

// copied is a response of the index, stored in a file so that other servers can serve the same content.
type copied struct {
	Path, File, Type, Encoding, ETag string
	Form                             string // "html" or "json" if two responses share a path
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
	}
	f, err := os.Create(filepath.Join(c.Dir, k.File))
	if err != nil {
		return err
	}
	_, err = f.ReadFrom(answer.Body)
	c.All = append(c.All, k)
	return errors.Join(err, f.Close(), os.Chmod(f.Name(), 0o644))
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

// serveBare runs the process with the bare handler, which uses only net/http. Its arguments are a port and a list.
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

// handler returns a handler that writes the content from memory. Large content is served as files are.
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
		_, _ = w.Write(body) // on an error the client is gone
	}, err
}
