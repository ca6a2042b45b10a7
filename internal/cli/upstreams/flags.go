package upstreams

import (
	"errors"
	"io/fs"
	"net/url"
	"os"
	"reflect"
	"strings"

	"pyindex/internal/fault"
	"pyindex/internal/terminal"
	"pyindex/internal/upstream"
)

// flags are the settings of an upstream. The flag of a setting is its key with dashes.
type flags struct {
	URL          *string  `name:"url" placeholder:"URL" help:"Simple root of the upstream, used literally, such as https://HOST/simple/."`
	Kind         *string  `placeholder:"KIND" help:"public (the default): its names may belong to anyone; private: its names are your own, and no public upstream is asked about them."`
	Probe        *string  `placeholder:"PROJECT" help:"Project that a private upstream certainly has: only while it answers for this one does a missing project count as missing."`
	Names        *string  `placeholder:"any|listed" help:"Names that the upstream is asked for: any (the default), or those of --allow only, which it then owns."`
	Allow        []string `placeholder:"PATTERN" sep:"none" help:"Name, prefix such as \"acme-*\", or \"re:\" with a regular expression, that the upstream may be asked for. Repeatable."`
	Deny         []string `placeholder:"PATTERN" sep:"none" help:"Name, prefix or \"re:\" with a regular expression that it is never asked for. Repeatable."`
	ArtifactBase *string  `placeholder:"URL" help:"URL prefix of its files, if they have an unusual layout."`
	TrustTimes   *bool    `negatable:"" help:"Believe its upload times (the default)."`
	AllowPrivate *bool    `negatable:"" help:"Allow plain http, and addresses of this machine and of private networks."`

	Username          *string `placeholder:"U" help:"User name for the upstream, with --password-file."`
	PasswordFile      *string `placeholder:"FILE" help:"File with the password. The server reads it."`
	TokenFile         *string `placeholder:"FILE" help:"File with a bearer token. The server reads it."`
	IdentityAudience  *string `placeholder:"A" help:"Audience of the identity token that is exchanged at another Index, with --identity-token-file."`
	IdentityTokenFile *string `placeholder:"FILE" help:"File with the identity token that the platform gives the server."`

	CAFile     *string `name:"ca-file" placeholder:"FILE" help:"Certificates of the authorities for the upstream, in PEM (default: those of the system)."`
	ClientCert *string `placeholder:"FILE" help:"Client certificate in PEM, with --client-key."`
	ClientKey  *string `placeholder:"FILE" help:"Private key of the client certificate in PEM."`
	Proxy      *string `placeholder:"URL" help:"Egress proxy, such as http://HOST:3128."`

	TTL                  *string `name:"ttl" placeholder:"D" help:"How long a page is used without asking again (10m)."`
	NegativeTTL          *string `name:"negative-ttl" placeholder:"D" help:"How long a missing project is (1m)."`
	StaleWhileRevalidate *string `placeholder:"D" help:"How much older a page may be while a newer one is fetched (1h)."`
	StaleIfError         *string `placeholder:"D" help:"How much older a page may be while the upstream fails (7d)."`
}

// fileKeys are the keys of files that the server reads. Their paths are made absolute, because the server may run in
// another folder.
var fileKeys = map[string]bool{
	"password_file": true, "token_file": true, "identity_token_file": true, "ca_file": true, "client_cert": true,
	"client_key": true,
}

// apply sets the settings whose flags were given, and returns how many there are.
func (f *flags) apply(u *upstream.Upstream) (n int, err error) {
	v := reflect.ValueOf(f).Elem()
	for i := range v.NumField() {
		value, ok := given(v.Field(i))
		if !ok {
			continue
		}
		n++
		key := keyOf(v.Type().Field(i))
		if text, ok := value.(string); ok && fileKeys[key] && text != "" {
			value = terminal.Absolute(text)
			if _, err := os.Stat(value.(string)); errors.Is(err, fs.ErrNotExist) && key != "identity_token_file" {
				return n, fault.InField(key, "%s: there is no file %s", key, value)
			}
		}
		if err := u.Set(key, value); err != nil {
			return n, err
		}
	}
	return n, f.checkProxy()
}

// given returns the value of a flag, or false if it was not given.
func given(field reflect.Value) (any, bool) {
	if field.IsNil() {
		return nil, false
	}
	if field.Kind() == reflect.Pointer {
		return field.Elem().Interface(), true
	}
	return field.Interface(), true
}

// keyOf returns the key of a setting by the field of its flag, such as "stale_if_error" for StaleIfError.
func keyOf(f reflect.StructField) string {
	if name := f.Tag.Get("name"); name != "" {
		return strings.ReplaceAll(name, "-", "_")
	}
	var b strings.Builder
	for i, c := range f.Name {
		if i > 0 && c >= 'A' && c <= 'Z' {
			b.WriteByte('_')
		}
		b.WriteRune(c)
	}
	return strings.ToLower(b.String())
}

// checkProxy refuses a password on the command line, which every user of the machine can read.
func (f *flags) checkProxy() error {
	if f.Proxy == nil {
		return nil
	}
	at, err := url.Parse(*f.Proxy)
	if err != nil {
		return nil // Check reports it
	}
	if _, secret := at.User.Password(); secret {
		return fault.New(fault.Invalid, "proxy: every user of this machine can read a password on the command line: put the"+
			" upstream into the configuration file")
	}
	return nil
}
