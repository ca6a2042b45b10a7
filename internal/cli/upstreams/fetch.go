package upstreams

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"pyindex/internal/app"
	"pyindex/internal/catalog"
	"pyindex/internal/cli"
	"pyindex/internal/fault"
	"pyindex/internal/lockfile"
	"pyindex/internal/packaging"
	"pyindex/internal/policy"
	"pyindex/internal/resolve"
	"pyindex/internal/terminal"
)

type fetchCmd struct {
	Name         string   `arg:"" help:"Name of the upstream."`
	Requirements []string `short:"r" name:"requirements" required:"" placeholder:"FILE" help:"Lock or requirements file: uv.lock, poetry.lock, pdm.lock, Pipfile.lock, pylock.toml or requirements. Dependencies that the file does not name are not found out."`
	Repository   string   `default:"main" help:"Repository that draws on the upstream."`
	terminal.Listing
}

// fetching is a running fetch. Its counts are for JSON.
type fetching struct {
	session    *cli.Session
	app        *app.App
	listing    terminal.Listing
	repository string
	upstream   string                    // "" for all
	got        func(resolve.ForeignFile) // is called for each file that is held then, by one goroutine at a time; or nil

	mu       sync.Mutex
	said     time.Time
	done     int
	Packages int          `json:"packages"`
	Fetched  int          `json:"fetched"`        // files
	Bytes    int64        `json:"bytes"`          // of these files, as far as the upstream states sizes
	Held     int          `json:"held"`           // files that were here
	Other    int          `json:"from_elsewhere"` // packages of this index, or of another upstream
	Failed   []failedPull `json:"failed"`
}

// failedPull is a package or file that could not be fetched.
type failedPull struct {
	Project string `json:"project"`
	Version string `json:"version,omitempty"`
	File    string `json:"file,omitempty"`
	Reason  string `json:"reason"`
	// Rule, Until, Address and Next are those of a file that is held or denied.
	Rule    policy.Rule     `json:"rule,omitempty"`
	Until   terminal.Moment `json:"until,omitzero"` // end of a hold that ends by time alone
	Address string          `json:"address,omitempty"`
	Next    string          `json:"next,omitempty"` // what makes it available
}

// failedBy returns the failure of a file of a project by an error. What the policy refuses has its rule, the address of
// its page and what an administrator can do about it.
func (f *fetching) failedBy(name packaging.ProjectName, file catalog.File, err error) failedPull {
	x := failedPull{
		Project: name.String(), Version: file.Version, File: file.Filename, Reason: fault.Explain(err),
	}
	if r, refused := errors.AsType[resolve.Refused](err); refused {
		x.Rule, x.Until, x.Address = r.Decision.Rule, terminal.Moment(r.Decision.Until), r.Address
		x.Next = resolve.Remedy(f.repository, name, &file, r.Decision)
	}
	return x
}

// String returns the failure on one line.
func (x failedPull) String() string {
	what := x.Project
	if x.Version != "" {
		what += " " + x.Version
	}
	if x.File != "" {
		what = x.File
	}
	text := what + ": " + x.Reason
	if x.Address != "" {
		text += " " + x.Address
	}
	if x.Next != "" {
		text += ": " + x.Next
	}
	return terminal.Printable(text)
}

// pulls is the number of packages that are fetched at once.
const pulls = 4

// Run fetches and keeps the files that lock files name, so that the first installation does not wait for the upstream.
func (c *fetchCmd) Run(s *cli.Session) error {
	pins, err := pinsOf(c.Requirements)
	if err != nil {
		return err
	}
	if s.Config.Offline {
		return fault.New(fault.Invalid, "offline: no upstream is asked while this is set")
	}
	return s.With(func(a *app.App) error {
		if _, err := a.Upstreams.Show(s.Ctx, a.Operator, c.Name); err != nil {
			return err
		}
		f := &fetching{
			session: s, app: a, listing: c.Listing, repository: c.Repository, upstream: c.Name, said: time.Now(),
			Failed: []failedPull{},
		}
		if err := f.run(pins); err != nil {
			return err
		}
		return f.report()
	})
}

// pinsOf returns what lock files pin.
func pinsOf(paths []string) ([]lockfile.Pin, error) {
	var locks []lockfile.Lock
	for _, path := range paths {
		l, err := lockfile.Read(lockfile.Disk, path)
		if err != nil {
			return nil, terminal.Misused(err)
		}
		locks = append(locks, l)
	}
	return lockfile.Pins(locks), nil
}

// checkKept returns an error if files of upstreams are not kept.
func checkKept(a *app.App) error {
	if a.Files.Limit() > 0 {
		return nil
	}
	return fault.New(fault.Invalid,
		"files of upstreams are not kept: set upstream_cache.size, which an object store has no default for")
}

// run fetches all pins, several packages at once.
func (f *fetching) run(pins []lockfile.Pin) error {
	if err := checkKept(f.app); err != nil {
		return err
	}
	packages := map[packaging.ProjectName][]lockfile.Pin{}
	var order []packaging.ProjectName
	for _, p := range pins {
		if packages[p.Name] == nil {
			order = append(order, p.Name)
		}
		packages[p.Name] = append(packages[p.Name], p)
	}
	f.Packages = len(order)
	queue := make(chan packaging.ProjectName)
	var group sync.WaitGroup
	for range pulls {
		group.Go(func() {
			for name := range queue {
				f.pull(name, packages[name])
				f.progress()
			}
		})
	}
	for _, name := range order {
		if f.session.Ctx.Err() != nil {
			break
		}
		queue <- name
	}
	close(queue)
	group.Wait()
	if err := f.session.Ctx.Err(); err != nil {
		return err
	}
	return f.app.Pages.Batch(f.session.Ctx)
}

// pull fetches the pinned files of a project. Whose the name is gets decided as for every reader, so a name of this
// index is not asked for.
func (f *fetching) pull(name packaging.ProjectName, pins []lockfile.Pin) {
	ctx, reader := f.session.Ctx, f.app.Reader
	v, err := reader.View(ctx, f.app.Operator, f.repository, name, resolve.Ask{})
	var contents catalog.Contents
	if err == nil {
		err = reader.RefuseName(v)
	}
	if err == nil {
		v.Repository.RequireHashes = false // what is not listed for want of a digest is, once it was fetched
		contents, err = reader.All(ctx, f.app.Operator, v)
	}
	switch {
	case err != nil:
		f.fail(f.failedBy(name, catalog.File{}, err))
		return
	case v.Upstream.Name == "" || f.upstream != "" && v.Upstream.Name != f.upstream:
		f.count(func() { f.Other++ })
		return
	}
	chosen := map[string]bool{}
	for _, pin := range pins {
		files := wanted(pin, contents.Files)
		if len(files) == 0 {
			f.fail(failedPull{
				Project: name.String(), Version: cmp.Or(pin.Version, pin.Specifiers), File: pin.Filename,
				Reason: "the upstream has no such file",
			})
		}
		for _, file := range files {
			if file.Upstream != nil && !chosen[file.Filename] {
				chosen[file.Filename] = true
				f.one(ctx, name, file)
			}
		}
	}
}

// one fetches a file with its metadata.
func (f *fetching) one(ctx context.Context, name packaging.ProjectName, file catalog.File) {
	reader := f.app.Reader
	foreign, err := reader.Foreign(ctx, f.app.Operator, f.repository, file.Upstream.Name, file.Upstream.Path,
		resolve.Ask{})
	if err == nil {
		known, statErr := reader.Stat(ctx, foreign)
		if statErr == nil && known.Stored {
			f.count(func() {
				f.Held++
				f.take(foreign)
			})
			return
		}
	}
	if err == nil && f.session.Config.Offline {
		err = fault.New(fault.Denied, "offline: not held here")
	}
	if err == nil {
		err = resolve.Explained(f.app.Files.Fetch(ctx, foreign.Upstream, foreign.File))
	}
	if err == nil && file.Upstream.Metadata {
		_, _, err = reader.Metadata(ctx, foreign)
	}
	if err != nil {
		f.fail(f.failedBy(name, file, err))
		return
	}
	f.count(func() {
		f.Fetched++
		f.Bytes += max(file.Size, 0)
		f.take(foreign)
	})
}

func (f *fetching) take(file resolve.ForeignFile) {
	if f.got != nil {
		f.got(file)
	}
}

// wanted returns the files that a pin stands for: the named one, those with its hashes, all of its version, or all of
// the newest version that it allows. A file of unknown digest may have any hash.
func wanted(pin lockfile.Pin, files []catalog.File) (some []catalog.File) {
	is := func(f catalog.File) bool {
		return len(pin.SHA256) == 0 || f.SHA256 == "" || slices.Contains(pin.SHA256, f.SHA256)
	}
	version := pin.Version
	if version == "" && pin.Filename == "" {
		version = newest(pin, files)
	}
	exact, err := packaging.ParseVersion(version)
	for _, f := range files {
		if pin.Filename != "" {
			if f.Filename == pin.Filename && is(f) {
				some = append(some, f)
			}
			continue
		}
		parsed, wrong := packaging.ParseVersion(f.Version)
		if err == nil && wrong == nil && parsed.Compare(exact) == 0 && is(f) {
			some = append(some, f)
		}
	}
	return some
}

// newest returns the newest final version that a pin allows and that is not yanked. If there is none, it is the newest
// one that is held or denied, so that the reason is reported, or "".
func newest(pin lockfile.Pin, files []catalog.File) string {
	served := func(f catalog.File) bool { return !f.Yanked }
	return cmp.Or(newestOf(pin, files, served), newestOf(pin, files, func(f catalog.File) bool { return f.Held() }))
}

// newestOf is newest among some of the files.
func newestOf(pin lockfile.Pin, files []catalog.File, among func(catalog.File) bool) string {
	allowed, err := packaging.ParseSpecifiers(pin.Specifiers)
	if err != nil {
		return ""
	}
	var best packaging.Version
	for _, f := range files {
		v, err := packaging.ParseVersion(f.Version)
		if err != nil || !among(f) || v.IsPrerelease() || !allowed.Contains(v) {
			continue
		}
		if best.IsZero() || v.Compare(best) > 0 {
			best = v
		}
	}
	if best.IsZero() {
		return ""
	}
	return best.String()
}

func (f *fetching) count(add func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	add()
}

func (f *fetching) fail(x failedPull) { f.count(func() { f.Failed = append(f.Failed, x) }) }

// progress reports on standard error how far the fetch is, every few seconds.
func (f *fetching) progress() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done++
	if time.Since(f.said) < 3*time.Second {
		return
	}
	f.said = time.Now()
	fmt.Fprintf(f.session.Errs, "%d of %d packages: %s fetched, %s\n", f.done, f.Packages,
		terminal.Plural(int64(f.Fetched), "file"), terminal.SizeText(f.Bytes))
}

// report prints the result. It returns an error if anything could not be fetched.
func (f *fetching) report() error {
	slices.SortFunc(f.Failed, func(a, b failedPull) int {
		return cmp.Or(cmp.Compare(a.Project, b.Project), cmp.Compare(a.File, b.File))
	})
	var err error
	if f.listing.JSON {
		err = terminal.WriteJSON(f.session.Out, f)
	} else {
		for _, x := range f.Failed {
			fmt.Fprintln(f.session.Out, x)
		}
		fmt.Fprintf(f.session.Out, "%s fetched (%s), %d here already; %d of %s from elsewhere\n",
			terminal.Plural(int64(f.Fetched), "file"), terminal.SizeText(f.Bytes), f.Held, f.Other,
			terminal.Plural(int64(f.Packages), "package"))
	}
	if err == nil && len(f.Failed) > 0 {
		err = fmt.Errorf("%s could not be fetched", terminal.Plural(int64(len(f.Failed)), "item"))
	}
	return err
}
