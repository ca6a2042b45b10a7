package workload

import (
	"strings"

	"pyindex/internal/fault"
)

// BuildkiteIssuer signs the identity tokens of Buildkite's jobs.
const BuildkiteIssuer = "https://agent.buildkite.com"

var (
	buildkiteSlug = newPattern(`\A[A-Za-z0-9][A-Za-z0-9._-]{0,99}\z`)
	buildkiteStep = newPattern(`\A[A-Za-z0-9_.:/-]{1,255}\z`)
)

// askFor is the reason if a token lacks ids that Buildkite adds only to tokens for which the job asks for them.
func askFor(claims string) string {
	return "which the job has to ask for: use buildkite-agent oidc request-token --claim " + claims +
		", or for uv the variable BUILDKITE_OIDC_TOKEN_CLAIMS=" + claims
}

const buildkiteIDs = "organization_id,pipeline_id"

var parseSlug = folded(matching(buildkiteSlug, "is not a name on Buildkite: write it as in its URL"))

// Buildkite identifies jobs of Buildkite by the names of organization and pipeline in their URL. The ids, which outlive
// a rename, are only in tokens for which a job asked for them: the first accepted token with a pipeline's id pins the
// rule, and from then on tokens without it are refused. Tokens have no id of their own.
//
// It does not compare "sub", because jobs can choose another one.
var Buildkite = &Kind{
	name: "buildkite", Short: "Buildkite", Title: "Buildkite", Help: "A Buildkite pipeline.",
	issuer: BuildkiteIssuer, host: "buildkite.com", pin: "pipeline_id", pinsAll: true,
	key:      []string{"organization", "pipeline"},
	sentence: "pipeline {organization/pipeline} on @",
	Fields: []Field{
		{
			Name: "organization", Label: "Organization", Required: true, Example: "acme", Claim: "organization_slug",
			Help:    "The organization's name in its URL. You can paste acme/widgets or the pipeline's URL.",
			Pattern: nameWords, parse: parseSlug,
		},
		{
			Name: "pipeline", Label: "Pipeline", Required: true, Example: "widgets", Claim: "pipeline_slug",
			Help:    "The pipeline's name in its URL. Use a pipeline of its own for releases, which builds no forks.",
			Pattern: nameWords, parse: parseSlug,
		},
		{
			Name: "tag", Label: "Tags", Recommended: true, Example: "v*", Claim: "build_tag", like: buildkiteTag,
			Help:    "Only builds of these tags: v* for tags that begin with v, or * for any tag." + anyBranch,
			Pattern: starWords, Tighten: "Only from these tags", parse: parseStar, fits: asText(nameFits),
			say: func(w *Words, v string) { sayRef(w, "refs/tags/"+v) },
		},
		{
			Name: "branch", Label: "Branches", Example: "main", Claim: "build_branch", like: buildkiteBranch,
			Help: "Only builds of this branch. If the pipeline builds forks, a branch of this name in any fork fits too: " +
				"prefer tags. For the build of a tag, Buildkite gives the tag as the branch.",
			Pattern: starWords, Tighten: "Only from this branch", parse: parseStar, fits: asText(nameFits),
			say: func(w *Words, v string) { sayRef(w, "refs/heads/"+v) },
		},
		{
			Name: "source", known: buildkiteSources, Label: "Started by", Stricter: true, List: true, Example: "webhook",
			Claim:   "build_source",
			Help:    "Only builds that were started by webhook, ui, api, schedule or trigger_job. Separate several with commas.",
			Pattern: "comma-separated words", Tighten: "Only builds of pushes", Tickable: true, event: true,
			parse: parseWords, fits: asText(listed), say: phrase(", started by ", ""),
		},
		{
			Name: "step", Label: "Step", Stricter: true, Example: "publish", Claim: "step_key",
			Help:    "Only the step with this key.",
			Pattern: "letters, digits, '_', '-', '.', ':' and '/'", Tighten: "Only this step",
			parse: matching(buildkiteStep, "is not the key of a step"), fits: asText(equal), say: phrase(", step ", " only"),
		},
		runnerField("buildkite-hosted"),
		{
			Name: "pipeline_id", Label: "Pipeline ID", Stricter: true, ID: true, Claim: "pipeline_id",
			Example: "01890000-0000-4000-8000-000000000001",
			Help: "The pipeline's ID does not change when another pipeline takes over its name. " +
				"The index takes it from the first accepted token that has it: the job has to ask for it with " +
				"--claim " + buildkiteIDs + ". Enter it to be sure.",
			Pattern: "a UUID", Tighten: "Pin to this pipeline", parse: parseUUID,
		},
		{
			Name: "organization_id", Label: "Organization ID", Stricter: true, ID: true, Claim: "organization_id",
			Example: "01890000-0000-4000-8000-000000000009",
			Help:    "The organization's ID does not change when another one takes over its name. The job has to ask for it.",
			Pattern: "a UUID", Tighten: "Pin to this organization",
			parse: parseUUID, fits: asText(equal), lacking: askFor(buildkiteIDs),
		},
		{
			Name: "cluster_id", Label: "Cluster ID", Stricter: true, ID: true, Claim: "cluster_id",
			Example: "01890000-0000-4000-8000-000000000010",
			Help:    "Only agents of this cluster. The job has to ask for the ID.",
			Pattern: "a UUID", Tighten: "Only in this cluster", parse: parseUUID, fits: asText(equal),
			lacking: askFor(buildkiteIDs + ",cluster_id"), say: phrase(", in cluster ", ""),
		},
	},
	claims: []string{"organization_slug", "pipeline_slug", "pipeline_id"},
	shared: true,
	recognize: func(_ string, c Claims) bool {
		return text(c, "organization_slug") != "" && text(c, "pipeline_slug") != ""
	},
	recognizeRule: func(issuer string, r Rule) bool {
		return literal(r, "organization_slug") && literal(r, "pipeline_slug") || hostOf(issuer) == hostOf(BuildkiteIssuer)
	},
	beyond: "the pipeline's id as soon as a token has it",
	lookup: lookupBuildkite,
	checks: []check{
		folds("organization_slug", "organization"), folds("pipeline_slug", "pipeline"),
		pinnedIfAny("pipeline_id", uuidText, "not an id", askFor(buildkiteIDs)),
	},
	renames: renaming{
		adopt: func(r Rule, c Claims) {
			r.Fields["organization"] = lowerASCII(text(c, "organization_slug"))
			r.Fields["pipeline"] = lowerASCII(text(c, "pipeline_slug"))
		},
		ids: []lasting{{
			thing: "pipeline", claim: "pipeline_id", id: ownerID, of: "pipeline_slug",
			name: func(r Rule) (string, string) { return joined(r, "organization", "pipeline"), "" },
		}},
	},
	run: runClaims{
		workload: []string{"organization_slug", "pipeline_slug"}, tag: "build_tag", branch: "build_branch", word: "build",
		id: "build_number", path: "/builds/",
	},
	warn: buildkiteWarnings, possible: possibleBuildkite, remedy: buildkiteRemedy,
}

// buildkiteSources are the values of build_source.
var buildkiteSources = []string{"ui", "api", "webhook", "trigger_job", "schedule"}

// possibleBuildkite returns fault.Invalid if no build fits both the tags and the branches of a rule.
func possibleBuildkite(r Rule) error {
	tag, branch := r.Fields["tag"], r.Fields["branch"]
	if tag == "" || branch == "" || overlap(tag, branch) {
		return nil
	}
	return fault.InField("branch",
		"set --tag or --branch, not both: Buildkite's branch of a tag is the tag, so no build fits both")
}

// overlap reports whether a name can fit two patterns that may end in "*".
func overlap(a, b string) bool {
	stem, open := strings.CutSuffix(b, "*")
	return refFits(a, b) || refFits(b, a) || open && refFits(a, stem) || refFits(b, strings.TrimSuffix(a, "*"))
}

// lookupBuildkite returns "organization/pipeline" in lower case.
func lookupBuildkite(c Claims) (string, *Mismatch) {
	for _, claim := range []string{"organization_slug", "pipeline_slug"} {
		if !buildkiteSlug.MatchString(text(c, claim)) {
			return "", wrong(claim, c[claim], "not a name")
		}
	}
	return lowerASCII(text(c, "organization_slug") + "/" + text(c, "pipeline_slug")), nil
}

// parseStar parses the name of a branch or tag, or a prefix of names followed by "*".
func parseStar(field, s string) (string, error) {
	stem, open := strings.CutSuffix(s, "*")
	if stem == "" && !open || len(s) > 255 || strings.ContainsAny(stem, "*?[ ~^:\\") || HasControl(s) ||
		strings.HasPrefix(s, "refs/") {
		return "", fault.InField(field, "%s %.100q is not a name: write main, or v* with one * at the end, without refs/",
			field, s)
	}
	return s, nil
}

// nameFits compares the name of a branch or tag with a pattern. An empty name fits nothing.
func nameFits(pattern, name string) bool { return name != "" && refFits(pattern, name) }

// buildkiteTag returns a pattern for tags like the one of a build.
func buildkiteTag(c Claims) string {
	if text(c, "build_tag") == "" {
		return ""
	}
	return strings.TrimPrefix(refLike("refs/tags/"+text(c, "build_tag")), "refs/tags/")
}

// buildkiteBranch returns the branch of a build, or "" for the build of a tag, whose branch is the tag.
func buildkiteBranch(c Claims) string {
	if text(c, "build_tag") != "" {
		return ""
	}
	return text(c, "build_branch")
}

func buildkiteWarnings(fields map[string]string, ownerID string) []Warning {
	var out []Warning
	place := fields["organization"] + "/" + fields["pipeline"]
	switch branch, tag := fields["branch"], fields["tag"]; {
	case tag == "" && (branch == "" || branch == "*"):
		out = append(out, Warning{
			AsLooseAsToken, "Anyone who can push a branch that pipeline " + place +
				" builds can publish with their own steps, " +
				"from a fork too if this pipeline builds forks. Restrict the tags.", "tag", "v*",
		})
	case tag == "":
		out = append(out, Warning{
			Loose, "Anyone who can push the branch " + branch + " can publish: a fork's branch of that name too, if this " +
				"pipeline builds forks. Restrict the tags, and use a pipeline of its own for releases.", "tag", "v*",
		})
	}
	if fields["source"] == "" {
		out = append(out, Warning{
			CouldBeStricter, "Builds that were started by hand, by the API or by another pipeline may publish too.",
			"source", "webhook",
		})
	}
	if ownerID == "" {
		out = append(out, Warning{
			Loose, "Not pinned yet: another pipeline that takes over the name " + place +
				" is trusted too. The index will pin " +
				"the pipeline when it accepts a token with its id, which the job has to ask for: " +
				"--claim " + buildkiteIDs + ".", "pipeline_id", "",
		})
	}
	return out
}
