package server

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/route"
)

// Keyring tells who sends a request. *access.Keyring is one.
type Keyring interface {
	// Identify returns the caller of a token, or fault.Unauthenticated with a text that says what is wrong with it.
	Identify(ctx context.Context, user string, s access.Secret) (access.Caller, error)
	// Session returns the person whose browser sent a cookie, or fault.Unauthenticated.
	Session(ctx context.Context, s access.Secret) (access.Caller, error)
	// Guest returns the caller for no credential at all.
	Guest() access.Caller
	// Closed reports whether nobody may read without a token.
	Closed() bool
}

// Options are what New needs to know. Only Keyring has no default.
type Options struct {
	Keyring  Keyring
	Log      *slog.Logger // slog.Default() where nil
	Name     string       // realm of the Basic challenge; "index" where empty
	BasePath string       // "" or "/prefix": no slash at the end
	Origin   string       // scheme://host of the base URL, whose pages may post here; "" for the Host header's alone
	Cookie   string       // name of the cookie that holds a session; no session counts where empty
	// Away returns how long the database has not answered while reads go on from memory, and whether they do; such answers
	// are marked. nil where that never happens.
	Away func() (time.Duration, bool)
	// writes the page for an address that does not exist, to browsers; plain text where nil
	Missing        http.HandlerFunc
	TrustedProxies []netip.Prefix      // peers whose X-Forwarded-For, -Proto, -Host and X-Request-Id count
	Rates          map[route.Limit]int // requests a minute for each client address; absent or 0 for no limit
	HSTS           time.Duration       // how long browsers use https alone for this host; 0 for not saying anything
	// Known returns what tells the browser that sends a request apart from others, if somebody signed in with it before,
	// and "" for any other. It is asked once a limit of signing in is used up. nil for none.
	Known      func(r *http.Request) string
	Stall      time.Duration // how long a body may go without progress; 60 s where 0
	MinRate    int64         // bytes a second that a body must make on average after its first minute; 0 for no bound
	DrainBytes int64         // how much of a refused body is read so that its sender reads the answer; 256 MiB where 0
	// Connections bounds the connections that are open at once, ConnectionsPerAddress those of one client address; 0 for
	// no bound. Trusted proxies have no bound of their own.
	Connections, ConnectionsPerAddress int
	Now                                func() time.Time // time.Now where nil
}

const (
	defaultStall      = time.Minute
	defaultDrainBytes = 256 << 20
)

// complete fills in the defaults and returns what cannot be.
func (o Options) complete() (Options, error) {
	if o.Keyring == nil {
		return o, fmt.Errorf("server: a keyring is needed")
	}
	if o.BasePath != "" &&
		(!strings.HasPrefix(o.BasePath, "/") || strings.HasSuffix(o.BasePath, "/") ||
			strings.ContainsAny(o.BasePath, ":*%\\?#")) {
		return o, fmt.Errorf("server: base path %q must begin with '/', not end with one, and be plain", o.BasePath)
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Name == "" {
		o.Name = "index"
	}
	if o.Stall == 0 {
		o.Stall = defaultStall
	}
	if o.DrainBytes == 0 {
		o.DrainBytes = defaultDrainBytes
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o, nil
}
