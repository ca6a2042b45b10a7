package legacyupload

import (
	"context"
	"io"
	"net/http"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging"
)

// upload takes one file: POST /legacy/.
func (a *API) upload(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	u := &upload{intake: a.intake, who: who, repository: r.PathValue("repository"), actions: r.URL.Query()[":action"]}
	defer u.discard()
	got, err := receive(r.Body, r.Header.Get("Content-Type"), a.bounds, u.opener(r.Context()))
	if err != nil {
		return err
	}
	receipt, err := u.publish(r.Context(), got)
	if err != nil {
		return err
	}
	warnings := receipt.Warnings
	if text := who.TokenWarning(a.now()); text != "" {
		warnings = append(warnings[:len(warnings):len(warnings)], text)
	}
	return accept(w, warnings)
}

type upload struct {
	intake     *ingest.Intake
	who        access.Caller
	repository string
	actions    []string // from the query string
	incoming   *ingest.Incoming
}

// discard frees the stage, which a published file no longer needs.
func (u *upload) discard() {
	if u.incoming != nil {
		_ = u.incoming.Discard() // the sweeper removes leftovers
	}
}

// opener opens a stage for the file, unless precheck rejects the upload.
func (u *upload) opener(ctx context.Context) opener {
	return func(f form, h partHeader) (io.Writer, error) {
		name, err := u.precheck(f, h)
		if err != nil {
			return nil, err
		}
		u.incoming, err = u.intake.Begin(ctx, u.who, u.repository, name)
		return u.incoming, err
	}
}

// precheck rejects an upload before its content is read if the fields seen so far already make it invalid. It returns
// the project name, or the zero name if the form has not named one yet. All known clients send their fields first;
// publish checks fields that come later.
func (u *upload) precheck(f form, h partHeader) (name packaging.ProjectName, err error) {
	if err := u.checkEnvelope(f, len(u.actions)+len(f[":action"]) > 0); err != nil {
		return name, err
	}
	text, err := f.one("name")
	if err != nil || text == "" {
		return name, err
	}
	if name, err = packaging.ParseProjectName(text); err != nil {
		return name, err
	}
	_, err = packaging.ParseFilename(h.filename, name)
	return name, err
}

func (u *upload) checkEnvelope(f form, action bool) error {
	if action {
		if err := checkAction(append(u.actions[:len(u.actions):len(u.actions)], f[":action"]...)); err != nil {
			return err
		}
	}
	version, err := f.one("protocol_version")
	if err != nil {
		return err
	}
	return checkProtocol(version)
}

func (u *upload) publish(ctx context.Context, got receipt) (ingest.Receipt, error) {
	if err := u.checkEnvelope(got.form, true); err != nil {
		return ingest.Receipt{}, err
	}
	out := ingest.Upload{Attestations: got.attestations}
	if err := readFileFields(got.form, &out); err != nil {
		return ingest.Receipt{}, err
	}
	var err error
	if out.Form, err = readMetadata(got.form); err != nil {
		return ingest.Receipt{}, err
	}
	if got.content == nil {
		return ingest.Receipt{},
			fault.New(fault.Invalid, "Upload payload does not have a file: send it as the part named content")
	}
	out.Filename, out.ContentType = got.content.filename, got.content.contentType
	return u.intake.Publish(ctx, u.incoming, out)
}

// readMetadata reads the core metadata. Package ingest could take a missing name from the file, but this protocol
// requires it.
func readMetadata(f form) (packaging.Metadata, error) {
	m, err := packaging.FormMetadata(f)
	if err == nil && m.Name == "" {
		err = fault.New(fault.Invalid, "the form has no name: send the project's name")
	}
	return m, err
}
