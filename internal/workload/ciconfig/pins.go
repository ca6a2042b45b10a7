package ciconfig

// pin is a release of an action: its version tag, and the commit that the tag pointed to.
type pin struct{ version, commit string }

// actions are the actions that the files use. GitHub jobs name the commit, because a tag can be moved. Forgejo resolves
// an action in its own mirror, so its jobs name the version tag.
var actions = map[string]pin{
	"actions/checkout":            {"v4.2.2", "11bd71901bbe5b1630ceea73d27597364c9af683"},
	"actions/setup-python":        {"v5.6.0", "a26af69be951a213d495a4c3e4e4022e16d87065"},
	"actions/upload-artifact":     {"v4.6.2", "ea165f8d65b6e75b540449e92b4886f43607fa02"},
	"actions/download-artifact":   {"v4.3.0", "d3f86a106a0bac45b974a628896c90dbdf5c8093"},
	"pypa/gh-action-pypi-publish": {"v1.13.0", "ed0c53931b1dc9bd32cbe73a98c7f6766f8a527e"},
	"astral-sh/setup-uv":          {"v5.4.2", "d4b2f3b6ecc6e67c4457f6d3e41ec42d3d0fcb86"},
}

// The build tools that the files install, in the versions that this index is tested with.
const (
	buildVersion = "1.6.1"
	twineVersion = "7.0.0"
	uvVersion    = "0.13.9"

	buildAndTwine = "build==" + buildVersion + " twine==" + twineVersion // for pip
	uvForPip      = "uv==" + uvVersion
	uvImage       = "ghcr.io/astral-sh/uv:" + uvVersion + "-python3.13-bookworm"
)

// uses returns an action pinned by commit, for GitHub.
func uses(action string) string {
	return action + "@" + actions[action].commit + " # " + actions[action].version
}

// usesTag returns an action at its version tag.
func usesTag(action string) string { return action + "@" + actions[action].version }
