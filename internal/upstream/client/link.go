package client

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"pyindex/internal/fetch/private"
	"pyindex/internal/upstream"
)

// maxCredentialFile is how many bytes of a file with a credential, key or certificate are read.
const maxCredentialFile = 1 << 20

// lineSettings are the settings that connections depend on. A change of one closes the old connections.
type lineSettings struct {
	origin, ca, cert, key, proxy string
	private                      bool
	stamp                        stamp // of the file ca
}

// link is what the client keeps of one upstream between requests.
type link struct {
	mu         sync.Mutex
	settings   lineSettings
	lines      map[lineKey]*http.Transport
	roots      *x509.CertPool
	credential *credential
}

// lineKey tells the connections of an upstream apart. The client certificate is a credential, so connections that offer
// it are those to the origin alone; those through a proxy go to no other address than the proxy's.
type lineKey struct {
	trusted bool
	proxy   string
}

// link returns what is kept of an upstream.
func (c *Client) link(u upstream.Upstream) *link {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.links[u.Name]
	if l == nil {
		l = &link{}
		c.links[u.Name] = l
	}
	return l
}

// Forget closes the idle connections of an upstream that was removed, and drops its credential.
func (c *Client) Forget(name string) {
	c.mu.Lock()
	l := c.links[name]
	delete(c.links, name)
	c.mu.Unlock()
	if l != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.close()
	}
}

// close closes idle connections. Requests that run are not affected. The caller holds l.mu.
func (l *link) close() {
	for _, t := range l.lines {
		t.CloseIdleConnections()
	}
	l.lines = nil
}

// line returns the transport for a request to a URL. Only a trusted request may carry a credential.
func (q *question) line(at *url.URL, trusted bool) (*http.Transport, error) {
	proxy, err := q.proxyOf(at)
	if err != nil {
		return nil, err
	}
	if proxy != nil && !q.u.AllowPrivate {
		if err := checkHost(at.Hostname()); err != nil {
			return nil, err
		}
	}
	l := q.c.link(q.u)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.refresh(q.u); err != nil {
		return nil, err
	}
	key := lineKey{trusted: trusted && q.u.ClientCert != ""}
	if q.proxy = ""; proxy != nil {
		key.proxy, q.proxy = proxy.String(), hostOf(proxy)
	}
	t := l.lines[key]
	if t == nil {
		t = q.c.transport(q.u, l.roots, key, proxy)
		l.lines[key] = t
	}
	return t, nil
}

// proxyOf returns the proxy for a URL, or nil.
func (q *question) proxyOf(at *url.URL) (*url.URL, error) {
	if q.u.Proxy == "" {
		u, err := q.c.o.Proxy(at)
		if err != nil {
			return nil, errors.New("the proxy of the environment is not a valid URL")
		}
		return u, nil
	}
	u, err := url.Parse(q.u.Proxy)
	if err != nil || u.Host == "" {
		return nil, errors.New("proxy is not a valid URL") // the error may contain a password
	}
	if password, ok := u.User.Password(); ok {
		q.secrets = append(q.secrets, password)
	}
	return u, nil
}

// refresh forgets the connections if settings or the file of authorities have changed.
func (l *link) refresh(u upstream.Upstream) error {
	s := lineSettings{
		origin:  originOf(u.URL),
		ca:      u.CAFile,
		cert:    u.ClientCert,
		key:     u.ClientKey,
		proxy:   u.Proxy,
		private: u.AllowPrivate,
	}
	if u.CAFile != "" {
		s.stamp = stampOf(u.CAFile)
	}
	if l.lines != nil && s == l.settings {
		return nil
	}
	var roots *x509.CertPool
	if u.CAFile != "" {
		pem, err := readFile(u.CAFile)
		if err != nil {
			return fmt.Errorf("ca_file: %w", err)
		}
		if roots, err = x509.SystemCertPool(); err != nil {
			roots = x509.NewCertPool()
		}
		if !roots.AppendCertsFromPEM(pem) {
			return fmt.Errorf("ca_file: %s contains no PEM certificate", u.CAFile)
		}
	}
	l.close()
	l.lines, l.settings, l.roots = map[lineKey]*http.Transport{}, s, roots
	return nil
}

// transport returns a transport for one kind of request of an upstream.
func (c *Client) transport(u upstream.Upstream, roots *x509.CertPool, key lineKey, proxy *url.URL) *http.Transport {
	d := &net.Dialer{Timeout: c.o.Connect, Resolver: c.o.Resolver, Control: c.guard(u.AllowPrivate)}
	t := &http.Transport{
		DialContext: d.DialContext,
		TLSClientConfig: &tls.Config{
			MinVersion:         tls.VersionTLS12,
			RootCAs:            roots,
			ClientSessionCache: tls.NewLRUClientSessionCache(0),
		},
		TLSHandshakeTimeout:    c.o.Connect,
		ResponseHeaderTimeout:  c.o.FirstByte,
		MaxResponseHeaderBytes: maxHeader,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true, // pages are decoded here, within a bound, and files never
		MaxIdleConns:           4 * c.o.Places,
		MaxIdleConnsPerHost:    c.o.Places,
		IdleConnTimeout:        90 * time.Second,
		ReadBufferSize:         64 << 10,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: c.o.FirstByte / 2, PingTimeout: c.o.Connect},
	}
	if proxy != nil {
		d.Control = nil // every connection is to the proxy, whose address the administrator chose
		t.Proxy = http.ProxyURL(proxy)
	}
	if key.trusted {
		t.TLSClientConfig.ClientSessionCache = nil // a resumed session keeps the certificate that began it
		pair := &keyPair{cert: u.ClientCert, key: u.ClientKey}
		t.TLSClientConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return pair.load()
		}
	}
	return t
}

// control is the check of an address, as a dialer calls it.
type control = func(network, address string, _ syscall.RawConn) error

// guard returns the check of the address that a connection is about to open to. Addresses that belong to no host are
// never allowed.
func guard(allowPrivate bool) control {
	return func(_, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil || !allowed(at.Addr(), allowPrivate) {
			return private.Refused(address)
		}
		return nil
	}
}

var broadcast = netip.MustParseAddr("255.255.255.255")

// allowed reports whether an upstream may be at an address. A network without IPv4 reaches a public IPv4 address
// through a translator.
func allowed(a netip.Addr, allowPrivate bool) bool {
	if allowPrivate {
		a = a.Unmap()
		return !a.IsUnspecified() && !a.IsMulticast() && a != broadcast
	}
	if v4, ok := private.Translated(a); ok {
		a = v4
	}
	return !private.Address(a)
}

// checkHost returns an error unless a host that a proxy connects to looks like one on the Internet. The proxy resolves
// the name, so only the name itself can be checked.
func checkHost(host string) error {
	name := strings.TrimSuffix(strings.ToLower(host), ".")
	if a, err := netip.ParseAddr(name); err == nil {
		if !allowed(a, false) {
			return private.Refused(host)
		}
		return nil
	}
	labels := strings.Split(name, ".")
	last := labels[len(labels)-1]
	// Some resolvers read 2130706433, 0x7f.1 and 127.1 as addresses. No top-level domain begins with a digit.
	if len(labels) < 2 || last == "" || last[0] >= '0' && last[0] <= '9' || ownDomains[last] ||
		strings.HasSuffix(name, ".home.arpa") {
		return private.Refused(host)
	}
	return nil
}

// ownDomains are top-level domains that exist in own networks only.
var ownDomains = map[string]bool{
	"localhost": true, "local": true, "internal": true, "localdomain": true, "intranet": true, "lan": true, "home": true,
	"corp": true, "private": true,
}

// stamp tells two states of a file apart.
type stamp struct {
	size, modified int64
	missing        bool
}

func stampOf(path string) stamp {
	i, err := os.Stat(path)
	if err != nil {
		return stamp{missing: true}
	}
	return stamp{size: i.Size(), modified: i.ModTime().UnixNano()}
}

// readFile reads a small file.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxCredentialFile+1))
	if err == nil && len(b) > maxCredentialFile {
		return nil, fmt.Errorf("%s is larger than 1 MiB", path)
	}
	return b, err
}

// keyPair is a client certificate, which is read again if its files have changed.
type keyPair struct {
	cert, key string

	mu     sync.Mutex
	stamps [2]stamp
	loaded *tls.Certificate
}

func (k *keyPair) load() (*tls.Certificate, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := [2]stamp{stampOf(k.cert), stampOf(k.key)}
	if k.loaded != nil && now == k.stamps {
		return k.loaded, nil
	}
	pair, err := tls.LoadX509KeyPair(k.cert, k.key)
	if err != nil {
		if k.loaded != nil {
			return k.loaded, nil // the files are being replaced
		}
		return nil, fmt.Errorf("client_cert: %w", err)
	}
	k.loaded, k.stamps = &pair, now
	return k.loaded, nil
}
