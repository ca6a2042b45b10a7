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

// Keyring identifies the caller of a request. *access.Keyring implements it.
type Keyring interface {
	// Identify returns the caller of a token. If the token is not valid, it returns fault.Unauthenticated with the reason.
	Identify(ctx context.Context, user string, s access.Secret) (access.Caller, error)
	// Authorize returns the caller of a value of the Authorization header. parse finds the user and the token in it, and
	// is not called for a value that is known to be valid.
	Authorize(ctx context.Context, value string,
		parse func(value string) (user string, s access.Secret, err error)) (access.Caller, error)
	// Session returns the person that a session cookie belongs to, or fault.Unauthenticated.
	Session(ctx context.Context, s access.Secret) (access.Caller, error)
	// Guest returns the caller of requests without a credential.
	Guest() access.Caller
	// Closed reports whether reading requires a token.
	Closed() bool
}

// Options configures a Server. Only Keyring is required.
type Options struct {
	Keyring  Keyring
	Log      *slog.Logger // slog.Default() if nil
	Name     string       // realm of the Basic challenge; "index" if empty
	BasePath string       // "" or "/prefix", without a trailing slash
	Origin   string       // scheme://host of the base URL; its pages may post here; "" for the Host header's only
	Cookie   string       // name of the session cookie; sessions are ignored if empty
	// Away returns how long the database has been unreachable, and whether reads are being served from memory. Such
	// responses carry a Warning header. nil if that never happens.
	Away func() (time.Duration, bool)
	// Missing writes the page for an unknown address to browsers; who is the user if the browser has a session. If nil,
	// browsers get plain text.
	Missing        func(w http.ResponseWriter, r *http.Request, who access.Caller)
	TrustedProxies []netip.Prefix      // peers whose X-Forwarded-For, -Proto, -Host and X-Request-Id are used
	Rates          map[route.Limit]int // requests per minute and client address; absent or 0 for no limit
	HSTS           time.Duration       // max-age of Strict-Transport-Security; 0 omits the header
	// Known returns an identifier of the browser that sends a request if someone has signed in with it before, and
	// otherwise "". It is called once the sign-in limit of an address is used up. It may be nil.
	Known      func(r *http.Request) string
	Stall      time.Duration // how long a body may go without progress; 60 s if 0
	MinRate    int64         // minimum average rate of a body after its first minute, in bytes per second; 0 for no bound
	DrainBytes int64         // how much of a refused body is read, so that its sender sees the response; 256 MiB if 0
	// Connections bounds the open connections in total, ConnectionsPerAddress those of one client address; 0 for no bound.
	// Trusted proxies are exempt from the second bound.
	Connections, ConnectionsPerAddress int
	// Observer is told of each request; nil if nobody counts them.
	Observer Observer
	// MetricsToken opens the routes of route.Scraper, beside API tokens of administrators. "" if there is none.
	MetricsToken access.Secret
	Now          func() time.Time // time.Now if nil
}

// Observer counts requests.
type Observer interface {
	// Route returns the function that is called at the end of each request of a route, with the status that was sent, or
	// 499 if the client disconnected first, the number of bytes of the body, and the duration. The route is a pattern
	// without the path of the base URL, and "other" for requests that match no route. The method is "other" if the route
	// does not tell it.
	Route(pattern, method string) func(status int, bytes int64, took time.Duration)
}

const (
	defaultStall      = time.Minute
	defaultDrainBytes = 256 << 20
)

func (o Options) complete() (Options, error) {
	if o.Keyring == nil {
		return o, fmt.Errorf("server: Keyring is required")
	}
	if o.BasePath != "" &&
		(!strings.HasPrefix(o.BasePath, "/") || strings.HasSuffix(o.BasePath, "/") ||
			strings.ContainsAny(o.BasePath, ":*%\\?#")) {
		return o, fmt.Errorf(
			"server: base path %q must begin with '/', must not end with '/', and must not contain : * %% \\ ? or #", o.BasePath,
		)
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
