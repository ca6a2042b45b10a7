package synthetic

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/custody"
	"pyindex/internal/packaging"
	"pyindex/internal/storage/db"
)

// shape lists the files of each release of a project.
type shape []string

// Shapes: pure Python as wheel and source, a wheel only, and compiled code.
var (
	pure     = shape{"py3-none-any", ""}
	alone    = shape{"py3-none-any"}
	compiled = func() (s shape) {
		for _, python := range []string{"cp310", "cp311", "cp312", "cp313"} {
			for _, platform := range []string{"manylinux_2_17_x86_64", "macosx_11_0_arm64", "win_amd64"} {
				s = append(s, python+"-"+python+"-"+platform)
			}
		}
		return append(s, "")
	}()
)

// about holds the data that the files of a project share.
type about struct {
	id, name, escaped string
	project           packaging.ProjectName
	meta              packaging.Metadata
	created           time.Time
	every             time.Duration // between releases
	size              int64
	text              string // of the metadata, with placeholder as the version
	base              []byte // the newest base, as text
	bases             int64
	dynamic           bool // whether the metadata of source distributions differs
}

func (m *maker) project(b *batch, number, count int) {
	a := m.about(number, count)
	m.serial++
	m.record(b, "project.create", a.created, a.name, "", "",
		map[string]any{"display": a.name, "first_file": a.escaped + "-0.1-py3-none-any.whl"})
	s := m.shape(number)
	for done, release := 0, 0; done < count; release++ {
		n := min(len(s), count-done)
		m.release(b, a, release, s[:n], done+n == count)
		done += n
	}
	b.add(projects, a.id, m.repository, a.name, a.name, string(catalog.Active), "", m.serial, a.size, micros(a.created),
		false, int64(0), int64(0))
	b.add(grants, m.owner.id, m.repository, a.id, access.Owner.String(), micros(a.created))
}

func (m *maker) shape(number int) shape {
	switch n := m.random.IntN(20); {
	case number == 0 || n < 2:
		return compiled
	case n < 5:
		return alone
	}
	return pure
}

func (m *maker) about(number, count int) *about {
	name := Name(number)
	project, err := packaging.ParseProjectName(name)
	if err != nil {
		panic(err) // the words are valid
	}
	a := &about{id: m.id(), name: name, escaped: project.Underscored(), project: project}
	age := time.Duration(m.random.Int64N(int64(6 * 365 * 24 * time.Hour)))
	a.created = m.Until.Add(-age)
	a.every = age / time.Duration(count+1)
	r := m.random
	a.meta = packaging.Metadata{
		MetadataVersion: "2.4", Name: name, Summary: phrase(m.zipf, 4+r.IntN(9)),
		Keywords:               strings.ReplaceAll(phrase(m.zipf, 4), " ", ","),
		DescriptionContentType: "text/markdown", Description: prose(r, m.zipf, m.Description/3+r.IntN(m.Description*4/3)),
		AuthorEmail: fmt.Sprintf("%s <%s@corp.example>", m.owner.name, m.owner.name), LicenseExpression: "Apache-2.0",
		RequiresPython: ">=3.10",
		Classifiers: []string{
			"Development Status :: 5 - Production/Stable", "Intended Audience :: Developers",
			"Operating System :: OS Independent",
			"Programming Language :: Python :: 3", "Programming Language :: Python :: 3.12",
			"Topic :: Software Development :: Libraries",
		},
		ProjectURLs: []string{
			"Homepage, https://code.corp.example/" + name, "Changelog, https://code.corp.example/" + name + "/changes",
		},
		RequiresDist: m.requires(number),
	}
	if number%rareEvery == 17 {
		a.meta.Keywords += "," + rareWord
	}
	a.dynamic = r.IntN(2) == 0
	a.meta.Version = placeholder
	a.meta.Description = "# " + name + " " + placeholder + "\n\n    pip install " + name + "==" + placeholder + "\n\n" +
		a.meta.Description
	a.text = encode(a.meta)
	return a
}

// requires returns requirements on other projects, more often on early ones.
func (m *maker) requires(number int) (out []string) {
	for range m.random.IntN(7) {
		f := m.random.Float64()
		out = append(out, Name(int(f*f*float64(number)))+">=1.0")
	}
	return out
}

// release generates one release with its files, and the project's card if last is set.
func (m *maker) release(b *batch, a *about, n int, s shape, last bool) {
	v, err := packaging.ParseVersion(fmt.Sprintf("%d.%d.%d", n/100, n/10%10, n%10+1))
	if err != nil {
		panic(err) // the format is valid
	}
	at := a.created.Add(time.Duration(n*len(s)) * a.every)
	id := m.id()
	b.add(releases, id, a.id, v.String(), v.Key(), micros(at))
	f := filed{release: id, version: v, at: at}
	for i, tag := range s {
		if f.tag = tag; i == 0 || tag == "" && a.dynamic {
			f.number, f.sibling = int64(min(i, 1)), m.digest(32)
			m.document(b, a, f)
		}
		m.file(b, a, f)
	}
	if last {
		m.card(b, a, v, at)
	}
}

// document generates the metadata of a release as the program stores it: once for each content. Source distributions of
// some build backends say more than wheels.
func (m *maker) document(b *batch, a *about, f filed) {
	text := strings.ReplaceAll(a.text, placeholder, f.version.String())
	if f.number > 0 {
		text = strings.TrimSuffix(text, "}") + `,"dynamic":["license-file"]}`
	}
	packed, base := db.PackMetadata([]byte(text), a.base)
	if base != nil {
		a.base, a.bases = []byte(text), a.bases+1
		b.add(bases, a.id, a.bases-1, base)
	}
	b.add(metadata, f.release, f.number, a.bases-1, packed)
	b.add(blobs, "metadata", f.sibling, int64(0), micros(f.at), true, false, custody.MetadataKey(f.sibling))
}

// placeholder stands for the version in the text of a project's metadata: in its field, in a badge, and in the line on
// how to install it.
const placeholder = "0.0.0.dev99"

// filed holds the data of a release for its files.
type filed struct {
	release string
	version packaging.Version
	tag     string // "" for a source distribution
	at      time.Time
	sibling string // digest of the metadata
	number  int64  // of the metadata in the release
}

func (m *maker) file(b *batch, a *about, f filed) {
	name, python := a.escaped+"-"+f.version.String(), "source"
	if f.tag == "" {
		name += ".tar.gz"
	} else {
		name += "-" + f.tag + ".whl"
		python, _, _ = strings.Cut(f.tag, "-")
	}
	parsed, err := packaging.ParseFilename(name, a.project)
	if err != nil {
		panic(err) // built from parsed parts
	}
	m.serial++
	id, sum, size := m.id(), m.digest(32), int64(2_000+m.random.ExpFloat64()*300_000)
	a.size += size
	o := m.owner
	b.add(files, id, m.repository, a.id, f.release, name, parsed.Key(), string(parsed.Kind()), f.version.String(), python,
		size, m.digest(16), sum,
		m.digest(32), f.sibling, a.meta.RequiresPython, "", false, "", micros(f.at), string(access.KindUser), o.id, o.name,
		o.token, false, f.number)
	b.add(blobs, "files", sum, int64(0), micros(f.at), true, false, custody.FileKey(sum))
	m.record(b, "file.add", f.at, a.name, f.version.String(), name, map[string]any{
		"sha256": sum, "size": size, "uploader": "actor",
	})
}

func (m *maker) record(b *batch, action string, at time.Time, project, version, filename string, detail any) {
	o := m.owner
	address := fmt.Sprintf("10.%d.%d.%d", m.random.IntN(4), m.random.IntN(250), m.random.IntN(250))
	b.add(records, m.id(), micros(at), action, string(audit.Granted), string(access.KindUser), o.id, o.name, o.token,
		address, m.id(), m.repository,
		project, version, filename, "", encode(detail))
}

// card generates the rows for lists and the search.
func (m *maker) card(b *batch, a *about, v packaging.Version, at time.Time) {
	m.number++
	kind, classifiers := packaging.Wheel, strings.Join(a.meta.Classifiers, "\n")
	b.add(cards, a.id, m.repository, m.number, a.name, a.name, string(catalog.Active), a.meta.Summary, v.String(), false,
		string(kind), micros(at),
		" 3.10 3.11 3.12 3.13 3.14 3.15 3.16 3.17 3.18 3.19 3.20 ", a.meta.LicenseExpression, "\n"+classifiers+"\n", false,
		string(access.KindUser), m.owner.name, catalog.WordsVersion+" "+v.String(),
		catalog.LicenseKey(a.meta.LicenseExpression))
	cut := func(text string) string { return strings.Join(catalog.Words(text), " ") }
	b.add(texts, a.id, m.number, cut(a.name+" "+a.name+" "+strings.ReplaceAll(a.name, "-", "")), cut(a.meta.Summary),
		cut(a.meta.Keywords), cut(a.meta.AuthorEmail),
		cut(strings.Join(a.meta.Classifiers, " ")), cut(a.meta.Description))
	for i, text := range a.meta.RequiresDist {
		name, _, _ := strings.Cut(text, ">")
		b.add(requirements, a.id, int64(i), m.repository, name, text)
	}
}

// encode returns JSON as stored in rows.
func encode(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // only plain text and numbers
	}
	return strings.TrimSuffix(b.String(), "\n")
}
