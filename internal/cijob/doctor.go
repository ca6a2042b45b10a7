package cijob

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"time"

	"pyindex/internal/terminal"
	"pyindex/internal/workload"
)

// Doctor examines whether trusted publishing would work from the job that it runs in.
type Doctor struct {
	terminal.Listing
	RepositoryURL string `required:"" name:"repository-url" placeholder:"URL" help:"The upload URL, as the publish action, twine or uv get it: https://…/legacy/"`
	Project       string `placeholder:"P" help:"The project to publish, for the line that is printed."`
	Kind          string `placeholder:"K" help:"What kind of issuer signed the token, where its address does not say: github, …"`
	TokenFile     string `placeholder:"FILE" help:"File with the job's identity token, where the CI system is not recognised."`
	Audience      string `placeholder:"A" help:"Audience of the identity token (default: the host of the URL, which is what the index has to name)."`
	Exchange      bool   `help:"Exchange the token too, and end at once what is minted. The identity token is used up."`
}

// Run looks at everything on the way from this job to an upload, and exchanges nothing unless asked to.
func (c *Doctor) Run(s *terminal.Session) error {
	d := newPublishDoctor(s.Ctx, c, nil)
	d.examine()
	if c.JSON {
		if err := terminal.WriteJSON(s.Out, d.report()); err != nil {
			return err
		}
	} else {
		d.write(s.Out)
	}
	return d.found.Failed()
}

// publishDoctor is an examination under way.
type publishDoctor struct {
	Doctor
	ctx      context.Context
	client   *http.Client
	identity *jobIdentity
	env      func(string) string
	now      func() time.Time

	found  terminal.Findings
	upload *url.URL // the upload URL
	claims workload.Claims
	line   string // the command that adds a publisher for this job
}

// newPublishDoctor returns one that asks by a transport; nil is the ordinary one.
func newPublishDoctor(ctx context.Context, c *Doctor, by http.RoundTripper) *publishDoctor {
	return &publishDoctor{
		Doctor: *c, ctx: ctx, identity: newJobIdentity(c.TokenFile), env: os.Getenv, now: time.Now,
		client: &http.Client{
			Transport: by, Timeout: 15 * time.Second,
			// Clients follow no redirect with a token in hand, so it has to be seen.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// examine runs the checks in the order in which a client would fail.
func (d *publishDoctor) examine() {
	if !d.readURL() {
		return
	}
	audience, reached := d.audience()
	if reached {
		d.uploadURL()
	}
	raw := d.identityToken(audience)
	if raw == "" {
		return
	}
	if !d.readClaims(raw, audience) {
		return
	}
	d.suggest()
	if d.Exchange && audience != "" {
		d.exchange(raw)
	}
}

// readURL reads the upload URL.
func (d *publishDoctor) readURL() bool {
	const check = "upload URL"
	u, err := url.Parse(d.RepositoryURL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		d.found.Fail(check, "Write it whole, as https://HOST/legacy/.", "--repository-url is not an http or https URL")
		return false
	}
	if u.User != nil {
		d.found.Fail(check, "Trusted publishing needs no password: leave the part before @ out.",
			"the URL holds a user name, which clients would send instead of the minted token")
		u.User = nil
	}
	if u.Scheme == "http" {
		d.found.Fail(check,
			"Serve the index by https (--tls-self-signed, --tls-acme, --tls-cert or a proxy), and use that URL.",
			"plain http: clients of trusted publishing ask https://%s/ whatever the URL says, and tokens must not cross a network in the open", u.Host)
	}
	d.upload = u
	return true
}

// root is where the requests of trusted publishing go: clients drop the path.
func (d *publishDoctor) root(path string) string {
	return (&url.URL{Scheme: d.upload.Scheme, Host: d.upload.Host, Path: path}).String()
}

// suggest says which publisher would accept this job.
func (d *publishDoctor) suggest() {
	const check = "publisher"
	issuer, _ := d.claims["iss"].(string)
	kind, fields, err := d.suggestion(issuer)
	if err != nil {
		d.found.Fail(check, "", "%v", err)
		return
	}
	d.line = terminal.AddLine("", kind, issuer, d.Project, false, fields)
	d.found.OK(check, "a publisher of kind %[1]s can accept this job, where oidc.issuers has its issuer with kind=%[1]s; the line to add it is below", kind)
}

// suggestion asks the kinds of publisher: the one that was named, the one whose issuer it is, else each in turn.
func (d *publishDoctor) suggestion(issuer string) (kind string, fields map[string]string, err error) {
	all := workload.All
	of := func(p *workload.Kind) bool { return p.Name() == d.Kind || d.Kind == "" && p.Issuer() == issuer }
	if i := slices.IndexFunc(all, of); i >= 0 {
		fields, err = all[i].Suggest(d.claims)
		return all[i].Name(), fields, err
	}
	if d.Kind != "" {
		return "", nil, fmt.Errorf("%q is not a kind of publisher", d.Kind)
	}
	for _, p := range all {
		// The first that knows such claims has the last word: a rule on any claim may let in what it refuses for good.
		if p != workload.Generic && p.Recognize(d.claims) != nil {
			fields, err = p.Suggest(d.claims)
			return p.Name(), fields, err
		}
	}
	return "", nil, fmt.Errorf(
		"no kind of publisher recognises the claims of %s; see docs/trusted-publishing.md for rules on any claim",
		cmp.Or(issuer, "this issuer"),
	)
}

// report is the examination in JSON.
func (d *publishDoctor) report() any {
	return struct {
		OK     bool              `json:"ok"`
		Checks terminal.Findings `json:"checks"`
		Claims workload.Claims   `json:"claims,omitempty"` // not verified
		Add    string            `json:"publisher_add,omitempty"`
	}{d.found.Failed() == nil, d.found, d.claims, d.line}
}

// write writes the examination for people.
func (d *publishDoctor) write(w io.Writer) {
	d.found.Write(w)
	if d.claims != nil {
		fmt.Fprintln(w, "\nThe identity token says (read here without checking its signature):")
		for _, name := range slices.Sorted(maps.Keys(d.claims)) {
			fmt.Fprintf(w, "  %s: %s\n", terminal.Printable(fmt.Sprintf("%.100s", name)),
				terminal.Printable(workload.Show(d.claims[name])))
		}
	}
	if d.line != "" {
		fmt.Fprintf(w, "\nTo let this job publish, run where the index runs:\n  %s\n", d.line)
		if d.Project == "" {
			fmt.Fprintf(w, "with your project's name for %s, and --pending where the project does not exist yet.\n",
				terminal.ProjectMissing)
		}
	}
}

// hostOnly is a URL's host without port, for texts.
func hostOnly(u *url.URL) string {
	if host, _, err := net.SplitHostPort(u.Host); err == nil {
		return host
	}
	return u.Host
}
