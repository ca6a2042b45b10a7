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

// minSignOnLife keeps people from being sent to the provider all the time.
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
		return errors.New("sso.client_id: the provider knows this index by an id, which is missing")
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

// groups are the provider's groups and those of this index that their members are put into, nil for none.
func (c ssoConfig) groups() (map[string]string, error) {
	if len(c.Groups) == 0 {
		return nil, nil
	}
	out := map[string]string{}
	for _, pair := range c.Groups {
		theirs, ours, ok := strings.Cut(pair, "=")
		if !ok || theirs == "" || ours == "" {
			return nil, fmt.Errorf("sso.groups: %q is not THEIRS=OURS", pair)
		}
		out[theirs] = ours
	}
	return out, nil
}

func (c ssoConfig) secret() (string, error) {
	if c.ClientSecretFile == "" {
		return "", nil
	}
	return readSecret("sso.client_secret_file", c.ClientSecretFile)
}

// SignOn is the provider of single sign-on, nil for none.
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
		log.Info("sso.groups is empty: groups of the provider of single sign-on make nobody a member of a group here")
	}
	return signon.New(o), nil
}

type ssoConfig struct {
	Issuer           string   `placeholder:"URL" help:"OpenID provider that signs people in (default: none)."`
	Name             string   `default:"single sign-on" help:"What people call it, on the button."`
	ClientID         string   `name:"client-id" placeholder:"ID" help:"This index at the provider; the way back is /login/sso/callback."`
	ClientSecretFile string   `placeholder:"FILE" help:"File with the client's secret."`
	Scopes           []string `default:"profile,email" help:"Scopes to ask for beside openid."`
	NameClaim        string   `default:"preferred_username" help:"Claim that becomes the user name."`
	GroupsClaim      string   `default:"groups" help:"Claim that lists a person's groups."`
	Groups           []string `placeholder:"THEIRS=OURS" help:"Groups of the provider and those of this index that their members are put into; others are left out (default: none)."`
	AdminGroup       string   `placeholder:"GROUP" help:"Group of the provider whose members administer this index; others do not."`
	RequireGroups    []string `placeholder:"GROUP" help:"Only members of one of these groups of the provider come in."`
	SessionLife      Span     `default:"12h" help:"How long a session lasts that began at the provider: after it the provider is asked again, and groups that were lost there are noticed."`
	CreateUsers      bool     `default:"true" negatable:"" help:"Whether who comes for the first time gets an account."`
}
