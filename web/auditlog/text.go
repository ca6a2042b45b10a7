// Package auditlog describes audit log entries in sentences.
//
// It does not read the log. Callers get the entries from package catalog, which checks the permissions.
package auditlog

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/web/ui"
)

// deed describes an action, both after "NAME " and after "NAME was not allowed to ". In both, %s stands for the
// subject.
type deed struct{ did, wanted string }

// deeds are the descriptions by action.
var deeds = map[string]deed{
	"file.add":             {"uploaded %s", "upload %s"},
	"file.yank":            {"yanked %s", "yank %s"},
	"file.unyank":          {"unyanked %s", "unyank %s"},
	"file.delete":          {"deleted %s", "delete %s"},
	"file.quarantine":      {"put %s into quarantine", "put %s into quarantine"},
	"file.release":         {"released %s from quarantine", "release %s from quarantine"},
	"lockout.user":         {"locked out the account %s", "lock out the account %s"},
	"lockout.publisher":    {"locked out a publisher", "lock out a publisher"},
	"lockout.token":        {"locked out a token", "lock out a token"},
	"release.yank":         {"yanked %s", "yank %s"},
	"release.unyank":       {"unyanked %s", "unyank %s"},
	"release.delete":       {"deleted %s", "delete %s"},
	"project.create":       {"created the project %s", "create the project %s"},
	"project.delete":       {"deleted the project %s", "delete the project %s"},
	"name.release":         {"released the name %s", "release the name %s"},
	"backup.finish":        {"made a backup", "make a backup"},
	"restore":              {"restored this index from a backup", "restore this index from a backup"},
	"restore.finish":       {"finished the restore of a backup", "finish the restore of a backup"},
	"import.started":       {"started an import", "import files"},
	"import.finished":      {"finished an import", "import files"},
	"origin.set":           {"decided whether %s is own or an upstream's", "decide whether %s is own or an upstream's"},
	"reservation.add":      {"reserved names", "reserve names"},
	"reservation.remove":   {"gave up reserved names", "give up reserved names"},
	"project.status":       {"changed the status of %s", "change the status of %s"},
	"project.trusted-only": {"changed who may upload to %s", "change who may upload to %s"},
	"project.startup-files": {
		"changed whether %s may have start-up files", "change whether %s may have start-up files",
	},
	"export.start":              {"began an export", "export the index"},
	"project.limits":            {"changed the limits of %s", "change the limits of %s"},
	"grant.add":                 {"added a role in %s", "add a role in %s"},
	"grant.remove":              {"removed a role in %s", "remove a role in %s"},
	"grant.leave":               {"left %s", "leave %s"},
	"publisher.add":             {"added a publisher to %s", "add a publisher to %s"},
	"publisher.remove":          {"removed a publisher from %s", "remove a publisher from %s"},
	"publisher.pin":             {"pinned a publisher of %s to its owner's account", "pin a publisher of %s"},
	"publisher.exchange":        {"got an upload token for %s", "get an upload token for %s"},
	"publisher.add-pending":     {"added a pending publisher for %s", "add a pending publisher for %s"},
	"publisher.remove-pending":  {"removed a pending publisher for %s", "remove a pending publisher for %s"},
	"publisher.pending-expired": {"let a pending publisher for %s expire", "let a pending publisher for %s expire"},
	"publisher.pending-taken": {
		"created %s, so that a pending publisher for it can no longer be used", "create %s",
	},
	"reader.add":    {"added a reader of %s", "add a reader of %s"},
	"reader.remove": {"removed a reader of %s", "remove a reader of %s"},
	"reader.pin":    {"pinned a reader of %s to its owner's account", "pin a reader of %s"},
	"upstream.serial": {
		"took a page with a lower serial of %s from an upstream", "take a page with a lower serial of %s from an upstream",
	},
	"token.used-beside-publishers": {
		"uploaded to %s with an API token, though it has trusted publishers", "upload to %s with an API token",
	},
	"token.create":            {"created an API token", "create an API token"},
	"token.regenerate":        {"regenerated an API token", "regenerate an API token"},
	"token.revoke":            {"revoked an API token", "revoke an API token"},
	"token.burn":              {"revoked a minted token", "revoke a minted token"},
	"token.leaked":            {"reported a leaked API token, which was revoked", "report a leaked API token"},
	"service.add":             {"created the service account %s", "create the service account %s"},
	"service.remove":          {"removed the service account %s", "remove the service account %s"},
	"user.add":                {"created the account %s", "create the account %s"},
	"user.disable":            {"disabled the account %s", "disable the account %s"},
	"user.enable":             {"enabled the account %s", "enable the account %s"},
	"user.admin":              {"changed whether %s is an administrator", "change whether %s is an administrator"},
	"user.invite":             {"created an invitation", "create an invitation"},
	"user.revoke-invitation":  {"revoked an invitation", "revoke an invitation"},
	"user.approve-invitation": {"approved an invitation", "approve an invitation"},
	"user.refuse-invitation":  {"refused an invitation", "refuse an invitation"},
	"user.accept":             {"created the account %s with a link", "create an account with a link"},
	"user.forgot": {
		"requested a password link for %s", "request a password link for %s",
	},
	"user.reset-link":         {"created a password link for %s", "create a password link for %s"},
	"user.remove-factors":     {"removed the second factors of %s", "remove the second factors of %s"},
	"user.reset":              {"set a new password with a link", "set a new password with a link"},
	"account.profile":         {"changed their profile", "change their profile"},
	"account.password":        {"changed their password", "change their password"},
	"account.totp-begin":      {"started to set up an authenticator", "set up an authenticator"},
	"account.totp":            {"set up an authenticator", "set up an authenticator"},
	"account.totp-remove":     {"removed their authenticator", "remove their authenticator"},
	"account.recovery":        {"created new recovery codes", "create new recovery codes"},
	"account.passkey-add":     {"added a passkey", "add a passkey"},
	"account.link-identity":   {"linked a single sign-on identity", "link a single sign-on identity"},
	"account.unlink-identity": {"unlinked a single sign-on identity", "unlink a single sign-on identity"},
	"user.unlink-identity":    {"unlinked an identity of %s", "unlink an identity of %s"},
	"account.passkey-remove":  {"removed a passkey", "remove a passkey"},
	"group.add":               {"created the group %s", "create the group %s"},
	"group.remove":            {"deleted the group %s", "delete the group %s"},
	"group.add-member":        {"added a member to the group %s", "add a member to the group %s"},
	"group.remove-member":     {"removed a member from the group %s", "remove a member from the group %s"},
	"group.sync":              {"got new groups from single sign-on", "get new groups from single sign-on"},
	"repository.change":       {"changed the repository %s", "change the repository %s"},
	"repository.add":          {"created the repository %s", "create the repository %s"},
	"repository.remove":       {"removed the repository %s", "remove the repository %s"},
	"repository.limits": {
		"changed the size limit of the repository %s", "change the size limit of the repository %s",
	},
	"repository.bases": {"changed the bases of the repository %s", "change the bases of the repository %s"},
	"repository.undeclare": {
		"started the server without the repository %s in its configuration",
		"remove the repository %s from the configuration",
	},
	"upstream.add":     {"added the upstream %s", "add the upstream %s"},
	"upstream.change":  {"changed the upstream %s", "change the upstream %s"},
	"upstream.remove":  {"removed the upstream %s", "remove the upstream %s"},
	"upstream.declare": {"declared upstreams and repositories", "declare upstreams and repositories"},
	"upstream.undeclare": {
		"started the server without the upstream %s in its configuration", "remove the upstream %s from the configuration",
	},
	"upstream.mismatch": {
		"sent other content than it stated for %s", "send other content than it stated for %s",
	},
	"upstream.changed": {"stated another digest for %s", "state another digest for %s"},
	"upstream.startup": {"sent %s with a new start-up file", "send %s with a new start-up file"},
	"upstream.accept":  {"accepted another digest for %s", "accept another digest for %s"},
	"upstream.accept-return": {
		"accepted that %s came back at an upstream with other files", "accept that %s came back with other files",
	},
	"exemption.ask":    {"asked for an exemption of %s", "ask for an exemption of %s"},
	"exemption.add":    {"exempted %s from holds", "exempt %s from holds"},
	"exemption.refuse": {"refused a request to exempt %s from holds", "refuse a request to exempt %s from holds"},
	"exemption.end":    {"ended an exemption of %s", "end an exemption of %s"},
	"denial.add":       {"denied %s in all repositories", "deny %s in all repositories"},
	"denial.remove":    {"removed a denial of %s", "remove a denial of %s"},
	"denial.lift":      {"lifted the denial of %s", "lift the denial of %s"},
	"digest.pin":       {"pinned the content of %s", "pin the content of %s"},
	"digest.unpin":     {"removed the pin of %s", "remove the pin of %s"},
	"feed.add":         {"added the feed %s", "add the feed %s"},
	"feed.change":      {"changed the feed %s", "change the feed %s"},
	"feed.import":      {"imported advisories into the feed %s", "import advisories into the feed %s"},
	"feed.remove":      {"removed the feed %s", "remove the feed %s"},
	"feed.undeclare": {
		"started the server without the feed %s in its configuration", "remove the feed %s from the configuration",
	},
	"session.begin":         {"signed in", "sign in"},
	"session.end":           {"signed out", "sign out"},
	"session.end-others":    {"signed out everywhere else", "sign out everywhere else"},
	"session.end-all":       {"ended all sessions of %s", "end all sessions of %s"},
	"session.refuse":        {"signed in", "sign in"},
	"session.confirm":       {"confirmed their identity", "confirm their identity"},
	"account.codes-guessed": {"guessed codes of %s", "sign in as %s with ten wrong codes in a row"},
}

// actorWords names the actor.
func actorWords(a audit.Actor) string {
	switch access.Kind(a.Kind) {
	case access.KindOperator:
		return strings.TrimSpace("The operator " + a.Name)
	case access.KindPublisher, access.KindReader:
		if a.Name != "" {
			first, n := utf8.DecodeRuneInString(a.Name)
			return string(unicode.ToUpper(first)) + a.Name[n:] // for example, "Workflow release.yml in …"
		}
	case access.KindService:
		return strings.TrimSpace("The service account " + a.Name)
	case access.KindUser:
		if a.Name != "" {
			return a.Name
		}
	}
	if name, ok := strings.CutPrefix(a.Name, "upstream "); ok && a.Kind == "" {
		return "The upstream " + name
	}
	return "An unknown caller"
}

// subjectWords names the subject of an entry: its file, release, project or other subject.
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

// sentence describes an entry, with the reason if there is one.
func sentence(e audit.Entry) string {
	d, ok := deeds[e.Action]
	if !ok {
		d = deed{"did " + e.Action + " to %s", "do " + e.Action + " to %s"}
	}
	who, about := actorWords(e.Actor), subjectWords(e)
	complete := func(words string) string { return strings.ReplaceAll(words, "%s", about) }
	if e.Action == "session.refuse" {
		return signInWords(e) + often(e) + because(e)
	}
	// Each repository decides whether it serves a wheel with a start-up file.
	if e.Outcome != audit.Refused || e.Action == "upstream.startup" {
		return who + " " + cmp.Or(particular(e, about), complete(d.did)) + because(e)
	}
	return who + " was not allowed to " + complete(d.wanted) + often(e) + because(e)
}

// signInWords describes a failed sign-in. The subject has the tried names that are names of accounts.
func signInWords(e audit.Entry) string {
	who := ui.List(strings.Fields(e.Subject))
	switch wrong := detailText(e.Detail, "wrong"); wrong {
	case "password", "second factor":
		what := map[string]string{"password": " with a wrong password", "second factor": " with a wrong code"}[wrong]
		return "Someone tried to sign in as " + cmp.Or(who, "an unknown user name") + what
	default:
		if who != "" && wrong == "single sign-on" {
			who = "An identity named " + who // a name at the provider, not of an account
		}
		return cmp.Or(who, "Someone") + " was not allowed to sign in with " + cmp.Or(wrong, "this method")
	}
}

// often returns the number of repetitions for an entry that stands for several, otherwise "".
func often(e audit.Entry) string {
	if e.More == 0 {
		return ""
	}
	return fmt.Sprintf(" (%d times within a minute)", e.More+1)
}

// because returns the end of the sentence: the reason, or only a period. A period also follows a reason without one.
func because(e audit.Entry) string {
	if reason := detailText(e.Detail, "reason"); reason != "" {
		reason = ui.Cut(200, reason)
		if strings.HasSuffix(reason, "…") || strings.TrimRight(reason, ".!?") != reason {
			return ": " + reason
		}
		return ": " + reason + "."
	}
	return "."
}

// particular describes an entry by its details, if they tell more than the action. Otherwise it returns "".
func particular(e audit.Entry, about string) string {
	text := func(name string) string { return detailText(e.Detail, name) }
	switch e.Action {
	case "project.create":
		if day, _, ok := strings.Cut(text("earlier_project_deleted_at"), "T"); ok {
			return "created the project " + about + " again; an earlier project with this name was deleted on " + day
		}
	case "project.status":
		return map[string]string{
			"active": "made " + about + " active again", "archived": "archived " + about,
			"deprecated": "deprecated " + about, "quarantined": "put " + about + " into quarantine",
		}[text("status")]
	case "origin.set":
		return map[string]string{
			"own": "made the name " + about + " own", "upstream": "freed the name " + about + " for an upstream",
			"both":    "allowed own versions of " + about + " beside those of an upstream",
			"adopted": "kept copies of an upstream's files of " + about,
		}[text("origin")]
	case "export.start":
		return "began an export of " + text("of") + " to " + text("folder")
	case "import.started":
		return "started to import " + filesText(text("files")) + " from " + text("kind") + " " +
			ui.Cut(maxDetail, text("source"))
	case "import.finished":
		return "imported " + filesText(text("added")) + " from " + text("kind") + " " + ui.Cut(maxDetail, text("source"))
	case "reservation.add":
		return "reserved the names " + text("names")
	case "reservation.remove":
		return "gave up the reserved names " + text("names")
	case "project.trusted-only":
		if text("on") == "true" {
			return "allowed only trusted publishers to upload to " + about
		}
		return "allowed people and API tokens to upload to " + about + " again"
	case "project.startup-files":
		if text("on") == "true" {
			return "allowed start-up files in " + about
		}
		return "disallowed new start-up files in " + about
	case "grant.add":
		return "gave " + granted(e) + " the role " + text("role") + " in " + about
	case "grant.remove":
		return "removed the role of " + granted(e) + " in " + about
	case "group.add-member":
		return "added " + text("user") + " to the group " + about
	case "service.add", "service.remove": // the subject is the account, also in a project
		return strings.ReplaceAll(deeds[e.Action].did, "%s", e.Subject)
	case "token.create", "token.revoke", "token.regenerate":
		if account := text("service_account"); account != "" {
			return deeds[e.Action].did + " of the service account " + account
		}
	case "group.remove-member":
		return "removed " + text("user") + " from the group " + about
	case "repository.bases":
		if bases := text("bases"); bases != "" {
			return "made " + about + " draw on " + ui.List(strings.Fields(bases))
		}
		return "removed the bases of the repository " + about
	case "repository.change":
		return policyWords(e, about)
	case "repository.limits":
		if size := sizeOf(e, "size_limit"); size != "" {
			return "limited the size of the repository " + about + " to " + size
		}
		return "removed the size limit of the repository " + about + ", so that the server setting applies"
	case "project.limits":
		return limitWords(e, about)
	case "publisher.add", "publisher.remove", "publisher.pin":
		if names := text("names"); names != "" { // of a repository
			about = "the names " + names
		}
		return publisherWords(e.Action, text("publisher"), about)
	}
	return ""
}

// policyWords describes a change of what a repository serves of upstreams. It returns "" for another change.
func policyWords(e audit.Entry, about string) string {
	var did []string
	say := func(name string, words map[string]string, other string) {
		if _, set := e.Detail[name]; !set {
			return
		}
		text, known := words[detailText(e.Detail, name)]
		if !known {
			text = other + detailText(e.Detail, name)
		}
		did = append(did, text)
	}
	say("cooldown", map[string]string{"0s": "serves new files of upstreams at once"},
		"holds files of upstreams until they are as old as ")
	say("cooldown_since", map[string]string{"": "holds files whenever they became known"},
		"exempts files from it that were known before ")
	say("observe", map[string]string{"true": "only observes its rules", "false": "applies its rules"}, "")
	say("startup_files", map[string]string{
		"known": "holds wheels with new start-up files", "refuse": "holds wheels with start-up files",
		"allow": "serves wheels with start-up files",
	}, "")
	say("keep_removed", map[string]string{
		"old": "holds young files that their upstream removed", "none": "holds files that their upstream removed",
		"all": "serves files that their upstream removed",
	}, "")
	say("show_held", map[string]string{"yanked": "lists held files as yanked", "hidden": "leaves held files out"}, "")
	if did == nil {
		return ""
	}
	return "changed the repository " + about + ": it " + ui.List(did)
}

// limitWords tells the own limits that a project has now.
func limitWords(e audit.Entry, about string) string {
	file, project := sizeOf(e, "file_size"), sizeOf(e, "project_size")
	switch {
	case file != "" && project != "":
		return "limited " + about + " to files of " + file + " and " + project + " in all"
	case file != "":
		return "limited " + about + " to files of " + file
	case project != "":
		return "limited the size of " + about + " to " + project
	}
	return "removed the own limits of " + about + ", so that the server settings apply"
}

// sizeOf formats a detail that is a number of bytes. It returns "" for 0.
func sizeOf(e audit.Entry, detail string) string {
	n, err := strconv.ParseFloat(detailText(e.Detail, detail), 64)
	if err != nil || n <= 0 {
		return ""
	}
	return catalog.SizeText(int64(n))
}

// filesText returns a number of files in words.
func filesText(n string) string {
	if n == "1" {
		return "1 file"
	}
	return cmp.Or(n, "no") + " files"
}

// granted names the user or group whose role changed.
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
		"publisher.add":    "added a publisher to " + about + ": " + publisher,
		"publisher.remove": "removed a publisher from " + about + ": " + publisher,
		"publisher.pin":    "pinned a publisher to its owner's account: " + publisher,
	}[action]
}

// detailText returns a detail as text, or "".
func detailText(d map[string]any, name string) string {
	switch v := d[name].(type) {
	case string:
		return v
	case bool, json.Number, float64:
		return fmt.Sprint(v)
	}
	return ""
}

// maxDetails is the number of details shown per entry, maxDetail the length of each.
const (
	maxDetails = 80
	maxDetail  = 300
)

// detailLines formats the details of an entry as lines, sorted by name. Names of nested details have a dotted prefix.
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
	if e.Subject != e.Actor.TokenID { // a token can revoke itself
		line("subject", e.Subject)
	}
	n := 0
	var walk func(prefix string, d map[string]any)
	walk = func(prefix string, d map[string]any) {
		for _, name := range slices.Sorted(maps.Keys(d)) {
			if inner, ok := d[name].(map[string]any); ok {
				if name == "uploader" { // show only what the entry does not say of the actor already, such as claims
					walk(prefix, withoutActor(inner, e.Actor))
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

// withoutActor returns an uploader without the fields that it shares with the actor of an entry.
func withoutActor(uploader map[string]any, a audit.Actor) map[string]any {
	out := maps.Clone(uploader)
	for name, value := range map[string]string{"kind": a.Kind, "id": a.ID, "name": a.Name, "token_id": a.TokenID} {
		if text, ok := out[name].(string); ok && text == value {
			delete(out, name)
		}
	}
	return out
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
