package config

import (
	"errors"
	"net/url"

	"github.com/alecthomas/kong"
)

// KongOptions lets kong fill in Config from the command line, the environment and a file. Only the help of serve shows
// all settings.
func KongOptions() kong.Option {
	return kong.OptionFunc(func(k *kong.Kong) error {
		o := new(origins)
		for _, o := range []kong.Option{
			kong.Help(shortHelp), kong.PostBuild(nameSettings), kong.WithBeforeResolve(o.read),
		} {
			if err := o.Apply(k); err != nil {
				return err
			}
		}
		return nil
	})
}

// isSetting reports whether a flag is a field of Config.
func isSetting(f *kong.Flag) bool { return f.Group != nil && f.Group.Key == "settings" }

// nameSettings puts the flags of settings into a group of their own.
func nameSettings(k *kong.Kong) error {
	group := &kong.Group{Key: "settings", Title: "Settings (also INDEX_… in the environment, and keys of --config):"}
	for _, f := range k.Model.Flags {
		if f.Name != "help" && f.Name != "version" {
			f.Group = group
		}
	}
	return nil
}

// variable returns the environment variable of a setting: INDEX_ and the name of its flag.
func variable(f *kong.Flag) string { return variableOf(tomlKey(f.Name)) }

// showVariables adds the environment variables to the flags of settings, for help. Kong must not know them while it
// parses, because to kong an empty variable is a value.
func showVariables(app *kong.Application) {
	for _, f := range app.Flags {
		if isSetting(f) {
			f.Envs, f.Tag.Envs = []string{variable(f)}, []string{variable(f)}
		}
	}
}

// SecretsOnCommandLine returns an error if the command line, which every user of the machine can read, has a password.
func SecretsOnCommandLine(ctx *kong.Context) error {
	for _, p := range ctx.Path {
		if p.Flag == nil || p.Resolved || p.Flag.Name != "database-url" {
			continue
		}
		if text, _ := ctx.FlagValue(p.Flag).(string); hasPassword(text) {
			return errors.New(
				"database.url: every user of this machine can read a password on the command line: use --database-url-file or INDEX_DATABASE_URL",
			)
		}
	}
	return nil
}

// hasPassword reports whether a database URL has a password, in the user part or as a parameter.
func hasPassword(text string) bool {
	u, err := url.Parse(text)
	if err != nil {
		return false
	}
	_, inUser := u.User.Password()
	return inUser || u.Query().Has("password") || u.Query().Has("sslpassword")
}

// shortHelp prints the help, with most settings hidden unless the command is serve.
func shortHelp(o kong.HelpOptions, ctx *kong.Context) error {
	showVariables(ctx.Model)
	o.NoExpandSubcommands = ctx.Selected() == nil // a page of commands is enough to begin with
	if at := ctx.Selected(); at == nil || at.Name != "serve" {
		for _, f := range ctx.Model.Flags {
			f.Hidden = isSetting(f) && f.Name != "config" && f.Name != "data-dir"
		}
	}
	if at := ctx.Selected(); at != nil && at.DefaultCmd != nil {
		at.Flags = append(at.Flags, at.DefaultCmd.Flags...) // they are accepted without its name
	}
	return kong.DefaultHelpPrinter(o, ctx)
}
