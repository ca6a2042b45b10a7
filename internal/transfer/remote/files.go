package remote

import (
	"context"
	"io"
	"net/url"
	"strings"

	"pyindex/internal/fault"
)

// Files are files below a URL by their names, for a list of packages that has none of its own.
type Files struct {
	*server
	base *url.URL
}

// NewFiles returns the files below the URL of the options. It asks nothing yet.
func NewFiles(o Options) (*Files, error) {
	s, err := newServer(o)
	if err != nil {
		return nil, err
	}
	base, err := url.Parse(s.upstream.URL)
	return &Files{s, base}, err
}

// Size returns -1: the size is known when the file is opened.
func (f *Files) Size(string) (int64, error) { return -1, nil }

// Open opens a file. It returns fault.NotFound if there is none.
func (f *Files) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, `/\`) {
		return nil, fault.New(fault.Invalid, "%.100q is not the name of a file", name)
	}
	return f.open(ctx, f.base.JoinPath(url.PathEscape(name)).String(), maxFile)
}

// Close ends the use of the files.
func (f *Files) Close() error {
	f.client.Forget(f.upstream.Name)
	return nil
}
