// Package auditlog puts entries of the audit log into words.
//
// It reads nothing: the caller gets the entries from package catalog, which decides what may be seen.
package auditlog

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/web/ui"
)

// deed says what an action is: as what somebody did, and as what somebody wanted to do. Each is completed by what it is
// about.
type deed struct{ did, wanted string }

// deeds are the actions that there are words for. %s stands for what it is about.
var deeds = map[string]deed{
	"file.add":                  {"uploaded %s", "upload %s"},
	"file.yank":                 {"yanked %s", "yank %s"},
	"file.unyank":               {"unyanked %s", "unyank %s"},
	"file.delete":               {"deleted %s", "delete %s"},
	"file.quarantine":           {"put %s into quarantine", "put %s into quarantine"},
	"file.release":              {"released %s from quarantine", "release %s from quarantine"},
	"lockout.user":              {"locked the account %s out", "lock the account %s out"},
	"lockout.publisher":         {"locked a publisher out", "lock a publisher out"},
	"lockout.token":             {"locked a token out", "lock a token out"},
	"release.yank":              {"yanked %s", "yank %s"},
	"release.unyank":            {"unyanked %s", "unyank %s"},
	"release.delete":            {"deleted %s", "delete %s"},
	"project.create":            {"made the project %s", "make the project %s"},
	"project.delete":            {"deleted the project %s", "delete the project %s"},
	"name.release":              {"released the name %s", "release the name %s"},
	"project.status":            {"changed the status of %s", "change the status of %s"},
	"project.trusted-only":      {"changed who may upload to %s", "change who may upload to %s"},
	"project.limits":            {"changed the limits of %s", "change the limits of %s"},
	"grant.add":                 {"gave a role in %s", "give a role in %s"},
	"grant.remove":              {"took a role in %s away", "take a role in %s away"},
	"grant.leave":               {"left %s", "leave %s"},
	"publisher.add":             {"added a publisher to %s", "add a publisher to %s"},
	"publisher.remove":          {"removed a publisher from %s", "remove a publisher from %s"},
	"publisher.pin":             {"pinned a publisher of %s to its owner's account", "pin a publisher of %s"},
	"publisher.exchange":        {"got an upload token for %s", "get an upload token for %s"},
	"publisher.add-pending":     {"registered a pending publisher for %s", "register a pending publisher for %s"},
	"publisher.remove-pending":  {"removed a pending publisher for %s", "remove a pending publisher for %s"},
	"publisher.pending-expired": {"let a pending publisher for %s expire", "let a pending publisher for %s expire"},
	"publisher.pending-taken": {
		"took the name of the pending publisher for %s", "take the name of the pending publisher for %s",
	},
	"reader.add":    {"let a workflow read %s", "let a workflow read %s"},
	"reader.remove": {"let a workflow read %s no more", "remove a reader of %s"},
	"reader.pin":    {"pinned a reader of %s to its owner's account", "pin a reader of %s"},
	"token.used-beside-publishers": {
		"uploaded to %s with an API token, though it has trusted publishers", "upload to %s with an API token",
	},
	"token.create":            {"made an API token", "make an API token"},
	"token.revoke":            {"revoked an API token", "revoke an API token"},
	"token.burn":              {"gave a minted token back", "give a minted token back"},
	"token.leaked":            {"reported a leaked API token, which is revoked", "report a leaked API token"},
	"user.add":                {"made the account %s", "make the account %s"},
	"user.disable":            {"disabled the account %s", "disable the account %s"},
	"user.enable":             {"enabled the account %s", "enable the account %s"},
	"user.admin":              {"changed whether %s is an administrator", "change whether %s is an administrator"},
	"user.invite":             {"made an invitation", "make an invitation"},
	"user.revoke-invitation":  {"revoked an invitation", "revoke an invitation"},
	"user.approve-invitation": {"approved an invitation", "approve an invitation"},
	"user.refuse-invitation":  {"refused an invitation", "refuse an invitation"},
	"user.accept":             {"made the account %s by a link", "make an account by a link"},
	"user.forgot": {
		"asked for a link by which %s chooses a new password", "ask for a link for the password of %s",
	},
	"user.reset-link":         {"made a link by which %s chooses a new password", "make a link for the password of %s"},
	"user.remove-factors":     {"removed the second factors of %s", "remove the second factors of %s"},
	"user.reset":              {"chose a new password by a link", "choose a new password by a link"},
	"account.profile":         {"changed their profile", "change their profile"},
	"account.password":        {"changed their password", "change their password"},
	"account.totp-begin":      {"began to set up an authenticator", "set up an authenticator"},
	"account.totp":            {"set up an authenticator", "set up an authenticator"},
	"account.totp-remove":     {"removed their authenticator", "remove their authenticator"},
	"account.recovery":        {"made new recovery codes", "make new recovery codes"},
	"account.passkey-add":     {"added a passkey", "add a passkey"},
	"account.link-identity":   {"linked an identity of single sign-on", "link an identity of single sign-on"},
	"account.unlink-identity": {"unlinked an identity of single sign-on", "unlink an identity of single sign-on"},
	"user.unlink-identity":    {"unlinked an identity of %s", "unlink an identity of %s"},
	"account.passkey-remove":  {"removed a passkey", "remove a passkey"},
	"group.add":               {"made the group %s", "make the group %s"},
	"group.remove":            {"removed the group %s", "remove the group %s"},
	"group.add-member":        {"added somebody to the group %s", "add somebody to the group %s"},
	"group.remove-member":     {"took somebody out of the group %s", "take somebody out of the group %s"},
	"group.sync":              {"has other groups, by the single sign-on", "have other groups"},
	"repository.change":       {"changed the repository %s", "change the repository %s"},
	"repository.add":          {"made the repository %s", "make the repository %s"},
	"repository.remove":       {"removed the repository %s", "remove the repository %s"},
	"session.begin":           {"signed in", "sign in"},
	"session.end":             {"signed out", "sign out"},
	"session.end-others":      {"signed out everywhere else", "sign out everywhere else"},
	"session.end-all":         {"ended all sessions of %s", "end all sessions of %s"},
	"session.refuse":          {"signed in", "sign in"},
	"session.confirm":         {"confirmed who they are", "confirm who they are"},
	"account.codes-guessed":   {"guessed codes of %s", "sign in as %s with ten wrong codes in a row"},
}

// actorWords names who asked.
func actorWords(a audit.Actor) string {
	switch access.Kind(a.Kind) {
	case access.KindOperator:
		return strings.TrimSpace("The operator " + a.Name)
	case access.KindPublisher, access.KindReader:
		if a.Name != "" {
			first, n := utf8.DecodeRuneInString(a.Name)
			return string(unicode.ToUpper(first)) + a.Name[n:] // "workflow release.yml in …" begins the sentence
		}
	case access.KindUser:
		if a.Name != "" {
			return a.Name
		}
	}
	return "Somebody unknown"
}

// subjectWords names what an entry is about: the narrowest that it names.
func subjectWords(e audit.Entry) string {
	switch {
	case e.Filename != "":
		return e.Filename
	case e.Version != "":
		return strings.TrimSpace(e.Project + " " + e.Version)
	case e.Project != "":
		return e.Project
	case e.Subject != "":
		return e.Subject
	}
	return "this index"
}

// sentence says an entry of the record: who did what, or what was refused to whom and why.
func sentence(e audit.Entry) string {
	d, ok := deeds[e.Action]
	if !ok {
		d = deed{"did " + e.Action + " to %s", "do " + e.Action + " to %s"}
	}
	who, about := actorWords(e.Actor), subjectWords(e)
	complete := func(words string) string { return strings.ReplaceAll(words, "%s", about) }
	if e.Outcome != audit.Refused {
		return who + " " + cmp.Or(particular(e, about), complete(d.did)) + because(e)
	}
	return who + " wanted to " + complete(d.wanted) + " and was refused" + often(e) + because(e)
}

// often is how many times within a minute, for an entry that stands for several.
func often(e audit.Entry) string {
	if e.More == 0 {
		return ""
	}
	return fmt.Sprintf(" %d times within a minute", e.More+1)
}

// because is the reason of an entry, where it has one.
func because(e audit.Entry) string {
	if reason := detailText(e.Detail, "reason"); reason != "" {
		return ": " + ui.Cut(200, reason)
	}
	return "."
}

// particular says what an entry's details make more telling than its action, "" for the others.
func particular(e audit.Entry, about string) string {
	text := func(name string) string { return detailText(e.Detail, name) }
	switch e.Action {
	case "project.create":
		if day, _, ok := strings.Cut(text("earlier_project_deleted_at"), "T"); ok {
			return "made the project " + about + " again: an earlier one of this name was deleted on " + day
		}
	case "project.status":
		return map[string]string{
			"active": "made " + about + " active again", "archived": "archived " + about,
			"deprecated": "deprecated " + about, "quarantined": "put " + about + " into quarantine",
		}[text("status")]
	case "project.trusted-only":
		if text("on") == "true" {
			return "let only trusted publishers upload to " + about
		}
		return "let people and API tokens upload to " + about + " again"
	case "grant.add":
		return "gave " + granted(e) + " the role " + text("role") + " in " + about
	case "grant.remove":
		return "took the role of " + granted(e) + " in " + about + " away"
	case "group.add-member":
		return "added " + text("user") + " to the group " + about
	case "group.remove-member":
		return "took " + text("user") + " out of the group " + about
	case "publisher.add", "publisher.remove", "publisher.pin":
		return publisherWords(e.Action, text("publisher"), about)
	}
	return ""
}

// granted is who got or lost a role.
func granted(e audit.Entry) string {
	if group := detailText(e.Detail, "group"); group != "" {
		return "the group " + group
	}
	return detailText(e.Detail, "user")
}

func publisherWords(action, publisher, about string) string {
	if publisher == "" {
		return ""
	}
	return map[string]string{
		"publisher.add":    "let this publish " + about + ": " + publisher,
		"publisher.remove": "let this publish " + about + " no more: " + publisher,
		"publisher.pin":    "pinned to its owner's account: " + publisher,
	}[action]
}

// detailText is a detail as text, "" where there is none.
func detailText(d map[string]any, name string) string {
	switch v := d[name].(type) {
	case string:
		return v
	case bool, json.Number, float64:
		return fmt.Sprint(v)
	}
	return ""
}

// How many details of an entry are shown, and how long each may be.
const (
	maxDetails = 80
	maxDetail  = 300
)

// detailLines writes the details of an entry, one a line, by name; what is inside of others has their name before it.
func detailLines(e audit.Entry) string {
	var b strings.Builder
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s: %s\n", name, ui.Cut(maxDetail, strings.Join(strings.Fields(value), " ")))
		}
	}
	line("action", e.Action)
	line("time", e.At.UTC().Format("2006-01-02 15:04:05.000000 UTC"))
	line("token", e.Actor.TokenID)
	line("address", e.Actor.Address)
	line("request", e.Actor.RequestID)
	line("subject", e.Subject)
	n := 0
	var walk func(prefix string, d map[string]any)
	walk = func(prefix string, d map[string]any) {
		for _, name := range slices.Sorted(maps.Keys(d)) {
			if inner, ok := d[name].(map[string]any); ok {
				if name == "uploader" { // who that is the entry says; its claims are what is of interest
					walk(prefix, inner)
				} else {
					walk(prefix+name+".", inner)
				}
				continue
			}
			if n++; n <= maxDetails {
				line(prefix+name, valueText(d[name]))
			}
		}
	}
	walk("", e.Detail)
	if n > maxDetails {
		fmt.Fprintf(&b, "and %s more\n", ui.Count(n-maxDetails))
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func valueText(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case []any:
		all := make([]string, len(v))
		for i, x := range v {
			all[i] = valueText(x)
		}
		return strings.Join(all, ", ")
	case map[string]any:
		b, err := json.Marshal(v)
		if err != nil {
			return ""
		}
		return string(b)
	}
	return fmt.Sprint(v)
}

// KnownActions returns all actions that have a sentence, sorted.
func KnownActions() []string { return slices.Sorted(maps.Keys(deeds)) }
