package projects

import (
	"bytes"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/resolve"
	"pyindex/internal/route"
)

// download serves a file of the release or its metadata. Browsers need it because the API URLs require a token.
func (s *Section) download(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	name, err := packaging.ParseProjectName(r.PathValue("project"))
	if err != nil {
		return fault.New(fault.NotFound, "there is no project of that name here")
	}
	o, err := s.overview(r, who, name, r.PathValue("version"))
	if err != nil {
		return s.missing(r, who, name, err)
	}
	filename, metadata := strings.CutSuffix(r.PathValue("filename"), ".metadata")
	i := slices.IndexFunc(o.Files, func(f catalog.File) bool { return f.Filename == filename })
	if i < 0 {
		return s.missing(r, who, name, fault.New(fault.NotFound, "the release has no such file"))
	}
	if o.Files[i].Upstream != nil {
		return s.downloadUpstream(w, r, who, &o.View, o.Files[i], metadata)
	}
	if err := s.o.Reader.Refuse(&o.View, o.Files[i]); err != nil {
		return err
	}
	part := catalog.Bytes
	if metadata {
		part = catalog.MetadataPart
	}
	blob, _, err := s.o.Index.Open(r.Context(), who, o.Project.Repository.Name, o.Files[i].SHA256, filename, part)
	if err != nil {
		return err
	}
	defer blob.Close()
	s.fileHeaders(w, metadata)
	if !metadata && r.Method == http.MethodGet {
		s.o.Reader.DownloadedOwn(who, o.View.Repository.Name, name, o.Files[i])
	}
	http.ServeContent(w, r, "", time.Time{}, blob)
	return nil
}

func (s *Section) fileHeaders(w http.ResponseWriter, metadata bool) {
	s.PageHeaders(w)
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", "attachment")
	if metadata {
		h.Set("Content-Type", "text/plain; charset=utf-8")
	}
}

// downloadUpstream serves a file of an upstream or its metadata: what is stored, or what the upstream sends while the
// browser reads.
func (s *Section) downloadUpstream(w http.ResponseWriter, r *http.Request, who access.Caller, v *resolve.View,
	file catalog.File, metadata bool,
) error {
	ctx := r.Context()
	f, err := s.o.Reader.ForeignFile(ctx, who, v, file, s.ask(r))
	if err != nil {
		return err
	}
	if metadata {
		document, _, err := s.o.Reader.Metadata(ctx, f)
		if err != nil {
			return err
		}
		s.fileHeaders(w, metadata)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(document))
		return nil
	}
	if r.Method == http.MethodHead { // it must not start a download
		known, err := s.o.Reader.Stat(ctx, f)
		if err != nil {
			return err
		}
		s.fileHeaders(w, metadata)
		ofSize(w, known.Size)
		return nil
	}
	o, err := s.o.Reader.Open(ctx, f)
	if err != nil {
		return err
	}
	defer o.Close()
	s.o.Reader.Downloaded(who, v.Repository.Name, f)
	s.fileHeaders(w, metadata)
	if o.Blob != nil {
		http.ServeContent(w, r, "", time.Time{}, o.Blob)
		return nil
	}
	ofSize(w, o.Size)
	route.Stream(w, o.Stream)
	return nil
}

func ofSize(w http.ResponseWriter, n int64) {
	if n >= 0 {
		w.Header().Set("Content-Length", strconv.FormatInt(n, 10))
	}
	w.WriteHeader(http.StatusOK)
}
