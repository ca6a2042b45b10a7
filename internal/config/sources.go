package config

import (
	"errors"
	"net/url"
	"strings"

	"github.com/alecthomas/kong"
)

// KongOptions lets kong fill in Config from the command line, the environment and a file. Help shows most settings for
// serve alone.
func KongOptions() kong.Option {
	return kong.OptionFunc(func(k *kong.Kong) error {
		for _, o := range []kong.Option{kong.Help(shortHelp), kong.PostBuild(nameSettings)} {
			if err := o.Apply(k); err != nil {
				return err
			}
		}
		return nil
	})
}

// isSetting reports whether a flag of the program is one of Config.
func isSetting(f *kong.Flag) bool { return f.Group != nil && f.Group.Key == "settings" }

// nameSettings gives each setting its variable, INDEX_ and the flag's name; flags of commands have none.
func nameSettings(k *kong.Kong) error {
	group := &kong.Group{Key: "settings", Title: "Settings (also INDEX_… in the environment, and keys of --config):"}
	for _, f := range k.Model.Flags {
		if f.Name == "help" {
			continue
		}
		env := "INDEX_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		f.Group, f.Envs, f.Tag.Envs = group, []string{env}, []string{env}
	}
	return nil
}

// SecretsOnCommandLine refuses a password where every user of the machine can read it.
func SecretsOnCommandLine(ctx *kong.Context) error {
	for _, p := range ctx.Path {
		if p.Flag == nil || p.Resolved || p.Flag.Name != "database-url" {
			continue
		}
		if text, _ := ctx.FlagValue(p.Flag).(string); hasPassword(text) {
			return errors.New(
				"database.url: a password on the command line can be read by everybody on this machine: use --database-url-file or INDEX_DATABASE_URL",
			)
		}
	}
	return nil
}

// hasPassword reports whether a database URL holds a password, in the user part or as a parameter.
func hasPassword(text string) bool {
	u, err := url.Parse(text)
	if err != nil {
		return false
	}
	_, inUser := u.User.Password()
	return inUser || u.Query().Has("password") || u.Query().Has("sslpassword")
}

// shortHelp hides settings from the help of commands which seldom need them.
func shortHelp(o kong.HelpOptions, ctx *kong.Context) error {
	if at := ctx.Selected(); at == nil || at.Name != "serve" {
		for _, f := range ctx.Model.Flags {
			f.Hidden = isSetting(f) && f.Name != "config" && f.Name != "data-dir"
		}
	}
	if at := ctx.Selected(); at != nil && at.DefaultCmd != nil {
		at.Flags = append(at.Flags, at.DefaultCmd.Flags...) // they work without its name
	}
	return kong.DefaultHelpPrinter(o, ctx)
}
