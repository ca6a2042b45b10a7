package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/signon"
)

// minSignOnLife prevents users from being redirected to the provider all the time.
const minSignOnLife = 5 * time.Minute

func (c *Config) checkSSO() error {
	if c.SSO.Issuer == "" {
		if c.SSO.ClientID != "" || c.SSO.ClientSecretFile != "" {
			return errors.New("sso.issuer: the provider's URL is missing")
		}
		return nil
	}
	u, err := url.Parse(c.SSO.Issuer)
	if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !Loopback(u.Hostname())) ||
		u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("sso.issuer: %q is not an https URL", c.SSO.Issuer)
	}
	if c.SSO.ClientID == "" {
		return errors.New("sso.client_id: the client ID of this index at the provider is missing")
	}
	if d := time.Duration(c.SSO.SessionLife); d < minSignOnLife || d > access.SessionLifetime {
		return fmt.Errorf("sso.session_life: %v is not between %v and %s", d, minSignOnLife,
			access.Days(access.SessionLifetime))
	}
	if _, err = c.SSO.groups(); err != nil {
		return err
	}
	_, err = c.SSO.secret()
	return err
}

// groups returns the groups of this index by the provider's group, or nil if none are configured. The provider's name
// may contain "=", as CN=devs,DC=acme does; names of this index do not.
func (c ssoConfig) groups() (map[string]string, error) {
	if len(c.Groups) == 0 {
		return nil, nil
	}
	out := map[string]string{}
	for _, pair := range c.Groups {
		i := strings.LastIndexByte(pair, '=')
		if i < 1 || i == len(pair)-1 {
			return nil, fmt.Errorf("sso.groups: %q is not THEIRS=OURS", pair)
		}
		out[pair[:i]] = pair[i+1:]
	}
	return out, nil
}

func (c ssoConfig) secret() (string, error) {
	if c.ClientSecretFile == "" {
		return "", nil
	}
	return readSecret("sso.client_secret_file", c.ClientSecretFile)
}

// SignOn returns the provider of single sign-on, or nil if none is configured.
func (c *Config) SignOn(base *url.URL, log *slog.Logger) (*signon.Provider, error) {
	if c.SSO.Issuer == "" {
		return nil, nil
	}
	secret, err := c.SSO.secret()
	if err != nil {
		return nil, err
	}
	o := signon.Options{
		Issuer: c.SSO.Issuer, ClientID: c.SSO.ClientID, ClientSecret: secret,
		Redirect: strings.TrimSuffix(base.String(), "/") + "/login/sso/callback",
		Scopes:   c.SSO.Scopes, NameClaim: c.SSO.NameClaim, GroupsClaim: c.SSO.GroupsClaim, Admins: c.SSO.AdminGroup,
		Required: c.SSO.RequireGroups,
	}
	if o.Groups, err = c.SSO.groups(); err != nil {
		return nil, err
	}
	if o.Log = log; len(o.Groups) == 0 {
		log.Info("sso.groups is empty: groups of the single sign-on provider are not mapped to groups of this index")
	}
	return signon.New(o), nil
}

type ssoConfig struct {
	Issuer           string   `placeholder:"URL" help:"OpenID Connect provider for single sign-on (default: none)."`
	Name             string   `default:"single sign-on" help:"Name of the provider on the sign-in button."`
	ClientID         string   `name:"client-id" placeholder:"ID" help:"Client ID of this index at the provider. Register /login/sso/callback as the redirect URI."`
	ClientSecretFile string   `placeholder:"FILE" help:"File with the client secret."`
	Scopes           []string `default:"profile,email" help:"Scopes to request in addition to openid."`
	NameClaim        string   `default:"preferred_username" help:"Claim with the user name for a new account."`
	GroupsClaim      string   `default:"groups" help:"Claim with the user's groups."`
	Groups           []string `placeholder:"THEIRS=OURS" help:"Maps groups of the provider to groups of this index. Groups that are not listed are ignored (default: none)."`
	AdminGroup       string   `placeholder:"GROUP" help:"Group of the provider whose members are administrators of this index. Other users of the provider are not."`
	RequireGroups    []string `placeholder:"GROUP" help:"Allow only members of one of these groups of the provider to sign in."`
	SessionLife      Span     `default:"12h" help:"Lifetime of single sign-on sessions. The user then signs in at the provider again, and changes of groups take effect."`
	CreateUsers      bool     `default:"true" negatable:"" help:"Create an account on a user's first sign-in."`
}
