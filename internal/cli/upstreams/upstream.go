// Package upstreams has the commands about upstreams: indexes of other parties that repositories draw on.
package upstreams

import (
	"errors"
	"fmt"
	"strings"

	"pyindex/internal/app"
	"pyindex/internal/cli"
	"pyindex/internal/fault"
	"pyindex/internal/terminal"
	"pyindex/internal/upstream"
)

// Upstream has the commands about upstreams.
type Upstream struct {
	Add    addCmd    `cmd:"" help:"Add an upstream, on which repositories can draw."`
	List   listCmd   `cmd:"" help:"List the upstreams."`
	Set    setCmd    `cmd:"" help:"Change settings of an upstream."`
	Check  checkCmd  `cmd:"" help:"Ask an upstream and show what it offers: format, digests, sizes, times, metadata, ranges."`
	Fetch  fetchCmd  `cmd:"" help:"Fetch and keep the files that lock files name, before the first installation needs them."`
	Pack   packCmd   `cmd:"" help:"Write a pack of the pages and files that lock files name, for an index without a network."`
	Unpack unpackCmd `cmd:"" help:"Take over the pages and files of a pack."`
	Accept acceptCmd `cmd:"" help:"Accept other content of a file that an upstream replaced."`
	Return returnCmd `cmd:"" name:"accept-return" help:"Accept that a project, which was gone from an upstream, came back with none of its old files."`
	Remove removeCmd `cmd:"" help:"Remove an upstream that is no base of a repository."`
}

type addCmd struct {
	Name string `arg:"" help:"Name: lower-case letters, digits and '-'. It is part of the URLs of files."`
	flags
	terminal.Listing
}

// Run adds the upstream.
func (c *addCmd) Run(s *cli.Session) error {
	u := upstream.Default()
	u.Name = c.Name
	if _, err := c.apply(&u); err != nil {
		return asFlag(err)
	}
	return s.With(func(a *app.App) error {
		if err := a.Upstreams.Add(s.Ctx, a.Operator, u); err != nil {
			return asFlag(err)
		}
		return report(s, a, c.Listing, c.Name, fmt.Sprintf(
			"upstream %s was added: a repository draws on it as upstream:%[1]s, for example with index repository set main --base upstream:%[1]s", u.Name))
	})
}

// asFlag returns an error about a setting under the name of its flag.
func asFlag(err error) error {
	key := fault.FieldOf(err)
	if key == "" {
		return err
	}
	text := strings.TrimPrefix(fault.Message(err), key+": ")
	return fmt.Errorf("--%s: %w", strings.ReplaceAll(key, "_", "-"),
		errors.New(strings.ReplaceAll(text, "set allow_private", "add --allow-private")))
}

// report prints a line about an upstream, or its settings as JSON.
func report(s *cli.Session, a *app.App, l terminal.Listing, name, text string) error {
	u, err := a.Upstreams.Show(s.Ctx, a.Operator, name)
	if err != nil {
		return err
	}
	return l.Report(s.Out, rowOf(u), text)
}

type setCmd struct {
	Name    string `arg:""`
	NoAllow bool   `help:"Remove the patterns of --allow."`
	NoDeny  bool   `help:"Remove the patterns of --deny."`
	Open    bool   `help:"Remove the credential and the client certificate."`
	flags
	terminal.Listing
}

// Run changes the given settings.
func (c *setCmd) Run(s *cli.Session) error {
	scratch := upstream.Default()
	n, err := c.apply(&scratch)
	if err != nil {
		return asFlag(err)
	}
	if n == 0 && !c.NoAllow && !c.NoDeny && !c.Open {
		return fault.New(fault.Invalid, "nothing to change: index upstream set --help shows the settings")
	}
	return s.With(func(a *app.App) error {
		changed, err := a.Upstreams.Set(s.Ctx, a.Operator, c.Name, func(u *upstream.Upstream) error {
			if c.NoAllow {
				u.Allow = nil
			}
			if c.NoDeny {
				u.Deny = nil
			}
			if c.Open {
				*u = u.WithoutCredential()
			}
			_, err := c.apply(u)
			return err
		})
		if err != nil {
			return asFlag(err)
		}
		text := fmt.Sprintf("upstream %s was changed", c.Name)
		if changed.Dropped {
			text += "; its URL has another origin now, so its credential was removed: set it again if the new server may have it"
		}
		if changed.Dropped && c.JSON {
			fmt.Fprintln(s.Errs, "warning: "+text)
		}
		return report(s, a, c.Listing, c.Name, text)
	})
}

type removeCmd struct {
	Name string `arg:""`
	terminal.Listing
}

// Run removes the upstream.
func (c *removeCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error {
		if err := a.Upstreams.Remove(s.Ctx, a.Operator, c.Name); err != nil {
			return err
		}
		return c.Report(s.Out, removed{c.Name}, fmt.Sprintf("upstream %s was removed", c.Name))
	})
}

type removed struct {
	Name string `json:"name"`
}

type listCmd struct{ terminal.Listing }

// upstreamRow is an upstream in JSON, with the keys of the configuration file.
type upstreamRow struct {
	Name                 string          `json:"name"`
	URL                  string          `json:"url"`
	Kind                 string          `json:"kind"`
	Probe                string          `json:"probe"`
	Names                string          `json:"names"`
	Allow                []string        `json:"allow"`
	Deny                 []string        `json:"deny"`
	ArtifactBase         string          `json:"artifact_base"`
	TrustTimes           bool            `json:"trust_times"`
	AllowPrivate         bool            `json:"allow_private"`
	Username             string          `json:"username"`
	PasswordFile         string          `json:"password_file"`
	TokenFile            string          `json:"token_file"`
	IdentityAudience     string          `json:"identity_audience"`
	IdentityTokenFile    string          `json:"identity_token_file"`
	CAFile               string          `json:"ca_file"`
	ClientCert           string          `json:"client_cert"`
	ClientKey            string          `json:"client_key"`
	Proxy                string          `json:"proxy"` // without a password
	TTL                  string          `json:"ttl"`
	NegativeTTL          string          `json:"negative_ttl"`
	StaleWhileRevalidate string          `json:"stale_while_revalidate"`
	StaleIfError         string          `json:"stale_if_error"`
	Declared             bool            `json:"declared"`     // by the configuration of the server
	Repositories         []string        `json:"repositories"` // that draw on it
	Created              terminal.Moment `json:"created"`
}

func rowOf(u upstream.Listed) upstreamRow {
	return upstreamRow{
		Name: u.Name, URL: u.URL, Kind: string(u.Kind), Probe: u.Probe, Names: u.Names,
		Allow: terminal.NotNil(u.Allow), Deny: terminal.NotNil(u.Deny), ArtifactBase: u.ArtifactBase,
		TrustTimes: u.TrustTimes, AllowPrivate: u.AllowPrivate, Username: u.Username, PasswordFile: u.PasswordFile,
		TokenFile: u.TokenFile, IdentityAudience: u.IdentityAudience, IdentityTokenFile: u.IdentityTokenFile,
		CAFile: u.CAFile, ClientCert: u.ClientCert, ClientKey: u.ClientKey, Proxy: u.Text("proxy"),
		TTL: u.Text("ttl"), NegativeTTL: u.Text("negative_ttl"),
		StaleWhileRevalidate: u.Text("stale_while_revalidate"), StaleIfError: u.Text("stale_if_error"),
		Declared: u.Declared, Repositories: terminal.NotNil(u.Repositories), Created: terminal.Moment(u.CreatedAt),
	}
}

// Run lists the upstreams.
func (c *listCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error {
		all, err := a.Upstreams.List(s.Ctx, a.Operator)
		if err != nil {
			return err
		}
		var list []upstreamRow
		var rows [][]string
		for _, u := range all {
			r := rowOf(u)
			list = append(list, r)
			names := r.Names
			if len(r.Allow) > 0 {
				names = "listed"
			}
			set := "command"
			if r.Declared {
				set = "configuration"
			}
			rows = append(rows, []string{
				r.Name, r.URL, r.Kind, names, strings.Join(r.Repositories, ", "), u.Credential(), set, r.Created.String(),
			})
		}
		return c.Write(s.Out, terminal.NotNil(list),
			[]string{"NAME", "URL", "KIND", "NAMES", "BASE OF", "CREDENTIAL", "SET BY", "CREATED"}, rows)
	})
}
