package remote

import (
	"context"
	"net/url"
	"strconv"

	"pyindex/internal/fault"
	"pyindex/internal/transfer"
	"pyindex/internal/transfer/scan"
	"pyindex/internal/transfer/stated"
)

// Nexus is a hosted repository of Nexus Repository 3.
type Nexus struct{ *manager }

var _ transfer.Source = (*Nexus)(nil)

// NewNexus returns a hosted repository as a source. Its address is that which pip uses, such as
// https://HOST/repository/NAME/. It returns fault.Invalid for repositories that have files of others.
func NewNexus(ctx context.Context, o Options) (*Nexus, error) {
	s, root, name, err := rooted(o, "/repository/")
	if err != nil {
		return nil, fault.Wrap(fault.KindOf(err), err, "%s: give the address that pip uses, https://HOST/repository/NAME/",
			fault.Message(err))
	}
	n := &Nexus{&manager{
		server:     s,
		kind:       "nexus",
		root:       root,
		repository: name,
		files:      root + "repository/" + url.PathEscape(name) + "/",
	}}
	n.list = n.components
	return n, n.check(ctx, "service/rest/v1/repositories", "name", "format", "hosted")
}

// components lists the files of the repository. A page is the last one if its token is null. A server or proxy that
// gives a token again would be asked for ever.
func (n *Nexus) components(ctx context.Context, add func(transfer.File, string) error) error {
	seen := map[string]bool{}
	for token := ""; ; {
		query := url.Values{"repository": {n.repository}}
		if token != "" {
			query.Set("continuationToken", token)
		}
		next := ""
		at := n.root + "service/rest/v1/components?" + query.Encode()
		err := n.readJSON(ctx, at, func(r *scan.Reader) (err error) {
			next, err = readComponents(r, add)
			return err
		})
		if err != nil {
			return err
		}
		if next == "" {
			return nil
		}
		if seen[next] {
			return fault.New(fault.BadGateway,
				"%s gives the same page again, so the list has no end: a proxy in front of it may leave out continuationToken",
				n.root)
		}
		seen[next] = true
		token = next
	}
}

// readComponents reads a page of components. It returns the token of the next page, or "" for the last one.
func readComponents(r *scan.Reader, add func(transfer.File, string) error) (next string, err error) {
	items := false
	_, err = r.Object(func(key string) (err error) {
		switch key {
		case "continuationToken":
			next, err = r.Text()
			return err
		case "items":
			items, err = r.List(func() error { return readComponent(r, add) })
			return err
		}
		return r.Skip()
	})
	if err == nil && !items {
		err = scan.Errorf("this is not a page of components")
	}
	return next, err
}

// readComponent reads one release of a project with its assets.
func readComponent(r *scan.Reader, add func(transfer.File, string) error) error {
	name := ""
	var files []transfer.File
	_, err := r.Object(func(key string) (err error) {
		switch key {
		case "name":
			name, err = r.Text()
		case "assets":
			_, err = r.List(func() error {
				f, err := asset(r)
				if len(files) == maxListed {
					return scan.Errorf("a component has more than %d assets", maxListed)
				}
				files = append(files, f)
				return err
			})
		default:
			err = r.Skip()
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := add(f, name); err != nil {
			return err
		}
	}
	return nil
}

// asset reads a file.
func asset(r *scan.Reader) (transfer.File, error) {
	f := transfer.File{Size: -1}
	hashes := stated.Digests{}
	var created, modified string
	_, err := r.Object(func(key string) (err error) {
		var text string
		switch key {
		case "path":
			f.Place, err = r.Text()
			for len(f.Place) > 0 && f.Place[0] == '/' { // since 3.70 paths begin with a slash
				f.Place = f.Place[1:]
			}
		case "fileSize":
			text, err = r.Scalar()
			if size, invalid := strconv.ParseInt(text, 10, 64); invalid == nil && size > 0 {
				f.Size = size
			}
		case "checksum":
			_, err = r.Object(func(algorithm string) error {
				hex, err := r.Text()
				hashes.Add(algorithm, hex)
				return err
			})
		case "blobCreated":
			created, err = r.Text()
		case "lastModified":
			modified, err = r.Text()
		case "uploader":
			text, err = r.Text()
			f.Uploader = stated.Text(text)
		default:
			err = r.Skip()
		}
		return err
	})
	if len(hashes) > 0 {
		f.Hashes = hashes
	}
	if f.UploadedAt = readTime(created); !f.UploadedAt.IsZero() {
		f.TimeTrust = transfer.Stated
	} else if f.UploadedAt = readTime(modified); !f.UploadedAt.IsZero() {
		f.TimeTrust = transfer.Latest
	}
	return f, err
}
