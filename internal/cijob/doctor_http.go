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

// maxAnswer bounds what the doctor reads of an answer, in bytes.
const maxAnswer = 64 << 10

// answer is what a server said.
type answer struct {
	*http.Response
	body []byte
}

// ask sends a request and reads the answer. An error names no URL: that of a CI system is nobody's business.
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

// audience asks what the index wants to be called in identity tokens, and on the way finds out whether it can be
// reached.
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
		d.found.Fail(check, "Use the audience that the index names, or check --repository-url.",
			"tokens for this index are for %q, and --audience is %q", doc.Audience, d.Audience)
	case a.StatusCode == http.StatusOK && doc.Audience != "" && d.Audience == "" && !ownAudience(d.upload, doc.Audience):
		d.found.Fail(check,
			"Check --repository-url. If the administrator of the index says that this is its audience, add --audience "+
				terminal.Printable(doc.Audience)+".",
			"%s says that tokens for it are for %q, which is not its own name: such a token could be meant for another index, so none is asked for", d.upload.Host, doc.Audience)
	case a.StatusCode == http.StatusOK && doc.Audience != "":
		d.found.OK(check, "tokens for this index are for %q", doc.Audience)
		return doc.Audience, true
	case isRedirect(a.StatusCode):
		d.redirected(check, d.root("/_/oidc/audience"), a)
	case a.StatusCode == http.StatusForbidden:
		d.found.Fail(check, "Configure [[oidc.issuers]] on the index.",
			"the index answers that trusted publishing is not enabled")
	case a.StatusCode == http.StatusNotFound:
		d.found.Fail(check,
			"Clients ask at the root of the host, whatever path the upload URL has: a proxy has to pass /_/oidc/ on to the index too.",
			"%s is not there", d.root("/_/oidc/audience"))
	default:
		d.found.Fail(check, "Is it an index that answers there, and nothing in front of it that asks for a password?",
			"%s answers with status %d and no audience", d.root("/_/oidc/audience"), a.StatusCode)
	}
	return "", true
}

// connection tells of a connection that worked, and of what may yet be in the way of other clients.
func (d *publishDoctor) connection(s *tls.ConnectionState) {
	const check = "connection"
	if s == nil || len(s.PeerCertificates) == 0 {
		d.found.OK(check, "%s answers, without TLS", d.upload.Host)
		return
	}
	cert := s.PeerCertificates[0]
	d.found.OK(check, "%s answers; its certificate is trusted here and good until %s", d.upload.Host,
		cert.NotAfter.UTC().Format(time.DateOnly))
	if left := cert.NotAfter.Sub(d.now()); left < 14*24*time.Hour {
		d.found.Warn("certificate", "Renew it before.", "the certificate ends in %d days", int(left.Hours()/24))
	}
	uv, twine := d.env("SSL_CERT_FILE"), d.env("REQUESTS_CA_BUNDLE")
	if (uv == "") != (twine == "") {
		missing, client := "REQUESTS_CA_BUNDLE", "twine"
		if uv == "" {
			missing, client = "SSL_CERT_FILE", "uv"
		}
		d.found.Warn("certificate",
			fmt.Sprintf("Set %s=%s as well, if %s is to publish.", missing, terminal.Quote(cmp.Or(uv, twine)), client),
			"authorities are set for some clients and not for all: %s is not", missing)
	}
}

// uploadURL looks at where files go: an index answers 405 to whoever only reads there.
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
		d.found.OK(check, "%s takes uploads", d.upload)
		if !strings.HasSuffix(d.upload.Path, "/") {
			d.found.Warn(check, "Write a slash at its end.", "the URL has no slash at its end; twine, uv and others add none")
		}
	case isRedirect(a.StatusCode):
		d.redirected(check, d.upload.String(), a)
	case a.StatusCode == http.StatusNotFound:
		d.found.Fail(check, "It usually ends in /legacy/.", "there is nothing at %s", d.upload)
	case a.StatusCode == http.StatusOK:
		d.found.Fail(check, "Is it the URL for installing? That for uploads usually ends in /legacy/.",
			"%s answers with a page, as no upload URL does", d.upload)
	case a.StatusCode == http.StatusUnauthorized || a.StatusCode == http.StatusForbidden:
		d.found.Fail(check, "Something in front of the index asks for a password of its own; it has to let uploads pass.",
			"%s answers with status %d", d.upload, a.StatusCode)
	default:
		d.found.Fail(check, "Look into the log of the index, or of what is in front of it.",
			"%s answers with status %d, not 405", d.upload, a.StatusCode)
	}
}

func isRedirect(status int) bool { return status >= 300 && status < 400 }

// redirected tells where a redirect leads. twine and poetry refuse every one, and none may carry a token elsewhere.
func (d *publishDoctor) redirected(check, from string, a answer) {
	to, err := a.Location()
	if err != nil {
		d.found.Fail(check, "", "%s redirects (status %d) to nowhere", from, a.StatusCode)
		return
	}
	advice := "Clients do not follow redirects when they publish. Use the URL at which the index itself answers."
	if to.Host == d.upload.Host && to.Scheme != d.upload.Scheme {
		advice = "Clients do not follow redirects when they publish. Write the URL with " + to.Scheme + "://."
	}
	d.found.Fail(check, advice, "%s redirects (status %d) to %s", from, a.StatusCode, to.Redacted())
}

// exchange sends the token to the index, tells the outcome and ends what was minted.
func (d *publishDoctor) exchange(raw access.Secret) {
	const check = "exchange"
	a, err := d.ask(http.MethodPost, d.root("/_/oidc/mint-token"), map[string]string{"token": raw.Reveal()})
	if err != nil {
		text, advice := explainConnection(err, d.upload)
		d.found.Fail(check, advice, "%s", text)
		return
	}
	var doc struct {
		Token   string `json:"token"`
		Expires int64  `json:"expires"`
		Errors  []struct{ Code, Description string }
	}
	json.Unmarshal(a.body, &doc)
	if a.StatusCode != http.StatusOK || doc.Token == "" {
		var why []string
		for _, e := range doc.Errors {
			why = append(why, fmt.Sprintf("%.60s: %.500s", e.Code, e.Description))
		}
		d.found.Fail(check, "index publisher explain, where the index runs, says what was expected.",
			"refused with status %d: %s",
			a.StatusCode, cmp.Or(strings.Join(why, "; "), "no reason given"))
		return
	}
	d.found.OK(check, "granted until %s", terminal.Moment(time.Unix(doc.Expires, 0)))
	_, err = d.ask(http.MethodPost, d.root("/_/oidc/burn-token"), map[string]string{"token": doc.Token})
	if err != nil {
		d.found.Warn(check, "It ends by itself.", "the minted token could not be ended")
	}
}

// explainConnection says why a server cannot be talked to, and what to do about it.
func explainConnection(err error, u *url.URL) (text, advice string) {
	if unknown, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return fmt.Sprintf("the certificate of %s is signed by %s, which this machine does not trust", u.Host,
			signer(unknown.Cert)), trustAdvice
	}
	if wrong, ok := errors.AsType[x509.HostnameError](err); ok {
		return fmt.Sprintf("the certificate of %s is not for %s", u.Host, hostOnly(u)),
			"Use one of the names that it is for: " + terminal.Printable(strings.Join(wrong.Certificate.DNSNames, ", "))
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		if invalid.Reason == x509.Expired {
			return fmt.Sprintf("the certificate of %s is good from %s to %s, and not now", u.Host,
					invalid.Cert.NotBefore.UTC().Format(time.DateOnly), invalid.Cert.NotAfter.UTC().Format(time.DateOnly)),
				"Renew it, or set this machine's clock."
		}
		return fmt.Sprintf("the certificate of %s cannot be used: %v", u.Host, invalid), "Make another certificate."
	}
	if record, ok := errors.AsType[tls.RecordHeaderError](err); ok && record.Conn != nil ||
		strings.Contains(err.Error(), "server gave HTTP response to HTTPS client") {
		return u.Host + " does not speak TLS", "Serve the index by https; clients of trusted publishing use nothing else."
	}
	if name, ok := errors.AsType[*net.DNSError](err); ok {
		return fmt.Sprintf("the name %s cannot be found", name.Name),
			"Is it spelt well, and known where this job runs? A private name needs a runner inside that network."
	}
	if late, ok := err.(interface{ Timeout() bool }); ok && late.Timeout() || errors.Is(err, context.DeadlineExceeded) {
		return u.Host + " does not answer in time",
			"Does a firewall drop what comes from here? A private index needs a runner inside its network."
	}
	return fmt.Sprintf("%s cannot be reached: %v", u.Host, err),
		"Is the index running there, and may this job connect to it?"
}

// signer names who signed a certificate.
func signer(c *x509.Certificate) string {
	if c == nil {
		return "somebody"
	}
	return fmt.Sprintf("%q", cmp.Or(c.Issuer.CommonName, c.Issuer.String(), "somebody without a name"))
}

// trustAdvice says which variable makes which client trust an authority.
const trustAdvice = `Get the authority's certificate from whoever runs the index (--tls-self-signed keeps it as tls/ca.pem in
the data folder), put it into a file of the job, and set, each to that file's path:
  SSL_CERT_FILE       for uv, and for this command
  REQUESTS_CA_BUNDLE  for twine and poetry
  PIP_CERT            for pip
The publish action has no setting for it: on its runners the authority has to be installed in its image, or
publish with uv or twine in a step of your own.`
