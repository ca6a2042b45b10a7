package ciconfig

import "strings"

// exchange is the lines of a shell that exchange an identity token, a word of the shell, and upload dist/ with uv.
func exchange(t Target, identity string) string {
	return "set -eu\nidentity=" + identity + "\n" + mint(t, "UV_PUBLISH_TOKEN") +
		"export UV_PUBLISH_TOKEN\nuv publish --publish-url " + shellText(t.UploadURL()) + "\n"
}

// exchangeForTwine is exchange with twine, by the command that runs it.
func exchangeForTwine(t Target, identity, twine string) string {
	return "set -eu\nidentity=" + identity + "\n" + mint(t, "TWINE_PASSWORD") +
		"export TWINE_USERNAME=__token__ TWINE_PASSWORD\n" + twine + " upload --repository-url " + shellText(t.UploadURL()) +
		" dist/*\n"
}

// mint sends the identity token by standard input: the arguments of a program are there for everybody on the machine.
func mint(t Target, variable string) string {
	return variable + `=$(printf '{"token":"%s"}' "$identity" | curl -sSf ` + shellText(t.MintURL()) +
		` -d @- | python3 -c 'import json, sys; print(json.load(sys.stdin)["token"])')` + "\n"
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
