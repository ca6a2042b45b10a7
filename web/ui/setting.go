package ui

import "strings"

// Setting is one effective server setting. Callers must redact secrets before building it.
type Setting struct {
	Name, Value string
	From        string // "default", "file", "environment" or "flag"
	Help        string
	Default     string
	NoDefault   string // what a page shows in place of an empty Default; "" if Help explains it
}

// Changed reports whether the setting has a value of its own that is not the default.
func (s Setting) Changed() bool { return s.From != "default" && s.Value != s.Default }

// SettingGroup are the settings of one table of the configuration file.
type SettingGroup struct {
	Table    string // such as "access", or "" for the settings before the first table
	Title    string
	Settings []Setting
}

// ID returns the id of the group's heading.
func (g SettingGroup) ID() string { return "settings-" + g.Table }

// settingTitles are the titles of the tables whose name does not explain itself.
var settingTitles = map[string]string{
	"": "Server", "oidc": "Trusted publishing", "upload": "Uploads", "leaks": "Leaked tokens", "sso": "Single sign-on",
	"mail": "E-mail", "audit": "Audit log",
}

// GroupSettings groups settings by the tables of the configuration file, in the order of their first settings.
func GroupSettings(all []Setting) []SettingGroup {
	var groups []SettingGroup
	at := map[string]int{}
	for _, s := range all {
		table, _, ok := strings.Cut(s.Name, ".")
		if !ok {
			table = ""
		}
		if _, known := at[table]; !known {
			title := settingTitles[table]
			if title == "" {
				title = strings.ToUpper(table[:1]) + table[1:]
			}
			at[table] = len(groups)
			groups = append(groups, SettingGroup{Table: table, Title: title})
		}
		g := &groups[at[table]]
		g.Settings = append(g.Settings, s)
	}
	return groups
}
