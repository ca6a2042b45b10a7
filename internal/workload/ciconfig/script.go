package ciconfig

import "strings"

// scriptJob is what the templates of platforms need on which a script does the exchange.
type scriptJob struct {
	Target
	Path, Image, Account, Script, When, Key, Service, Namespace, Triggers, Environment string

	UV          bool   // uv does the exchange
	Claims      string // that Buildkite adds to the token
	Context     bool   // the job uses a context of CircleCI
	OwnAudience bool   // the job requests the audience of the index
}

// UVPublish is the command with which uv does the exchange and uploads.
func (t Target) UVPublish() string {
	return "uv publish --trusted-publishing always --publish-url " + shellText(t.UploadURL())
}

// require is a line of a shell that ends the script with an explanation if a variable is empty.
func require(variable, why string) string { return `: "${` + variable + ":?" + why + "}\"\n" }

// exchange is the lines of a shell that exchange an identity token, a word of the shell, and upload dist/ with uv.
// needs are lines by require.
func exchange(t Target, identity string, needs ...string) string {
	return "set -eu\n" + strings.Join(needs, "") + "identity=" + identity + "\n" + mint(t, "UV_PUBLISH_TOKEN") +
		"export UV_PUBLISH_TOKEN\nuv publish --publish-url " + shellText(t.UploadURL()) + "\n"
}

// exchangeForTwine is exchange with twine, by the command that runs it.
func exchangeForTwine(t Target, identity, twine string, needs ...string) string {
	return "set -eu\n" + strings.Join(needs, "") + "identity=" + identity + "\n" + mint(t, "TWINE_PASSWORD") +
		"export TWINE_USERNAME=__token__ TWINE_PASSWORD\n" + twine + " upload --repository-url " + shellText(t.UploadURL()) +
		" dist/*\n"
}

// mint sends the identity token by standard input: the arguments of a program are there for everybody on the machine.
// A refusal ends the script with the reasons on standard error.
func mint(t Target, variable string) string {
	return variable + `=$(printf '{"token":"%s"}' "$identity" | curl -sS ` + shellText(t.MintURL()) +
		` -d @- | python3 -c 'import json, sys; m = json.load(sys.stdin); print(m["token"]) if m.get("token") else sys.exit("; ".join(e["code"] + ": " + e["description"] for e in m.get("errors", [])) or str(m))')` +
		"\n"
}

// output is a word of a shell: what a command prints.
func output(command string) string { return "$(" + command + ")" }

// actionsToken asks the runner's service for an identity token, on GitHub and Forgejo.
func actionsToken(t Target) string {
	return `curl -sSf -H "Authorization: Bearer $ACTIONS_ID_TOKEN_REQUEST_TOKEN" "$ACTIONS_ID_TOKEN_REQUEST_URL&audience=` +
		strings.NewReplacer(`"`, "%22", "$", "%24", "`", "%60", `\`, "%5C", "&", "%26", " ", "%20", ":",
			"%3A").Replace(t.Audience) +
		`" | python3 -c 'import json, sys; print(json.load(sys.stdin)["value"])'`
}
