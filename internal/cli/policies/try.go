// Package policies has the commands about the policy of repositories for files of upstreams.
package policies

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"pyindex/internal/app"
	"pyindex/internal/catalog"
	"pyindex/internal/cli"
	"pyindex/internal/config"
	"pyindex/internal/downloads"
	"pyindex/internal/downloads/rehearsal"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/policy"
	"pyindex/internal/span"
	"pyindex/internal/terminal"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/page"
)

// Policy has the commands about the policy of repositories.
type Policy struct {
	Held heldCmd `cmd:"" help:"List what repositories hold and deny now, with the rule, the time, and who asked for it."`
	Try  tryCmd  `cmd:"" help:"Try a policy on the recorded downloads: what it would have held, and who would have noticed. This changes nothing."`
}

type tryCmd struct {
	Repository string       `arg:"" optional:"" help:"Only downloads through this repository (default: all repositories). Without --cooldown and --startup-files, its own settings are tried."`
	Cooldown   *config.Span `placeholder:"72h" help:"Cooldown to try: the age that files of upstreams must have."`
	Since      config.Span  `default:"90d" placeholder:"90d" help:"Judge the downloads of this long (default: 90d)."`
	Startup    string       `name:"startup-files" enum:",known,allow,refuse" default:"" placeholder:"known" help:"Rule for start-up files to try: known, allow or refuse (default: allow)."`
	terminal.Listing
}

// releaseRow is a release that would have been held, in JSON.
type releaseRow struct {
	Upstream  string          `json:"upstream"`
	Project   string          `json:"project"`
	Version   string          `json:"version"`
	Rule      string          `json:"rule"`
	Detail    string          `json:"detail,omitempty"`
	First     terminal.Moment `json:"first_download"` // that would have been refused
	Until     terminal.Moment `json:"until"`          // null if the hold would not have ended by time alone
	Held      *int64          `json:"held_seconds"`   // from first_download to until, or null
	Files     int             `json:"files"`
	Readers   int             `json:"readers"`
	Downloads int64           `json:"downloads"`
	All       int64           `json:"all_downloads"` // of the release
	Malware   string          `json:"malware,omitempty"`
	Removed   terminal.Moment `json:"removed"` // by the upstream, soon after the upload
}

type readerRow struct {
	Kind string `json:"kind"` // "" for anonymous callers
	ID   string `json:"id"`
	Name string `json:"name"`
}

// report is the result in JSON.
type report struct {
	Repository   string          `json:"repository"` // "" for all
	Cooldown     int64           `json:"cooldown_seconds"`
	StartupFiles string          `json:"startup_files"`
	Since        terminal.Moment `json:"since"`
	Recorded     terminal.Moment `json:"recorded_since"` // null if no download is recorded
	Releases     []releaseRow    `json:"releases"`
	Stopped      []releaseRow    `json:"would_have_been_stopped"` // those known as bad today
	Files        int             `json:"files"`
	AllFiles     int             `json:"all_files"`
	Readers      []readerRow     `json:"readers"` // who would have noticed
	AllReaders   int             `json:"all_readers"`
	Downloads    int64           `json:"downloads"`
	AllDownloads int64           `json:"all_downloads"`
	Unjudged     int64           `json:"downloads_not_judged"`
	Unstated     int64           `json:"downloads_judged_by_first_seen"`
}

// Run tries the policy.
func (c *tryCmd) Run(s *cli.Session) error {
	chosen := c.Cooldown != nil || c.Startup != ""
	if !chosen && c.Repository == "" {
		return terminal.Misused(errors.New("choose what to try: --cooldown, --startup-files or both"))
	}
	if time.Duration(c.Since) > downloads.Keep {
		return terminal.Misused(fmt.Errorf("--since: downloads are recorded for %s", span.Text(downloads.Keep)))
	}
	return s.With(func(a *app.App) error {
		if c.Repository != "" {
			r, err := a.Index.Repository(s.Ctx, a.Operator, c.Repository)
			if fault.Is(err, fault.NotFound) {
				return fault.Wrap(fault.NotFound, err, "there is no repository %q", c.Repository)
			} else if err != nil {
				return err
			}
			if !chosen {
				if err := c.own(s, r); err != nil {
					return err
				}
			}
		}
		c.Startup = cmp.Or(c.Startup, string(policy.AllowStartup))
		settings := policy.Settings{Startup: policy.Startup(c.Startup)}
		if c.Cooldown != nil {
			settings.Cooldown = time.Duration(*c.Cooldown)
		}
		plan := rehearsal.Plan{
			Period:   downloads.Period{Repository: c.Repository, Since: time.Now().Add(-time.Duration(c.Since))},
			Settings: settings,
		}
		about, err := facts(s.Ctx, a)
		if err != nil {
			return err
		}
		out, err := rehearsal.Try(s.Ctx, a.Operator, a.Downloads, plan, about)
		if err != nil {
			return err
		}
		if c.JSON {
			return terminal.WriteJSON(s.Out, c.report(plan, out))
		}
		return c.print(s.Out, plan, out)
	})
}

// own chooses the cooldown and the rule for start-up files that a repository has.
func (c *tryCmd) own(s *cli.Session, r catalog.Repository) error {
	if r.Cooldown == 0 {
		return terminal.Misused(fmt.Errorf(
			"repository %s has no cooldown: choose what to try with --cooldown, such as --cooldown 72h, or --startup-files",
			r.Name))
	}
	c.Cooldown, c.Startup = new(config.Span(r.Cooldown)), string(cmp.Or(r.StartupFiles, policy.KnownStartup))
	fmt.Fprintf(s.Errs, "index: trying the settings of repository %s: --cooldown %s --startup-files %s\n", r.Name,
		span.Text(r.Cooldown), c.Startup)
	return nil
}

// facts returns what reads the facts about projects that this index holds.
func facts(ctx context.Context, a *app.App,
) (func(context.Context, downloads.Project) (rehearsal.Facts, error), error) {
	at, err := a.DB.Catalog().Stamp(ctx)
	if err != nil {
		return nil, err
	}
	all, err := a.Upstreams.All(ctx, at)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, p downloads.Project) (out rehearsal.Facts, err error) {
		i := slices.IndexFunc(all, func(u upstream.Upstream) bool { return u.Name == p.Upstream })
		name, wrong := packaging.ParseProjectName(p.Name)
		if i < 0 || wrong != nil {
			return out, nil // it was removed, and its pages with it
		}
		u := all[i]
		out.TrustTimes = u.TrustTimes
		if out.Page, err = a.Pages.Remembered(ctx, u, name); err != nil {
			return out, err
		}
		startup, _, err := a.Files.Examined(ctx, u, name)
		if err != nil {
			return out, err
		}
		out.Startup = func(f page.File) (found, known string) {
			x := startup[f.Path(u.ArtifactBase)]
			return x.New, x.Known
		}
		stated, _, err := a.Advisories.About(ctx, at, name)
		if stated != nil {
			out.Malware = func(version string) string {
				for _, one := range stated.Of(version) {
					if one.Malware {
						return one.ID
					}
				}
				return ""
			}
		}
		return out, err
	}, nil
}

func (c *tryCmd) report(plan rehearsal.Plan, x rehearsal.Result) report {
	out := report{
		Repository: c.Repository, Cooldown: int64(plan.Settings.Cooldown.Seconds()), StartupFiles: c.Startup,
		Since: terminal.Moment(plan.Since), Recorded: terminal.Moment(x.Recorded),
		Releases: []releaseRow{}, Stopped: []releaseRow{}, Files: x.Files, AllFiles: x.AllFiles,
		Readers: []readerRow{}, AllReaders: x.AllReaders, Downloads: x.Downloads, AllDownloads: x.AllDownloads,
		Unjudged: x.Unjudged, Unstated: x.Unstated,
	}
	for _, r := range x.Releases {
		row := rowOf(r)
		out.Releases = append(out.Releases, row)
		if r.Bad() {
			out.Stopped = append(out.Stopped, row)
		}
	}
	for _, r := range x.Readers {
		out.Readers = append(out.Readers, readerRow(r))
	}
	return out
}

func rowOf(r rehearsal.Release) releaseRow {
	row := releaseRow{
		Upstream: r.Upstream, Project: r.Project, Version: r.Version, Rule: string(r.Rule), Detail: r.Detail,
		First: terminal.Moment(r.First), Until: terminal.Moment(r.Until), Files: r.Files, Readers: r.Readers,
		Downloads: r.Downloads, All: r.AllDownloads, Malware: r.Malware, Removed: terminal.Moment(r.Removed),
	}
	if !r.Until.IsZero() {
		held := int64(r.Until.Sub(r.First).Seconds())
		row.Held = &held
	}
	return row
}

// print writes the result as text.
func (c *tryCmd) print(w io.Writer, plan rehearsal.Plan, x rehearsal.Result) error {
	through := ""
	if c.Repository != "" {
		through = " through repository " + c.Repository
	}
	since := terminal.Moment(plan.Since).String()
	if x.AllDownloads+x.Unjudged == 0 {
		text := fmt.Sprintf("no downloads of upstreams are recorded since %s%s", since, through)
		if !x.Recorded.IsZero() {
			text += "; the record begins at " + terminal.Moment(x.Recorded).String()
		}
		_, err := fmt.Fprintln(w, text+". Nothing can be said about the policy yet.")
		return err
	}
	if len(x.Releases) > 0 {
		var rows [][]string
		for _, r := range x.Releases {
			rows = append(rows, []string{
				r.Project, r.Version, r.Upstream, string(r.Rule), heldFor(r), fmt.Sprint(r.Files), fmt.Sprint(r.Readers),
				fmt.Sprint(r.Downloads),
			})
		}
		if err := (terminal.Listing{}).Write(w, nil, []string{
			"PROJECT", "VERSION", "UPSTREAM", "RULE", "HELD FOR", "FILES", "READERS", "DOWNLOADS",
		}, rows); err != nil {
			return err
		}
		fmt.Fprintln(w)
	}
	_, err := io.WriteString(w, c.totals(since, through, x))
	return err
}

// heldFor says for how much longer a release would have been held when it was first downloaded.
func heldFor(r rehearsal.Release) string {
	if r.Until.IsZero() {
		return "until exempted"
	}
	return short(r.Until.Sub(r.First))
}

// short returns a time in its two largest units, rounded up to minutes.
func short(d time.Duration) string {
	n := int64((d + time.Minute - 1) / time.Minute)
	days, hours, minutes := n/1440, n/60%24, n%60
	switch {
	case days > 0 && hours > 0:
		return fmt.Sprintf("%dd %dh", days, hours)
	case days > 0:
		return fmt.Sprintf("%dd", days)
	case hours > 0 && minutes > 0:
		return fmt.Sprintf("%dh %dm", hours, minutes)
	case hours > 0:
		return fmt.Sprintf("%dh", hours)
	}
	return fmt.Sprintf("%dm", minutes)
}

func (c *tryCmd) totals(since, through string, x rehearsal.Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Of %s of files of upstreams%s since %s, %d would have been refused (%.1f %%): %s of %s.\n",
		terminal.Plural(x.AllDownloads, "download"), through, since, x.Downloads,
		100*float64(x.Downloads)/float64(max(x.AllDownloads, 1)), terminal.Plural(int64(x.Files), "file"),
		terminal.Plural(int64(len(x.Releases)), "release"))
	fmt.Fprintf(&b, "%d of %s would have noticed%s.\n", len(x.Readers),
		terminal.Plural(int64(x.AllReaders), "reader"), names(x.Readers))
	if x.Unjudged > 0 {
		fmt.Fprintf(&b, "Not judged, because nothing is known about the files any more: %s.\n",
			terminal.Plural(x.Unjudged, "more download"))
	}
	if x.Unstated > 0 {
		fmt.Fprintf(&b, "Without a stated upload time: %s; the age of such files counts from when this index first saw them.\n",
			terminal.Plural(x.Unstated, "download"))
	}
	if since < terminal.Moment(x.Recorded).String() {
		fmt.Fprintf(&b, "The record begins at %s, so earlier downloads are not among them.\n", terminal.Moment(x.Recorded))
	}
	stopped := 0
	for _, r := range x.Releases {
		if r.Bad() {
			stopped++
		}
	}
	fmt.Fprintf(&b, "Of those releases, %d %s known to be bad today%s\n", stopped, verb(stopped), ending(stopped))
	for _, r := range x.Releases {
		if r.Bad() {
			fmt.Fprintf(&b, "  %s %s: %s; %d of %s would have been stopped\n", r.Project, r.Version, why(r), r.Downloads,
				terminal.Plural(r.AllDownloads, "download"))
		}
	}
	return b.String()
}

func verb(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

func ending(n int) string {
	if n == 0 {
		return "."
	}
	return ":"
}

// why says what is known of a bad release today.
func why(r rehearsal.Release) string {
	var all []string
	if r.Malware != "" {
		all = append(all, "malware by "+r.Malware)
	}
	if !r.Removed.IsZero() {
		all = append(all, "removed by the upstream at "+terminal.Moment(r.Removed).String())
	}
	return strings.Join(all, ", ")
}

// maxNames is the largest number of readers that are named.
const maxNames = 10

func names(all []rehearsal.Person) string {
	if len(all) == 0 {
		return ""
	}
	var out []string
	for i, p := range all {
		if i == maxNames {
			out = append(out, fmt.Sprintf("%d more", len(all)-i))
			break
		}
		if p.Kind == "" {
			out = append(out, "anonymous callers")
			continue
		}
		out = append(out, terminal.Printable(p.Name))
	}
	return ": " + strings.Join(out, ", ")
}
