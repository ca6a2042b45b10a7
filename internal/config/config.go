// Package config reads the settings of the program.
//
// Each section of Config has its checks, and the options or values of other packages that follow from it. Check names
// the first setting that is impossible, alone or beside another. A setting comes from a flag, else the environment,
// else the file of --config, else its default; unknown keys are refused. It opens no database and no blob store.
package config

// Config is every setting of the program. A field's flag is its name in lower case with dashes, a section's fields are
// prefixed with the section's name; INDEX_ADDRESS and address = "…" follow from that: [access] anonymous_read is
// --access-anonymous-read and INDEX_ACCESS_ANONYMOUS_READ.
type Config struct {
	Config configFile `help:"TOML file with settings." placeholder:"FILE"`

	Listen         string   `default:"127.0.0.1:8080" help:"Address and port to listen on."`
	BaseURL        baseURL  `name:"base-url" placeholder:"URL" help:"Where clients reach the index, with its path prefix if it has one (default: from the listen address)."`
	DataDir        string   `default:"./data" help:"Folder for everything that is kept."`
	TrustedProxies []prefix `placeholder:"CIDR" help:"Proxies whose X-Forwarded-For, -Proto, -Host and X-Request-Id count (default: none)."`
	HSTS           Span     `name:"hsts" default:"365d" help:"How long browsers use nothing but https for this host once they saw it, if base_url is https and no local address; 0s to say nothing."`
	DrainTimeout   Span     `default:"30s" help:"How long requests under way may take to finish at the end."`
	DrainDelay     Span     `default:"0s" help:"How long /readyz says 503 at the end before the listener closes."`

	TLSCert       string `name:"tls-cert" placeholder:"FILE" help:"Certificate chain in PEM; read again on SIGHUP and when it changes."`
	TLSKey        string `name:"tls-key" placeholder:"FILE" help:"Private key of the certificate in PEM."`
	TLSSelfSigned bool   `name:"tls-self-signed" help:"Make a small certificate authority in the data folder and serve TLS with it."`
	TLSACME       string `name:"tls-acme" placeholder:"HOST" help:"Get a certificate for this host from Let's Encrypt; port 443 must reach this server."`

	Logo string `placeholder:"FILE" help:"Logo in the header of pages: a PNG, SVG or WebP image of up to 64 KiB, read at start. Pages show it in place of access.realm."`

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
	Audit        auditConfig        `embed:"" prefix:"audit-"`
	Log          logConfig          `embed:"" prefix:"log-"`
}

// sections are the tables of the file, each a field of Config with its name as prefix.
var sections = []string{
	"database", "storage", "access", "oidc", "limits", "upload", "attestations", "leaks", "sso", "mail", "audit", "log",
}

type databaseConfig struct {
	URL     string `name:"url" placeholder:"URL" help:"sqlite:PATH or postgres://… (default: index.db in the data folder). A password belongs into database.url_file or the environment."`
	URLFile string `name:"url-file" placeholder:"FILE" help:"File that holds the database URL, because it may hold a password."`
	Bridge  Span   `default:"60s" help:"How long reads go on from memory, marked with a Warning, while the database does not answer; 0s for not at all. A token that another replica revokes meanwhile is believed for that long."`
}

type storageConfig struct {
	URL          string `name:"url" placeholder:"URL" help:"Where the bytes are: file:///…, s3://BUCKET?region=R, gs://BUCKET, azblob://CONTAINER or mem:// (default: blobs in the data folder)."`
	Delivery     string `enum:"auto,stream,redirect" default:"auto" help:"How files reach clients: through this server (stream), by a signed URL of the bucket (redirect), or as is best (auto)."`
	LinkURL      string `name:"link-url" placeholder:"URL" help:"The same bucket as clients reach it, for signed URLs (default: storage.url)."`
	LinkLifetime Span   `default:"15m" help:"How long a signed URL is good for at least; twice that at most."`
}

type accessConfig struct {
	Realm         string `default:"index" help:"Name of the index, as clients show it when they ask for a token."`
	AnonymousRead bool   `help:"Whether anybody may read without a token."`
	RequireSecond string `name:"require-second-factor" enum:"none,administrators,publishers,all" default:"none" help:"Who needs an authenticator or a passkey before anything else in pages: nobody, administrators, publishers (whoever may upload to any project) or all."`
	TokenMaxLife  Span   `default:"365d" help:"Longest life of a new API token, by pages and commands; 0s for no bound. Tokens that exist keep theirs and are marked in the lists."`
	TokenDefault  Span   `name:"token-default-life" default:"90d" help:"Life of an API token for which none is asked; 0s for token_max_life."`
	Invitations   string `enum:"administrators,owners" default:"administrators" help:"Whose invitations make accounts: those of administrators, while an owner's invitation to a project waits for an administrator's approval, or those of owners too."`
}

type oidcConfig struct {
	Issuers       []issuer `sep:";" placeholder:"kind=K,issuer=URL[,audience=A][,ca_file=F][,api_url=U]" default:"kind=github,issuer=https://token.actions.githubusercontent.com" help:"Issuers whose identity tokens may be exchanged for upload tokens; \";\" between two."`
	TokenLifetime Span     `default:"15m" help:"How long a minted token is good for; at most 6h."`
	KeepExchanges Span     `default:"720h" help:"How long exchanges stay in the record, granted and refused ones."`
}

type limitsConfig struct {
	FileSize              ByteSize `default:"2GiB" help:"Largest file."`
	ProjectSize           ByteSize `default:"0" help:"Largest sum of a project's files; 0 for no bound."`
	UploadMinRate         ByteSize `default:"50000" help:"Bytes a second that an upload must make on average after its first minute, so that nobody holds one open for days; 0 for no bound."`
	Connections           count    `default:"4096" help:"Connections that are open at once; 0 for no bound."`
	ConnectionsPerAddress count    `default:"256" help:"Connections that one address has open at once, trusted_proxies excepted; 0 for no bound."`
	UploadRate            count    `default:"0" help:"Uploads a minute from one address; 0 for no bound."`
	MintRate              count    `default:"60" help:"Token exchanges a minute from one address that are not granted, as many tokens given back, and 10 times as many of either from one network (IPv4 /24, IPv6 /48); 0 for no bound. Exchanges that are granted are not counted."`
	SignInRate            count    `default:"60" help:"Requests a minute from one address by people who sign in, follow a link or forgot a password, and 10 times as many from one network (IPv4 /24, IPv6 /48); 0 for no bound. Requests of people who are signed in are not counted."`
	PageCache             ByteSize `default:"64MiB" help:"Memory for rendered pages."`
}

type auditConfig struct {
	Keep         Span `default:"0s" help:"How long entries stay in the record of what was done and refused; 0s for ever."`
	KeepRefusals Span `default:"2160h" help:"How long entries of refusals stay, which strangers cause too, if that is shorter; 0s for as long as the others."`
}
