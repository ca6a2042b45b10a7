package projects

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// digest names texts.
func digest(texts ...string) string {
	sum := sha256.New()
	for _, text := range texts {
		sum.Write([]byte(text + "\x00"))
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// pictureKey names a picture in the address from which a browser loads it. Only keys of pictures in a description that
// the caller may read are found, so the server does not fetch addresses of the caller's choice.
func pictureKey(address string) string {
	sum := sha256.Sum256([]byte(address))
	return hex.EncodeToString(sum[:16])
}

// picture returns the function that maps the addresses of pictures in the description of a release to those from which
// browsers load them, or nil if pictures are shown as text. root is the path prefix of the repository's pages.
func (s *Section) picture(root string, o catalog.Overview) func(string) string {
	switch {
	case s.o.Pictures.Proxy != nil:
		folder := root + "/project/" + o.Project.Name.String() + "/" + url.PathEscape(o.Release.Version) + "/picture/"
		return func(address string) string {
			if vector(address) {
				return ""
			}
			return folder + pictureKey(address)
		}
	case s.o.Pictures.Direct:
		return func(address string) string {
			if !strings.HasPrefix(address, "https://") { // pages over https do not load others
				return ""
			}
			return address
		}
	}
	return nil
}

// badgeHosts serve only SVG, which the proxy does not deliver.
var badgeHosts = map[string]bool{
	"img.shields.io": true, "shields.io": true, "badge.fury.io": true, "badgen.net": true, "codecov.io": true,
	"api.codacy.com": true, "app.codacy.com": true, "results.pre-commit.ci": true, "pepy.tech": true,
	"static.pepy.tech": true, "www.bestpractices.dev": true, "bestpractices.coreinfrastructure.org": true,
	"api.securityscorecards.dev": true, "mybinder.org": true, "isitmaintained.com": true, "snyk.io": true,
	"requires.io": true, "travis-ci.org": true, "travis-ci.com": true, "coveralls.io": true, "readthedocs.org": true,
	"app.readthedocs.org": true, "zenodo.org": true, "joss.theoj.org": true, "api.star-history.com": true,
	"contrib.rocks": true,
}

// vector reports whether a picture is probably an SVG, so that its text is shown at once.
func vector(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return true
	}
	return badgeHosts[strings.ToLower(u.Hostname())] || strings.EqualFold(path.Ext(u.Path), ".svg") ||
		strings.HasSuffix(u.Path, "/badge")
}

// showPicture serves a picture of a description through this server.
func (s *Section) showPicture(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	none := fault.New(fault.NotFound, "the description has no such picture")
	name, err := packaging.ParseProjectName(r.PathValue("project"))
	if err != nil {
		return fault.New(fault.NotFound, "there is no project of that name here")
	}
	o, err := s.overview(r, who, name, r.PathValue("version"))
	if err != nil {
		return err
	}
	if s.o.Pictures.Proxy == nil || len(o.Files) == 0 {
		return none
	}
	root := s.Frame(r, who, "").Root
	at := s.picture(pictureRoot(root, s.from(root, o), o.Source), o.Overview)
	m, _ := shown(o.Metadata)
	for _, address := range s.descriptions.of(r.Context(), textKey(root, o.Source, m), m, at).Pictures {
		if pictureKey(address) != r.PathValue("key") {
			continue
		}
		p, err := s.o.Pictures.Proxy.Fetch(r.Context(), address)
		if err != nil {
			return err
		}
		s.PageHeaders(w)
		h := w.Header()
		h.Set("Content-Type", p.Type)
		h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
		h.Set("Cache-Control", "private, max-age=3600")
		h.Set("ETag", `"`+p.Digest+`"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(p.Content))
		return nil
	}
	return none
}
