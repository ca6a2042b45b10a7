package remote

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"path"
	"strconv"
	"strings"

	"pyindex/internal/fault"
	"pyindex/internal/transfer"
	"pyindex/internal/transfer/scan"
	"pyindex/internal/transfer/stated"
)

// itemsAtOnce is how many files are asked for in one query.
const itemsAtOnce = 5000

// Artifactory is a local repository of Artifactory.
type Artifactory struct {
	*manager
	page int
}

var _ transfer.Source = (*Artifactory)(nil)

// NewArtifactory returns a local repository as a source. Its address is https://HOST/artifactory/NAME/, or that which
// pip uses. It returns fault.Invalid for repositories that have files of others.
func NewArtifactory(ctx context.Context, o Options) (*Artifactory, error) {
	s, root, name, err := rooted(o, "/api/pypi/", "/artifactory/")
	if err != nil {
		return nil, fault.Wrap(fault.KindOf(err), err, "%s: give the address https://HOST/artifactory/NAME/",
			fault.Message(err))
	}
	if !strings.Contains(o.URL, "/api/pypi/") {
		root += "artifactory/"
		s.upstream.URL = root
	}
	a := &Artifactory{&manager{
		server:     s,
		kind:       "artifactory",
		root:       root,
		repository: name,
		files:      root + url.PathEscape(name) + "/",
	}, itemsAtOnce}
	a.list = a.items
	return a, a.check(ctx, "api/repositories", "key", "packageType", "local", "federated")
}

// found is the answer to a query.
type found struct {
	count        int // of results
	first        string
	notification string
}

// items lists the files of the repository. The total of a page counts the page itself, so the last page is the first
// that is not full. A result that the server has cut has a notification, and no error.
func (a *Artifactory) items(ctx context.Context, add func(transfer.File, string) error) error {
	yanked, err := a.yanked(ctx)
	if err != nil {
		return err
	}
	last := ""
	for offset := 0; ; offset += a.page {
		query := fmt.Sprintf(`items.find({"repo":%s,"type":"file"})`+
			`.include("repo","path","name","size","created","created_by","sha256","actual_sha1","actual_md5")`+
			`.sort({"$asc":["path","name"]}).offset(%d).limit(%d)`, quoted(a.repository), offset, a.page)
		got, err := a.find(ctx, query, func(f transfer.File) error {
			f.YankedReason, f.Yanked = yanked[f.Place]
			if first, _, _ := strings.Cut(f.Place, "/"); first == ".pypi" {
				return nil // the pages that Artifactory has made
			}
			return add(f, "")
		})
		switch {
		case err != nil:
			return err
		case got.count > 0 && got.first == last:
			return fault.New(fault.BadGateway, "%s gives the same files again: it does not follow offset", a.root)
		case got.count < a.page:
			return nil
		}
		last = got.first
	}
}

// yanked returns the files with the property pypi.yanked, which newer versions set.
func (a *Artifactory) yanked(ctx context.Context) (map[string]string, error) {
	out := map[string]string{}
	query := fmt.Sprintf(`items.find({"repo":%s,"type":"file","@pypi.yanked":"true"}).include("repo","path","name")`,
		quoted(a.repository))
	_, err := a.find(ctx, query, func(f transfer.File) error {
		if len(out) > maxItems {
			return fault.New(fault.TooLarge, "more than %d files are yanked", maxItems)
		}
		out[f.Place] = ""
		return nil
	})
	return out, err
}

// find sends a query and calls each with every file of the result.
func (a *Artifactory) find(ctx context.Context, query string, each func(transfer.File) error) (found, error) {
	var out found
	err := a.query(ctx, a.root+"api/search/aql", "text/plain", query, func(r *scan.Reader) (err error) {
		out, err = readResult(r, each)
		return err
	})
	if err == nil && out.notification != "" {
		err = fault.New(fault.BadGateway,
			"%s has cut the list of files (%s), so it is not complete: raise its limit for searches",
			a.root, stated.Text(out.notification))
	}
	return out, err
}

// readResult reads the result of a query.
func readResult(r *scan.Reader, each func(transfer.File) error) (out found, err error) {
	results := false
	_, err = r.Object(func(key string) (err error) {
		switch key {
		case "results":
			results, err = r.List(func() error {
				f, err := item(r)
				if err != nil {
					return err
				}
				if out.count++; out.count == 1 {
					out.first = f.Place
				}
				return each(f)
			})
			return err
		case "range":
			_, err = r.Object(func(key string) (err error) {
				if key != "notification" {
					return r.Skip()
				}
				out.notification, err = r.Text()
				return err
			})
			return err
		}
		return r.Skip()
	})
	if err == nil && !results {
		err = scan.Errorf("this is not the result of a query")
	}
	return out, err
}

// item reads a file of a result.
func item(r *scan.Reader) (transfer.File, error) {
	f := transfer.File{Size: -1}
	hashes := stated.Digests{}
	var dir, name, created string
	_, err := r.Object(func(key string) (err error) {
		var text string
		switch key {
		case "path":
			dir, err = r.Text()
		case "name":
			name, err = r.Text()
		case "size":
			text, err = r.Scalar()
			if size, invalid := strconv.ParseInt(text, 10, 64); invalid == nil && size > 0 {
				f.Size = size
			}
		case "created":
			created, err = r.Text()
		case "created_by":
			text, err = r.Text()
			f.Uploader = stated.Text(text)
		case "sha256", "actual_sha1", "actual_md5":
			text, err = r.Text()
			hashes.Add(strings.TrimPrefix(key, "actual_"), text)
		default:
			err = r.Skip()
		}
		return err
	})
	f.Place = name
	if dir != "." && dir != "" {
		f.Place = dir + "/" + name
	}
	f.Filename = path.Base(f.Place)
	if len(hashes) > 0 {
		f.Hashes = hashes
	}
	if f.UploadedAt = readTime(created); !f.UploadedAt.IsZero() {
		f.TimeTrust = transfer.Stated
	}
	return f, err
}

// quoted returns a text as one of a query.
func quoted(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}
