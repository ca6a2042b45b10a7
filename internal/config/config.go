// Package config reads and checks the settings of the program, and derives other packages' options from them.
//
// A setting is taken from its flag, or else from the environment, the file of --config, or its default. An empty
// variable and an empty text in the file mean that the setting is not set there. Unknown keys of the file are an error,
// and unknown INDEX_ variables a warning. The package opens no database and no blob store.
package config

// Config holds every setting of the program. A field's flag is its name in lower case with dashes, prefixed with the
// name of its section. The environment variable and the key in the file follow from the flag: --access-anonymous-read
// is INDEX_ACCESS_ANONYMOUS_READ, and anonymous_read in the table [access].
type Config struct {
	Config configFile `help:"TOML file with settings." placeholder:"FILE"`

	Listen         string   `default:"127.0.0.1:8080" help:"Address and port to listen on."`
	BaseURL        baseURL  `name:"base-url" placeholder:"URL" help:"URL at which clients reach the index, including its path prefix, if any (default: derived from the listen address)."`
	DataDir        string   `default:"./data" help:"Folder for all data."`
	TrustedProxies []prefix `placeholder:"CIDR" help:"Proxies whose X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host and X-Request-Id headers are trusted (default: none)."`
	HSTS           Span     `name:"hsts" default:"365d" help:"How long browsers must use https for this host (Strict-Transport-Security). Sent only if base_url is https and not a local address; 0s disables it."`
	DrainTimeout   Span     `default:"30s" help:"How long running requests may take to finish during shutdown."`
	DrainDelay     Span     `default:"0s" help:"How long the server keeps accepting requests during shutdown while /readyz returns 503."`

	TLSCert       string `name:"tls-cert" placeholder:"FILE" help:"Certificate chain in PEM. It is reloaded when the file changes and on SIGHUP."`
	TLSKey        string `name:"tls-key" placeholder:"FILE" help:"Private key of the certificate in PEM."`
	TLSSelfSigned bool   `name:"tls-self-signed" help:"Create a private certificate authority in the data folder and serve TLS with a certificate from it."`
	TLSACME       string `name:"tls-acme" placeholder:"HOST" help:"Obtain a certificate for this host from Let's Encrypt. Port 443 of the host must reach this server."`

	Logo string `placeholder:"FILE" help:"Logo in the header of pages: a PNG, SVG or WebP image of up to 64 KiB, read at start. Pages show it in place of access.realm."`

	SecurityContact []string `sep:"," placeholder:"URL" help:"Where to report security problems of this server: https: or mailto: URLs. They are served at /.well-known/security.txt (RFC 9116); without any there is no such file."`
	SecurityPolicy  string   `placeholder:"URL" help:"URL of the policy for reports of security problems, for security.txt."`

	Upstream             string               `placeholder:"URL" help:"Simple root of another index, such as https://HOST/simple/. The repository main then serves its projects too, through an upstream named default."`
	UpstreamAllowPrivate bool                 `help:"Allow upstream to use plain http, and addresses of this machine and of private networks."`
	UpstreamTimeout      Span                 `default:"30s" help:"How long an upstream may take to begin its answer, and be silent while it sends one: 1s to 10m. Callers wait that long at most; a page that is held already is served after 10 seconds."`
	UpstreamRest         Span                 `default:"30s" help:"How long an upstream is not asked after three failures in a row: 1s to 1h. Meanwhile, pages and files that are held are served."`
	Upstreams            []declaredUpstream   `sep:";" placeholder:"name=N,url=URL[,…]" help:"Other indexes that repositories may draw on, separated by \";\" (default: none). In the file, each is a table [[upstreams]]."`
	Repositories         []declaredRepository `sep:";" placeholder:"name=N,bases=B B[,…]" help:"Repositories with their bases, separated by \";\" (default: none). In the file, each is a table [[repositories]]. Repositories that are not listed are managed by commands and pages."`
	Aliases              []declaredAlias      `sep:";" placeholder:"path=P,repository=R" help:"Paths of another index at which a repository is served too, read-only, separated by \";\" (default: none). In the file, each is a table [[aliases]]."`
	Feeds                []declaredFeed       `sep:";" placeholder:"name=N,url=URL[,…]" help:"Feeds of advisories in the OSV format, separated by \";\" (default: none). In the file, each is a table [[feeds]]."`
	Offline              bool                 `help:"Ask no upstream: serve only what is kept. Feeds of advisories are not fetched either."`

	ClientPrograms string `placeholder:"FOLDER" help:"Folder with the programs of this version for other platforms, as a release has them. CI jobs download them from /_/client/. The running program is always offered."`

	Database     databaseConfig     `embed:"" prefix:"database-"`
	Storage      storageConfig      `embed:"" prefix:"storage-"`
	Access       accessConfig       `embed:"" prefix:"access-"`
	OIDC         oidcConfig         `embed:"" prefix:"oidc-"`
	Limits       limitsConfig       `embed:"" prefix:"limits-"`
	Upload       uploadConfig       `embed:"" prefix:"upload-"`
	Attestations attestationsConfig `embed:"" prefix:"attestations-"`
	Leaks        leaksConfig        `embed:"" prefix:"leaks-"`
	SSO          ssoConfig          `embed:"" prefix:"sso-"`
	Mail         mailConfig         `embed:"" prefix:"mail-"`
	Pages        pagesConfig        `embed:"" prefix:"pages-"`
	Audit        auditConfig        `embed:"" prefix:"audit-"`
	Log          logConfig          `embed:"" prefix:"log-"`
	Metrics      metricsConfig      `embed:"" prefix:"metrics-"`

	UpstreamCache upstreamCacheConfig `embed:"" prefix:"upstream-cache-"`

	origins *origins // of the command line, nil in ReadPlace
}

// sections lists the tables of the file. Each is a field of Config, with its name as the prefix of its flags.
var sections = []string{
	"database", "storage", "access", "oidc", "limits", "upload", "attestations", "leaks", "sso", "mail", "pages", "audit",
	"log", "metrics", "upstream_cache",
}

type databaseConfig struct {
	URL     string `name:"url" placeholder:"URL" help:"Database: sqlite:PATH or postgres://… (default: index.db in the data folder). Put a URL with a password into database.url_file or the environment."`
	URLFile string `name:"url-file" placeholder:"FILE" help:"File that contains the database URL. Use it if the URL contains a password."`
	Bridge  Span   `default:"60s" help:"How long reads continue from memory, marked with a Warning header, while the database is unreachable; 0s disables this. A token that another replica revokes meanwhile is accepted until then."`
}

type storageConfig struct {
	URL          string `name:"url" placeholder:"URL" help:"Storage of files: file:///…, s3://BUCKET?region=R, gs://BUCKET, azblob://CONTAINER or mem:// (default: the folder blobs in the data folder)."`
	Delivery     string `enum:"auto,stream,redirect" default:"auto" help:"How files reach clients: through this server (stream), through a signed URL of the bucket (redirect), or the better of the two (auto)."`
	LinkURL      string `name:"link-url" placeholder:"URL" help:"URL at which clients reach the bucket, for signed URLs (default: storage.url)."`
	LinkLifetime Span   `default:"15m" help:"Minimum lifetime of a signed URL. Its maximum lifetime is twice as long."`
}

type accessConfig struct {
	Realm         string `default:"index" help:"Name of the index. Clients show it when they prompt for a token."`
	AnonymousRead bool   `help:"Allow reading without a token."`
	RequireSecond string `name:"require-second-factor" enum:"none,administrators,publishers,all" default:"none" help:"Which users must set up an authenticator or a passkey before they can use the web pages: none, administrators, publishers (all users who may upload to any project) or all."`
	TokenMaxLife  Span   `default:"365d" help:"Maximum lifetime of new API tokens; 0s for no limit. Existing tokens keep their lifetime and are marked in the lists."`
	TokenDefault  Span   `name:"token-default-life" default:"90d" help:"Lifetime of an API token that is created without one; 0s for token_max_life."`
	PageMaxAge    Span   `default:"0s" help:"How long a client may use a page of the simple API without asking again, at most 10m. With 0s every install sees a file as soon as it is published."`
	Invitations   string `enum:"administrators,owners" default:"administrators" help:"Whose invitations can create accounts: administrators only, or owners of projects too. With administrators, an owner's invitation waits for an administrator's approval."`
}

type oidcConfig struct {
	Issuers       []issuer `sep:";" placeholder:"kind=K,issuer=URL[,audience=A][,ca_file=F][,api_url=U][,server=U]" default:"kind=github,issuer=https://token.actions.githubusercontent.com" help:"Issuers whose identity tokens can be exchanged for upload tokens, separated by \";\"."`
	TokenLifetime Span     `default:"15m" help:"Lifetime of minted tokens; at most 6h."`
	KeepExchanges Span     `default:"720h" help:"How long granted and refused token exchanges stay listed."`
}

type limitsConfig struct {
	FileSize              ByteSize `default:"2GiB" help:"Maximum size of a file."`
	ProjectSize           ByteSize `default:"0" help:"Maximum total size of the files of a project; 0 for no limit."`
	RepositorySize        ByteSize `default:"0" help:"Maximum total size of the files of a repository; 0 for no limit. Files of upstreams are not counted."`
	UploadMinRate         ByteSize `default:"50000" help:"Minimum average speed of an upload in bytes per second after its first minute. Slower uploads are aborted; 0 for no limit."`
	Connections           count    `default:"4096" help:"Maximum number of open connections; 0 for no limit."`
	ConnectionsPerAddress count    `default:"256" help:"Maximum number of open connections from one address, except trusted_proxies; 0 for no limit."`
	UploadRate            count    `default:"0" help:"Uploads per minute from one address; 0 for no limit."`
	MintRate              count    `default:"60" help:"Refused token exchanges per minute from one address, and separately revocations of minted tokens; 10 times as many from one network (IPv4 /24, IPv6 /48); 0 for no limit. Granted exchanges are not counted."`
	SignInRate            count    `default:"60" help:"Requests per minute from one address to sign in, use a one-time link or reset a password; 10 times as many from one network (IPv4 /24, IPv6 /48); 0 for no limit. Requests of signed-in users are not counted."`
	PageCache             ByteSize `default:"64MiB" help:"Memory for rendered pages."`
}

type pagesConfig struct {
	Images     string   `enum:"none,proxy,allow" default:"none" help:"How pages show pictures of other sites in descriptions of projects: as their text (none), fetched by this server (proxy), or loaded by browsers, which reveals readers to those sites (allow)."`
	ImageHosts []string `placeholder:"HOST" help:"Hosts from which pages.images = proxy may fetch pictures although they are in a private network: HOST or HOST:PORT (default: none)."`
}

type auditConfig struct {
	Keep         Span `default:"0s" help:"How long entries stay in the audit log; 0s keeps them forever."`
	KeepRefusals Span `default:"2160h" help:"How long refused actions stay in the audit log, if shorter than audit.keep; 0s keeps them as long as other entries. Anonymous clients cause such entries too."`
}
