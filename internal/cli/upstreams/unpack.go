package upstreams

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"pyindex/internal/app"
	"pyindex/internal/catalog"
	"pyindex/internal/cli"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/terminal"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/pack"
	"pyindex/internal/upstream/page"
	"pyindex/internal/upstream/pages"
)

type unpackCmd struct {
	File       string   `arg:"" help:"Pack that index upstream pack wrote."`
	As         []string `placeholder:"NAME" sep:"none" help:"Upstream of this index that takes the place of the one in the pack: NAME, or OLD=NEW if the pack has several. Repeatable."`
	Repository string   `default:"main" help:"Repository that draws on the upstreams."`
	terminal.Listing
}

// unpacking is a pack that is being read. Its counts are for JSON.
type unpacking struct {
	cmd     *unpackCmd
	session *cli.Session
	app     *app.App
	pack    *pack.Reader
	targets []upstream.Listed // of the pack's upstreams

	repository catalog.Repository
	chain      []string

	at      pack.Place // of the record that was read last
	name    packaging.ProjectName
	page    page.Page
	refused bool // the project

	Projects int          `json:"projects"` // whose pages are new or newer
	Kept     int          `json:"kept"`     // projects whose pages were as new here
	Files    int          `json:"files"`    // that were added
	Bytes    int64        `json:"bytes"`    // of these files
	Held     int          `json:"held"`     // files that were here
	Refused  []failedPull `json:"refused"`
}

// Run takes over the pages and files of a pack. It may be repeated after an interruption.
func (c *unpackCmd) Run(s *cli.Session) error {
	from, err := os.Open(c.File)
	if err != nil {
		return terminal.Misused(err)
	}
	defer from.Close()
	r, err := pack.NewReader(from)
	if err != nil {
		return terminal.Misused(err)
	}
	return s.With(func(a *app.App) error {
		if err := checkKept(a); err != nil {
			return err
		}
		x := &unpacking{cmd: c, session: s, app: a, pack: r, Refused: []failedPull{}}
		if err := x.prepare(); err != nil {
			return err
		}
		if err := x.run(); err != nil {
			return err
		}
		return x.report()
	})
}

// prepare finds the upstreams and the repository.
func (x *unpacking) prepare() error {
	ctx := x.session.Ctx
	names, err := x.cmd.names(x.pack.Manifest)
	if err != nil {
		return err
	}
	all, err := x.app.Upstreams.List(ctx, x.app.Operator)
	if err != nil {
		return err
	}
	at, err := x.app.Index.Stamp(ctx)
	if err != nil {
		return err
	}
	if x.repository, err = x.app.Index.RepositoryAt(ctx, x.app.Operator, at, x.cmd.Repository); err != nil {
		return err
	}
	chain, err := x.app.Index.Chain(ctx, at, x.repository)
	if err != nil {
		return err
	}
	for _, s := range chain {
		if s.Upstream == "" {
			x.chain = append(x.chain, s.Repository.ID)
		}
	}
	for i, u := range x.pack.Manifest.Upstreams {
		n := slices.IndexFunc(all, func(l upstream.Listed) bool { return l.Name == names[i] })
		if n < 0 {
			return fault.New(fault.Invalid,
				"there is no upstream %s: add it with index upstream add %[1]s%s, or name another one by --as",
				names[i], settings(u))
		}
		target := all[n]
		if string(target.Kind) != u.Kind {
			return fault.New(fault.Invalid, "upstream %s is %s here, and %s in the pack", target.Name, target.Kind, u.Kind)
		}
		if !slices.ContainsFunc(chain, func(s catalog.Source) bool { return s.Upstream == target.Name }) {
			return fault.New(fault.Invalid,
				"repository %s does not draw on upstream %s: see index repository set %[1]s --base upstream:%[2]s",
				x.repository.Name, target.Name)
		}
		if target.ArtifactBase != u.ArtifactBase {
			fmt.Fprintf(x.session.Errs,
				"warning: upstream %s has another artifact_base than in the pack, so its files get other"+
					" URLs here\n", target.Name)
		}
		x.targets = append(x.targets, target)
	}
	return nil
}

// names returns the names of the pack's upstreams on this index.
func (c *unpackCmd) names(m pack.Manifest) ([]string, error) {
	out := make([]string, len(m.Upstreams))
	for i, u := range m.Upstreams {
		out[i] = u.Name
	}
	for _, as := range c.As {
		old, to, both := strings.Cut(as, "=")
		i := slices.IndexFunc(m.Upstreams, func(u pack.Upstream) bool { return both && u.Name == old })
		if !both && len(out) == 1 {
			i, to = 0, as
		}
		if i < 0 {
			return nil, fault.New(fault.Invalid, "--as %s: the pack has the upstreams %s", as, strings.Join(out, ", "))
		}
		out[i] = to
	}
	if slices.ContainsFunc(out, func(name string) bool { return !upstream.IsName(name) }) {
		return nil, fault.New(fault.Invalid, "the pack names an upstream that cannot be one")
	}
	sorted := slices.Sorted(slices.Values(out))
	if len(slices.Compact(sorted)) < len(out) {
		return nil, fault.New(fault.Invalid, "--as: two upstreams of the pack would be the same one here")
	}
	return out, nil
}

// settings returns the flags that add an upstream of a pack, as far as they need no quotes.
func settings(u pack.Upstream) string {
	plain := func(s string) bool {
		return s != "" && !strings.ContainsFunc(s, func(c rune) bool {
			return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:/._-~%+", c)
		})
	}
	at := u.URL
	if !plain(at) {
		at = "URL"
	}
	out := " --url " + at + " --kind " + u.Kind
	if u.Kind == string(upstream.Private) {
		out += " --probe PROJECT"
	}
	if plain(u.ArtifactBase) {
		out += " --artifact-base " + u.ArtifactBase
	}
	return out
}

// run reads all entries.
func (x *unpacking) run() error {
	begun := false
	for {
		at, content, err := x.pack.Next()
		ended := err == io.EOF
		if err != nil && !ended {
			return err
		}
		if err := x.session.Ctx.Err(); err != nil {
			return err
		}
		if begun && (ended || at.Part == pack.Record) {
			if err := x.finish(); err != nil {
				return err
			}
		}
		if ended {
			return nil
		}
		begun = true
		if at.Part == pack.Record {
			err = x.begin(at, content)
		} else if !x.refused {
			err = x.file(at, content)
		}
		if err != nil {
			return err
		}
	}
}

func (x *unpacking) project() pack.Project {
	return x.pack.Manifest.Upstreams[x.at.Upstream].Projects[x.at.Project]
}

func (x *unpacking) refuse(file string, err error) {
	x.Refused = append(x.Refused, failedPull{Project: x.name.String(), File: file, Reason: fault.Explain(err)})
}

// begin reads the record of a project, and finds out whether the name may be the upstream's.
func (x *unpacking) begin(at pack.Place, content io.Reader) error {
	x.at, x.refused = at, false
	b, err := io.ReadAll(content)
	if err != nil {
		return err
	}
	if x.name, err = packaging.ParseProjectName(x.project().Name); err != nil {
		return err
	}
	if x.page, err = page.Decode(b); err == nil {
		err = x.page.Check(x.name)
	}
	if err == nil {
		err = x.mayHave()
	}
	if err != nil {
		if x.session.Ctx.Err() != nil {
			return x.session.Ctx.Err()
		}
		x.refused = true
		x.refuse("", err)
	}
	return nil
}

// mayHave returns an error if the name is not the upstream's.
func (x *unpacking) mayHave() error {
	u := x.targets[x.at.Upstream]
	if !u.MayAsk(x.name) {
		return fault.New(fault.Denied, "the settings names, allow and deny of upstream %s exclude it", u.Name)
	}
	at, err := x.app.Index.Stamp(x.session.Ctx)
	if err != nil {
		return err
	}
	o, err := x.app.Index.OriginOf(x.session.Ctx, at, x.chain, x.name)
	if err != nil {
		return err
	}
	return x.owned(o)
}

// owned returns an error if somebody else has the name.
func (x *unpacking) owned(o catalog.Ownership) error {
	u := x.targets[x.at.Upstream]
	switch {
	case o.Origin == catalog.Own || o.Origin == catalog.Adopted:
		return fault.New(fault.Conflict, "the name is this index's own")
	case o.Private && u.Kind != upstream.Private:
		return fault.New(fault.Conflict, "the name belongs to a private upstream")
	case o.Upstream != "" && o.Upstream != u.Name && u.Kind != upstream.Private && !u.Lists(x.name):
		return fault.New(fault.Conflict, "the name belongs to upstream %s", o.Upstream)
	}
	return nil
}

// file takes over the content of a file, its metadata or its provenance.
func (x *unpacking) file(at pack.Place, content io.Reader) error {
	ctx, u, stated := x.session.Ctx, x.targets[at.Upstream].Upstream, x.project().Files[at.File]
	i := slices.IndexFunc(x.page.Files, func(f page.File) bool { return f.Filename == stated.Filename })
	if i < 0 {
		if at.Part == pack.Content {
			x.refuse(stated.Filename, fault.New(fault.Invalid, "its page does not list it"))
		}
		return nil
	}
	on := x.page.Files[i]
	if at.Part == pack.Content {
		added, err := x.app.Files.Import(ctx, u, on, stated.Content.SHA256, stated.Content.Size, content)
		switch {
		case fault.Is(err, fault.Conflict), fault.Is(err, fault.TooLarge):
			x.refuse(stated.Filename, err)
		case err != nil:
			return err
		case added:
			x.Files++
			x.Bytes += stated.Content.Size
		default:
			x.Held++
		}
		return nil
	}
	b, err := io.ReadAll(content)
	if err != nil {
		return err
	}
	if at.Part == pack.Metadata {
		err = x.app.Files.ImportMetadata(ctx, u, on, b)
	} else {
		err = x.app.Files.ImportProvenance(ctx, u, on, b, stated.ProvenanceAt)
	}
	if fault.Is(err, fault.Conflict) {
		x.refuse(stated.Filename, err)
		err = nil
	}
	return err
}

// finish claims the name for the upstream, and then stores the page, after its files.
func (x *unpacking) finish() error {
	if x.refused {
		return nil
	}
	ctx, u, p := x.session.Ctx, x.targets[x.at.Upstream].Upstream, x.project()
	o, err := x.app.Index.ClaimUpstream(ctx, x.repository.ID, x.name, u)
	if err != nil {
		return err
	}
	if o.Upstream != u.Name {
		x.refuse("", fault.New(fault.Conflict, "the name belongs to somebody else"))
		return nil
	}
	row := pages.Row{
		Key: pages.Key{Upstream: u.Name, Name: x.name}, URL: p.URL, FetchedAt: p.FetchedAt, CheckedAt: p.CheckedAt,
	}
	if u.URL == x.pack.Manifest.Upstreams[x.at.Upstream].URL { // otherwise they mean nothing to the upstream
		row.Validators = upstream.Validators{ETag: p.ETag, LastModified: p.LastModified}
		row.Serial = p.Serial
	}
	added, err := x.app.Pages.Import(ctx, u, row, x.page)
	switch {
	case err != nil:
		return err
	case added:
		x.Projects++
	default:
		x.Kept++
	}
	return nil
}

// report prints what was added. It returns an error if anything was refused.
func (x *unpacking) report() error {
	for _, r := range x.Refused {
		if !x.cmd.JSON {
			what := r.File
			if what == "" {
				what = r.Project
			}
			fmt.Fprintf(x.session.Out, "%s: %s\n", terminal.Printable(what), terminal.Printable(r.Reason))
		}
	}
	err := x.cmd.Report(x.session.Out, x, fmt.Sprintf("%s (%s) and %s added; %s and %s here already",
		terminal.Plural(int64(x.Files), "file"), terminal.SizeText(x.Bytes),
		terminal.Plural(int64(x.Projects), "page"), terminal.Plural(int64(x.Held), "file"),
		terminal.Plural(int64(x.Kept), "page")))
	if err == nil && len(x.Refused) > 0 {
		err = fmt.Errorf("%s refused", terminal.Plural(int64(len(x.Refused)), "item"))
	}
	return err
}
