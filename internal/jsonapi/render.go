package jsonapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/resolve"
	"pyindex/internal/simpleapi/ready"
)

// document is a response. Releases is set only for a project: a version's response must omit it.
type document struct {
	Info            info              `json:"info"`
	LastSerial      int64             `json:"last_serial"`
	Ownership       ownership         `json:"ownership"`
	Releases        map[string][]file `json:"releases,omitempty"`
	URLs            []file            `json:"urls"`
	Vulnerabilities []vulnerability   `json:"vulnerabilities"`
}

// ownership is always empty: roles are shown only to a project's members, on its pages.
type ownership struct {
	Roles        []struct{} `json:"roles"`
	Organization *string    `json:"organization"`
}

// render renders the response for a version, or for the project if version is "".
func (a *API) render(ctx context.Context, who access.Caller, v *resolve.View, version string) (*ready.Answer, error) {
	d, err := a.reader.Release(ctx, who, v, version)
	if err != nil {
		return nil, err
	}
	d.Project.Repository = v.Repository // of the URLs
	doc := a.document(d)
	doc.Vulnerabilities = vulnerabilities(v.Advised(d.Release.Version, d.Files))
	if version == "" {
		doc.Releases = a.releases(d.Contents)
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(doc); err != nil {
		return nil, fmt.Errorf("rendering JSON of %s: %w", v.Name, err)
	}
	answer := ready.NewAnswer("application/json", d.Project.Stamp(), out.Bytes())
	if d.Project.Serial == 0 {
		answer.OmitSerial()
	}
	return answer, nil
}

func (a *API) document(d catalog.ReleaseDetail) document {
	files := a.base + tree(d.Project.Repository.Name) + "/packages/"
	return document{
		Info: a.info(d), LastSerial: d.Project.Serial, Ownership: ownership{Roles: []struct{}{}},
		URLs: describeAll(files, d.Files),
	}
}

// releases groups a project's files by version. Versions without files are included.
func (a *API) releases(c catalog.Contents) map[string][]file {
	files := a.base + tree(c.Project.Repository.Name) + "/packages/"
	versions := make(map[string]string, len(c.Releases)) // by release id
	all := make(map[string][]file, len(c.Releases))
	for _, r := range c.Releases {
		versions[r.ID], all[r.Version] = r.Version, []file{}
	}
	for i := range c.Files {
		v := versions[c.Files[i].ReleaseID]
		all[v] = append(all[v], describe(files, &c.Files[i]))
	}
	return all
}
