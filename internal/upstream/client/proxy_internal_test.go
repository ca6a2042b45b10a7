package client

import (
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"pyindex/internal/upstream"
)

// proxy is an egress proxy. It resolves every name to a server of the test.
type proxy struct {
	*httptest.Server
	to string // "host:port" of the server

	mu     sync.Mutex
	asked  []string // hosts
	header http.Header
}

func newProxy(t *testing.T, to string) *proxy {
	t.Helper()
	p := &proxy{}
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	p.to = u.Host
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.asked, p.header = append(p.asked, r.Host), r.Header.Clone()
	p.mu.Unlock()
	if r.Header.Get("Proxy-Authorization") == "" {
		w.WriteHeader(http.StatusProxyAuthRequired)
		return
	}
	if r.Method != http.MethodConnect {
		http.Error(w, "only CONNECT", http.StatusBadRequest)
		return
	}
	out, err := net.Dial("tcp", p.to)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer out.Close()
	in, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer in.Close()
	_, _ = io.WriteString(in, "HTTP/1.1 200 Connection established\r\n\r\n")
	go func() {
		_, _ = io.Copy(out, in)
		out.Close()
	}()
	_, _ = io.Copy(in, out)
}

func (p *proxy) take() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer func() { p.asked = nil }()
	return p.asked
}

// behindProxy returns an upstream at a name that only the proxy of the test can reach. The proxy is at a loopback
// address.
func behindProxy(t *testing.T, handle http.HandlerFunc) (upstream.Upstream, *proxy) {
	t.Helper()
	s := httptest.NewTLSServer(handle) // with a certificate for example.com
	t.Cleanup(s.Close)
	p := newProxy(t, s.URL)
	u := local("https://example.com")
	u.AllowPrivate, u.CAFile = false, caFile(t, s)
	u.Proxy = strings.Replace(p.URL, "http://", "http://ann:proxy-password@", 1)
	return u, p
}

// TestProxy: requests go through the proxy of the upstream, whose own address may be private.
func TestProxy(t *testing.T) {
	u, p := behindProxy(t, html)
	c := New(small())
	if _, err := get(t, c, u); err != nil {
		t.Fatal(err)
	}
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte("ann:proxy-password"))
	if got := p.take(); len(got) != 1 || got[0] != "example.com:443" || p.header.Get("Proxy-Authorization") != want {
		t.Errorf("the proxy was asked for %q with %v", got, p.header)
	}
	u.Proxy = p.URL
	_, err := get(t, c, u)
	fails(t, "proxy without password", err, upstream.Wrong, "Proxy Authentication Required")
	u.Proxy = "http://127.0.0.1:1"
	_, err = get(t, c, u)
	fails(t, "no proxy there", err, upstream.Silent, "127.0.0.1:1")
	u.Proxy = "http://ann:proxy-password@ %zz"
	_, err = get(t, c, u)
	f := fails(t, "no URL", err, upstream.Silent, "proxy is not a valid URL")
	if strings.Contains(f.Error(), "proxy-password") {
		t.Errorf("%v", f)
	}
}

// TestProxyOfEnvironment: an upstream without a proxy of its own uses that of the environment.
func TestProxyOfEnvironment(t *testing.T) {
	u, p := behindProxy(t, html)
	at, _ := url.Parse(u.Proxy)
	u.Proxy = ""
	o := small()
	o.Proxy = func(target *url.URL) (*url.URL, error) {
		if target.Hostname() == "example.com" {
			return at, nil
		}
		return nil, nil
	}
	c := New(o)
	if _, err := get(t, c, u); err != nil || len(p.take()) != 1 {
		t.Errorf("%v", err)
	}
	// Another host is asked without the proxy, and its address is checked, also if it is that of the proxy.
	for _, host := range []string{at.Host, "127.0.0.1:1"} {
		_, err := c.Open(t.Context(), u, "https://"+host+"/foo-1.tar.gz", 0)
		fails(t, host, err, upstream.Forbidden, "not a public address")
	}
}

// TestProxyTargets: a proxy resolves the names itself, so those that can only be of an own network are refused by name.
func TestProxyTargets(t *testing.T) {
	var location string
	u, p := behindProxy(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Host == "example.com" && r.URL.Path == "/simple/foo/" {
			http.Redirect(w, r, location, http.StatusFound)
			return
		}
		html(w, r)
	})
	c := New(small())
	for _, host := range []string{
		"127.0.0.1", "localhost", "LOCALHOST", "localhost.", "a.localhost", "[::1]", "0.0.0.0", "10.0.0.1", "169.254.169.254",
		"[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]", "[fd00:ec2::254]", "2130706433", "0x7f000001", "0177.0.0.1",
		"127.1", "0x7f.1", "127.0.0.1.", "metadata.google.internal", "printer.local", "router.lan", "files.home.arpa",
		"intranet",
		"index.corp", "100.64.0.1", "[64:ff9b::7f00:1]", "example.123", "192.168.0.1",
	} {
		location = "https://" + host + "/simple/foo/"
		_, err := get(t, c, u)
		fails(t, "redirect to "+host, err, upstream.Forbidden, "not a public address")
		_, err = c.Open(t.Context(), u, "https://"+host+"/foo-1.tar.gz", 0)
		fails(t, "file at "+host, err, upstream.Forbidden, "not a public address")
	}
	for _, asked := range p.take() {
		if asked != "example.com:443" {
			t.Errorf("the proxy was asked for %s", asked)
		}
	}
	b, err := c.Open(t.Context(), u, "https://files.example.com/foo-1.tar.gz", 0)
	if err == nil {
		b.Close()
	} else { // the certificate is for another name
		fails(t, "a public name", err, upstream.Wrong, "certificate")
	}
	u.AllowPrivate = true
	location = "https://index.corp/simple/foo/"
	if _, err := get(t, c, u); err != nil {
		fails(t, "with allow_private", err, upstream.Wrong, "certificate")
	}
}
