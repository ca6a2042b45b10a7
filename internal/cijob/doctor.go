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
	"strings"
	"time"

	"pyindex/internal/terminal"
	"pyindex/internal/workload"
)

// Doctor checks whether trusted publishing would work from the current CI job.
type Doctor struct {
	terminal.Listing
	RepositoryURL string `required:"" name:"repository-url" placeholder:"URL" help:"Upload URL, as configured for the publish action, twine or uv: https://…/legacy/"`
	Project       string `placeholder:"P" help:"Project to publish, for the printed command."`
	Kind          string `placeholder:"K" help:"Kind of the token's issuer, if it is not evident from the issuer's URL: github, …"`
	TokenFile     string `placeholder:"FILE" help:"File with the job's identity token, if the CI system is not recognized."`
	Audience      string `placeholder:"A" help:"Audience of the identity token (default: the host of the URL, which must be the audience that the index requests)."`
	Exchange      bool   `help:"Also exchange the identity token, and revoke the minted token immediately: only this shows whether a publisher accepts the job. The identity token cannot be used again."`
}

// Run checks every step from this job to an upload. It exchanges the identity token only if --exchange is set.
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

// publishDoctor is a running check of a job.
type publishDoctor struct {
	Doctor
	ctx      context.Context
	client   *http.Client
	identity *jobIdentity
	env      func(string) string
	now      func() time.Time

	found       terminal.Findings
	upload      *url.URL // the upload URL
	claims      workload.Claims
	misdirected bool   // the token is for another audience, so no publisher can accept it
	kind        string // of the publisher that line adds
	line        string // the command that adds a publisher for this job; "" if there is none or the job needs none
}

// newPublishDoctor returns a publishDoctor that uses a transport, or the default one if by is nil.
func newPublishDoctor(ctx context.Context, c *Doctor, by http.RoundTripper) *publishDoctor {
	return &publishDoctor{
		Doctor: *c, ctx: ctx, identity: newJobIdentity(c.TokenFile), env: os.Getenv, now: time.Now,
		client: &http.Client{
			Transport: by, Timeout: 15 * time.Second,
			// Clients do not follow redirects when they send a token, so a redirect must be reported.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// examine runs the checks in the order of a client's requests.
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
	tried := d.Exchange && audience != ""
	if !tried || !d.exchange(raw, audience) {
		d.suggest(tried)
	}
}

// readURL parses the upload URL and reports whether it is usable.
func (d *publishDoctor) readURL() bool {
	const check = "upload URL"
	u, err := url.Parse(d.RepositoryURL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		d.found.Fail(check, "Specify the complete URL, for example https://HOST/legacy/.",
			"--repository-url is not an http or https URL")
		return false
	}
	if u.User != nil {
		d.found.Fail(check, "Trusted publishing needs no password: omit the part before the @.",
			"the URL contains a user name, which clients would send instead of the minted token")
		u.User = nil
	}
	if u.Scheme == "http" {
		d.found.Fail(check,
			"Serve the index over https (--tls-self-signed, --tls-acme, --tls-cert or a proxy), and use that URL.",
			"plain http: clients of trusted publishing always use https://%s/, and tokens must not cross a network unencrypted",
			u.Host)
	}
	d.upload = u
	return true
}

// root returns the URL of a path on the upload URL's host. Clients of trusted publishing ignore the path of that URL.
func (d *publishDoctor) root(path string) string {
	return (&url.URL{Scheme: d.upload.Scheme, Host: d.upload.Host, Path: path}).String()
}

// suggest reports which publisher would accept this job. Only the index knows whether it has one, so without an
// exchange the check is skipped.
func (d *publishDoctor) suggest(tried bool) {
	const check = "publisher"
	issuer, _ := d.claims["iss"].(string)
	kind, fields, err := d.suggestion(issuer)
	if err != nil {
		d.found.Fail(check, "", "%v", err)
		return
	}
	if !d.misdirected {
		d.kind, d.line = kind, terminal.AddLine("", kind, issuer, d.Project, false, fields)
	}
	if !tried {
		d.found.Skip(check, "not checked, because only the index knows its publishers: add --exchange to try "+
			"(it uses up this token)")
	}
}

// server returns the address of a GitLab server if the job names one that is not the issuer's, and reports that the
// index needs it. It returns "" otherwise.
func (d *publishDoctor) server(issuer string) string {
	server := strings.TrimRight(d.env("CI_SERVER_URL"), "/")
	if d.env("GITLAB_CI") == "" || server == "" || server == strings.TrimRight(issuer, "/") {
		return ""
	}
	d.found.Warn("issuer", "Add server = \""+terminal.Printable(server)+"\" to the issuer in oidc.issuers on the index.",
		"the address of this GitLab is %s, and its tokens name %s as their issuer", terminal.Printable(server),
		terminal.Printable(issuer))
	return server
}

// suggestion returns the kind and fields of a publisher for this job. It uses the kind given by --kind, or else the
// kind with this issuer, or else the platform that the claims show, or else the kind of the job's CI system if it
// recognizes them, or else the first kind that does, or else the kind of the job's CI system, for its reason.
func (d *publishDoctor) suggestion(issuer string) (kind string, fields map[string]string, err error) {
	all := workload.All
	of := func(p *workload.Kind) bool { return p.Name() == d.Kind || d.Kind == "" && p.Issuer() == issuer }
	i := slices.IndexFunc(all, of)
	if i < 0 && d.Kind != "" {
		return "", nil, fmt.Errorf("%q is not a kind of publisher", d.Kind)
	}
	shown := workload.Generic.For(issuer, d.claims)[0] // the platform, if an issuer of kind generic has its rules
	if i < 0 && shown != workload.Generic {
		i = slices.Index(all, shown)
	}
	if i < 0 {
		// Do not try the generic kind: its rules could allow claims that the recognized kind refuses for good reason.
		here := ""
		if p := d.identity.platform(); p != nil {
			here = p.kind
		}
		for n, p := range all {
			if (p.Name() == here || i < 0 && !workload.Generic.Serves(p)) && p.Recognize(d.claims) != nil {
				i = n
			}
		}
		if i < 0 { // the kind says why it does not
			i = slices.IndexFunc(all, func(p *workload.Kind) bool { return p.Name() == here && here != "" })
		}
	}
	if i < 0 {
		return "", nil, fmt.Errorf(
			"no kind of publisher recognizes the claims of %s; see docs/trusted-publishing.md for rules on arbitrary claims",
			cmp.Or(issuer, "this issuer"),
		)
	}
	fields, err = all[i].At(d.server(issuer)).Suggest(d.claims)
	return all[i].Name(), fields, err
}

// report returns the results for JSON output.
func (d *publishDoctor) report() any {
	return struct {
		OK     bool              `json:"ok"`
		Checks terminal.Findings `json:"checks"`
		Claims workload.Claims   `json:"claims,omitempty"` // not verified
		Add    string            `json:"publisher_add,omitempty"`
	}{d.found.Failed() == nil, d.found, d.claims, d.line}
}

// write writes the results as text.
func (d *publishDoctor) write(w io.Writer) {
	d.found.Write(w)
	if d.claims != nil {
		fmt.Fprintln(w, "\nClaims of the identity token (its signature was not verified here):")
		for _, name := range slices.Sorted(maps.Keys(d.claims)) {
			value := "null"
			if v := d.claims[name]; v != nil {
				value = workload.Show(v)
			}
			fmt.Fprintf(w, "  %s: %s\n", terminal.Printable(fmt.Sprintf("%.100s", name)), terminal.Printable(value))
		}
	}
	if d.line != "" {
		fmt.Fprintf(w, "\nIf no publisher accepts this job yet, this one would (run it on the machine of the index):\n  %s\n"+
			"Its issuer must be in oidc.issuers with kind = %q.\n", d.line, d.kind)
		if d.Project == "" {
			fmt.Fprintf(w, "Replace %s with the name of your project, and add --pending if the project does not exist yet.\n",
				terminal.ProjectMissing)
		}
	}
}

// hostOnly returns a URL's host without the port, for messages.
func hostOnly(u *url.URL) string {
	if host, _, err := net.SplitHostPort(u.Host); err == nil {
		return host
	}
	return u.Host
}
