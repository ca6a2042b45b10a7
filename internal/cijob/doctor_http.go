package cijob

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/terminal"
)

// maxAnswer is the maximum size in bytes of a response that the doctor reads.
const maxAnswer = 64 << 10

// answer is the response of a server.
type answer struct {
	*http.Response
	body []byte
}

// ask sends a request and reads the response. Errors omit the URL, which may contain secrets of the CI system.
func (d *publishDoctor) ask(method, to string, body any) (answer, error) {
	var content io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return answer{}, err
		}
		content = bytes.NewReader(b)
	}
	r, err := http.NewRequestWithContext(d.ctx, method, to, content)
	if err != nil {
		return answer{}, err
	}
	r.Header.Set("User-Agent", "index-doctor")
	r.Header.Set("Accept", "application/json")
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	resp, err := d.client.Do(r)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err
		}
		return answer{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	return answer{resp, b}, err
}

// audience returns the audience that the index requests, and reports whether the index can be reached.
func (d *publishDoctor) audience() (audience string, reached bool) {
	a, err := d.ask(http.MethodGet, d.root("/_/oidc/audience"), nil)
	if err != nil {
		text, advice := explainConnection(err, d.upload)
		d.found.Fail("connection", advice, "%s", text)
		return "", false
	}
	d.connection(a.TLS)
	const check = "audience"
	var doc struct {
		Audience string `json:"audience"`
	}
	switch json.Unmarshal(a.body, &doc); {
	case a.StatusCode == http.StatusOK && doc.Audience != "" && d.Audience != "" && doc.Audience != d.Audience:
		d.found.Fail(check, "Use the audience that the index requests, or check --repository-url.",
			"the index requests tokens for %q, but --audience is %q", doc.Audience, d.Audience)
	case a.StatusCode == http.StatusOK && doc.Audience != "" && d.Audience == "" && !ownAudience(d.upload, doc.Audience):
		d.found.Fail(check,
			"Check --repository-url. If the administrator of the index confirms this audience, add --audience "+
				terminal.Printable(doc.Audience)+".",
			"%s requests tokens for %q, which is not its own host: such a token could be used at another index, so none was requested", d.upload.Host, doc.Audience)
	case a.StatusCode == http.StatusOK && doc.Audience != "":
		d.found.OK(check, "the index requests tokens for %q", doc.Audience)
		return doc.Audience, true
	case isRedirect(a.StatusCode):
		d.redirected(check, d.root("/_/oidc/audience"), a)
	case a.StatusCode == http.StatusForbidden:
		d.found.Fail(check, "Configure [[oidc.issuers]] on the index.",
			"the index reports that trusted publishing is not enabled")
	case a.StatusCode == http.StatusNotFound:
		d.found.Fail(check,
			"Clients always use the root of the host, not the path of the upload URL: a proxy must forward /_/oidc/ to the index too.",
			"%s does not exist", d.root("/_/oidc/audience"))
	default:
		d.found.Fail(check, "Check that an index runs at this address, and that no proxy in front of it requires a password.",
			"%s responds with status %d and no audience", d.root("/_/oidc/audience"), a.StatusCode)
	}
	return "", true
}

// connection reports a successful connection, and problems that other clients may have.
func (d *publishDoctor) connection(s *tls.ConnectionState) {
	const check = "connection"
	if s == nil || len(s.PeerCertificates) == 0 {
		d.found.OK(check, "%s responds, without TLS", d.upload.Host)
		return
	}
	cert := s.PeerCertificates[0]
	d.found.OK(check, "%s responds; its certificate is trusted here and valid until %s", d.upload.Host,
		cert.NotAfter.UTC().Format(time.DateOnly))
	if left := cert.NotAfter.Sub(d.now()); left < 14*24*time.Hour {
		d.found.Warn("certificate", "Renew it before then.", "the certificate expires in %s",
			terminal.Plural(int64(left.Round(24*time.Hour)/(24*time.Hour)), "day"))
	}
	uv, twine := d.env("SSL_CERT_FILE"), d.env("REQUESTS_CA_BUNDLE")
	if (uv == "") != (twine == "") {
		missing, client := "REQUESTS_CA_BUNDLE", "twine"
		if uv == "" {
			missing, client = "SSL_CERT_FILE", "uv"
		}
		d.found.Warn("certificate",
			fmt.Sprintf("Also set %s=%s if you publish with %s.", missing, terminal.Quote(cmp.Or(uv, twine)), client),
			"certificate authorities are set for some clients only: %s is not set", missing)
	}
}

// uploadURL checks the upload URL, which responds to a GET with status 405.
func (d *publishDoctor) uploadURL() {
	const check = "upload URL"
	a, err := d.ask(http.MethodGet, d.upload.String(), nil)
	if err != nil {
		text, advice := explainConnection(err, d.upload)
		d.found.Fail(check, advice, "%s", text)
		return
	}
	switch {
	case a.StatusCode == http.StatusMethodNotAllowed:
		d.found.OK(check, "%s accepts uploads", d.upload)
		if !strings.HasSuffix(d.upload.Path, "/") {
			d.found.Warn(check, "Add a slash at its end.",
				"the URL has no slash at its end, and twine, uv and others do not add one")
		}
	case isRedirect(a.StatusCode):
		d.redirected(check, d.upload.String(), a)
	case a.StatusCode == http.StatusNotFound:
		d.found.Fail(check, "It usually ends in /legacy/.", "there is nothing at %s", d.upload)
	case a.StatusCode == http.StatusOK:
		d.found.Fail(check, "This may be the URL for installing. The URL for uploads usually ends in /legacy/.",
			"%s responds with a page, which an upload URL does not", d.upload)
	case a.StatusCode == http.StatusUnauthorized || a.StatusCode == http.StatusForbidden:
		d.found.Fail(check, "A proxy in front of the index requires its own password. It must forward uploads.",
			"%s answers with status %d", d.upload, a.StatusCode)
	default:
		d.found.Fail(check, "Check the logs of the index and of the proxy in front of it.",
			"%s responds with status %d instead of 405", d.upload, a.StatusCode)
	}
}

func isRedirect(status int) bool { return status >= 300 && status < 400 }

// redirected reports a redirect as a failure: twine and poetry refuse redirects, and a token must not go elsewhere.
func (d *publishDoctor) redirected(check, from string, a answer) {
	to, err := a.Location()
	if err != nil {
		d.found.Fail(check, "", "%s redirects (status %d) without a location", from, a.StatusCode)
		return
	}
	advice := "Clients do not follow redirects when they publish. Use the URL at which the index itself answers."
	if to.Host == d.upload.Host && to.Scheme != d.upload.Scheme {
		advice = "Clients do not follow redirects when they publish. Begin the URL with " + to.Scheme + "://."
	}
	d.found.Fail(check, advice, "%s redirects (status %d) to %s", from, a.StatusCode, to.Redacted())
}

// exchange exchanges the identity token, or the one of the platform's other issuer if the index does not have the
// issuer of the first. It reports the result, also to its caller, and revokes the minted token.
func (d *publishDoctor) exchange(raw access.Secret, audience string) (granted bool) {
	const check = "exchange"
	a, err := d.ask(http.MethodPost, d.root("/_/oidc/mint-token"), map[string]string{"token": raw.Reveal()})
	if err != nil {
		text, advice := explainConnection(err, d.upload)
		d.found.Fail(check, advice, "%s", text)
		return false
	}
	var doc struct {
		Token   string `json:"token"`
		Expires int64  `json:"expires"`
		Errors  []struct{ Code, Description string }
	}
	json.Unmarshal(a.body, &doc)
	if a.StatusCode != http.StatusOK || doc.Token == "" {
		advice := "Run index publisher explain on the machine of the index to see the expected claims."
		var why []string
		for _, e := range doc.Errors {
			why = append(why, fmt.Sprintf("%.60s: %.500s", e.Code, e.Description))
			if other := d.identity.otherAfter(d.ctx, audience, e.Code); other != "" {
				return d.exchange(other, audience)
			}
			if e.Code == "invalid-reuse-token" {
				advice = "Start the job again: a job's token counts once."
			}
		}
		d.found.Fail(check, advice, "refused with status %d: %s",
			a.StatusCode, cmp.Or(strings.Join(why, "; "), "no reason given"))
		return false
	}
	d.found.OK(check, "granted until %s; this does not show for which projects", terminal.Moment(time.Unix(doc.Expires, 0)))
	_, err = d.ask(http.MethodPost, d.root("/_/oidc/burn-token"), map[string]string{"token": doc.Token})
	if err != nil {
		d.found.Warn(check, "It expires by itself.", "the minted token could not be revoked")
	}
	return true
}

// explainConnection explains why a connection failed, and how to fix it.
func explainConnection(err error, u *url.URL) (text, advice string) {
	if unknown, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return fmt.Sprintf("the certificate of %s is signed by %s, which this machine does not trust", u.Host,
			signer(unknown.Cert)), trustAdvice
	}
	if wrong, ok := errors.AsType[x509.HostnameError](err); ok {
		return fmt.Sprintf("the certificate of %s is not valid for %s", u.Host, hostOnly(u)),
			"Use one of the names of the certificate: " + terminal.Printable(strings.Join(wrong.Certificate.DNSNames, ", "))
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		if invalid.Reason == x509.Expired {
			return fmt.Sprintf("the certificate of %s is only valid from %s to %s", u.Host,
					invalid.Cert.NotBefore.UTC().Format(time.DateOnly), invalid.Cert.NotAfter.UTC().Format(time.DateOnly)),
				"Renew it, or correct this machine's clock."
		}
		return fmt.Sprintf("the certificate of %s is invalid: %v", u.Host, invalid), "Replace the certificate."
	}
	if record, ok := errors.AsType[tls.RecordHeaderError](err); ok && record.Conn != nil ||
		strings.Contains(err.Error(), "server gave HTTP response to HTTPS client") {
		return u.Host + " does not use TLS", "Serve the index over https. Clients of trusted publishing use only https."
	}
	if name, ok := errors.AsType[*net.DNSError](err); ok {
		return fmt.Sprintf("the host name %s cannot be resolved", name.Name),
			"Check the spelling, and that this job can resolve it. A private name needs a runner inside that network."
	}
	if late, ok := err.(interface{ Timeout() bool }); ok && late.Timeout() || errors.Is(err, context.DeadlineExceeded) {
		return u.Host + " does not respond in time",
			"A firewall may block this job. A private index needs a runner inside its network."
	}
	return fmt.Sprintf("%s cannot be reached: %v", u.Host, err),
		"Check that the index is running, and that this job can connect to it."
}

// signer returns the name of the authority that signed a certificate.
func signer(c *x509.Certificate) string {
	if c == nil {
		return "an unknown authority"
	}
	return fmt.Sprintf("%q", cmp.Or(c.Issuer.CommonName, c.Issuer.String(), "an unnamed authority"))
}

// trustAdvice explains which variables make clients trust a private authority.
const trustAdvice = `Get the authority's certificate from the administrator of the index (with --tls-self-signed, it is tls/ca.pem
in the data folder), store it in a file of the job, and set these variables to the path of the file:
  SSL_CERT_FILE       for uv, and for this command
  REQUESTS_CA_BUNDLE  for twine and poetry
  PIP_CERT            for pip
The publish action has no such setting: install the authority in the image of the runner, or publish with uv
or twine in a step of your own.`
