package exported

import (
	"bufio"
	"encoding/json"
	"html"
	"io"
	"net/url"
	"path/filepath"
	"strings"
)

// The static pages of the simple index. Web servers send index.html for a folder; index.json is for those that choose
// by the Accept header.
const (
	pageHTML = "index.html"
	pageJSON = "index.json"

	apiVersion = "1.1" // of the JSON: 1.1 brought upload-time, size and versions
)

func writePages(dir string, asHTML, asJSON func(*bufio.Writer) error) error {
	for _, page := range []struct {
		name  string
		write func(*bufio.Writer) error
	}{{pageHTML, asHTML}, {pageJSON, asJSON}} {
		f, err := createFile(filepath.Join(dir, page.name))
		if err != nil {
			return err
		}
		defer f.discard()
		b := bufio.NewWriterSize(f, 64<<10)
		if err := page.write(b); err != nil {
			return err
		}
		if err := b.Flush(); err != nil {
			return err
		}
		if err := f.commitChanged(); err != nil {
			return err
		}
	}
	_, err := prune(dir, func(name string) bool { return !isTemp(name) })
	return err
}

func startHTML(w io.StringWriter, title string) {
	w.WriteString("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n" +
		"<meta name=\"pypi:repository-version\" content=\"1.0\">\n<title>" + html.EscapeString(title) +
		"</title>\n</head>\n<body>\n<h1>" + html.EscapeString(title) + "</h1>\n")
}

// writeList writes the root page.
func writeList(dir string, names []string) error {
	return writePages(dir, func(b *bufio.Writer) error {
		startHTML(b, "Simple index")
		for _, name := range names {
			b.WriteString(`<a href="` + name + `/">` + name + "</a><br>\n")
		}
		_, err := b.WriteString("</body>\n</html>\n")
		return err
	}, func(b *bufio.Writer) error {
		b.WriteString(`{"meta":{"api-version":"` + apiVersion + `"},"projects":[`)
		for i, name := range names {
			if i > 0 {
				b.WriteString(",")
			}
			b.WriteString(`{"name":"` + name + `"}`)
		}
		_, err := b.WriteString("]}\n")
		return err
	})
}

// pageFile is a file of a page in JSON (PEP 691).
type pageFile struct {
	Filename       string            `json:"filename"`
	URL            string            `json:"url"`
	Hashes         map[string]string `json:"hashes"`
	RequiresPython string            `json:"requires-python,omitempty"`
	Size           int64             `json:"size"`
	UploadTime     string            `json:"upload-time,omitempty"`
	Yanked         any               `json:"yanked"`
	CoreMetadata   any               `json:"core-metadata"`
}

type page struct {
	Meta     map[string]string `json:"meta"`
	Name     string            `json:"name"`
	Versions []string          `json:"versions"`
	Files    []pageFile        `json:"files"`
}

// writePage writes the page of a project. sums has the files that the export contains.
func writePage(dir string, p Project, sums map[string]string) error {
	out := page{
		Meta: map[string]string{"api-version": apiVersion}, Name: p.Name, Versions: []string{}, Files: []pageFile{},
	}
	hidden, shown := map[string]bool{}, map[string]bool{}
	for _, f := range p.Files {
		if p.Status == statusQuarantined || !f.QuarantinedAt.IsZero() {
			hidden[f.Version] = true
			continue
		}
		shown[f.Version] = true
		out.Files = append(out.Files, pageOf(p, f, sums))
	}
	for _, v := range p.Releases {
		if p.Status != statusQuarantined && (shown[v.Version] || !hidden[v.Version]) {
			out.Versions = append(out.Versions, v.Version)
		}
	}
	return writePages(dir, func(b *bufio.Writer) error {
		startHTML(b, "Links for "+p.Name)
		for _, f := range out.Files {
			f.writeHTML(b)
		}
		_, err := b.WriteString("</body>\n</html>\n")
		return err
	}, func(b *bufio.Writer) error {
		e := json.NewEncoder(b)
		e.SetEscapeHTML(false)
		return e.Encode(out)
	})
}

const statusQuarantined = "quarantined"

func pageOf(p Project, f File, sums map[string]string) pageFile {
	out := pageFile{
		Filename: f.Filename, URL: "../../" + packagesName + "/" + p.Name + "/" + url.PathEscape(f.Filename),
		Hashes: map[string]string{"sha256": f.Hashes.SHA256}, RequiresPython: f.RequiresPython, Size: f.Size,
		Yanked: f.Yanked, CoreMetadata: false,
	}
	out.URL = strings.ReplaceAll(out.URL, "+", "%2B") // which some servers read as a blank
	if f.Yanked && f.YankedReason != "" {
		out.Yanked = f.YankedReason
	}
	if !f.UploadedAt.IsZero() {
		out.UploadTime = f.UploadedAt.UTC().Format("2006-01-02T15:04:05.000000Z")
	}
	if sum := sums[f.Filename+metadataSuffix]; sum != "" {
		out.CoreMetadata = map[string]string{"sha256": sum}
	}
	return out
}

func (f pageFile) writeHTML(b *bufio.Writer) {
	b.WriteString(`<a href="` + html.EscapeString(f.URL) + "#sha256=" + f.Hashes["sha256"] + `"`)
	attribute := func(name, value string) { b.WriteString(" " + name + `="` + html.EscapeString(value) + `"`) }
	if f.RequiresPython != "" {
		attribute("data-requires-python", f.RequiresPython)
	}
	if m, ok := f.CoreMetadata.(map[string]string); ok {
		attribute("data-core-metadata", "sha256="+m["sha256"])
		attribute("data-dist-info-metadata", "sha256="+m["sha256"])
	}
	switch reason := f.Yanked.(type) {
	case string:
		attribute("data-yanked", reason)
	case bool:
		if reason {
			attribute("data-yanked", "")
		}
	}
	b.WriteString(">" + html.EscapeString(f.Filename) + "</a><br>\n")
}
