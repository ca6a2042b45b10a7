package workload

import (
	"strings"

	"pyindex/internal/fault"
)

var (
	forgejoName     = newPattern(`\A[A-Za-z0-9][A-Za-z0-9._-]{0,99}\z`)
	forgejoFullName = newPattern(`\A[A-Za-z0-9][A-Za-z0-9._-]{0,99}/[A-Za-z0-9._-]{1,100}\z`)
)

// noForgejoID is the reason if a token lacks an id.
const noForgejoID = "which tokens of Forgejo 15 do not have: upgrade Forgejo, or add a rule without ids"

// forgejoFolder is the folder of workflows that need no path.
const forgejoFolder = ".forgejo/workflows/"

// Forgejo identifies workflow runs of Forgejo Actions. Like Forgejo, it ignores the case of owners and repositories,
// and compares files and refs case-sensitively. Later versions than 15 add the ids of owner and repository to their
// tokens: the first accepted token that has them pins the rule. Tokens have no id of their own.
//
// It does not compare "sub": a run for pull_request_target has that of a push, and repositories with ids in it write
// them in another form than GitHub.
var Forgejo = &Kind{
	name: "forgejo", Short: "Forgejo", Title: "Forgejo Actions", Help: "A Forgejo Actions workflow.",
	pin: "owner_id", key: []string{"owner", "repository"},
	sentence: "(workflow {workflow} in )repository {owner/repository} on @",
	Fields: []Field{
		{
			Name: "owner", Label: "Owner", Required: true, Example: "acme",
			Help:    "The user or organization that owns the repository. You can paste acme/widgets or the repository's URL.",
			Pattern: nameWords, parse: parseForgejoName,
		},
		{
			Name: "repository", Label: "Repository", Required: true, Example: "widgets",
			Help: "The repository's name, without its owner.", Pattern: nameWords, parse: parseForgejoName,
		},
		{
			Name: "workflow", Label: "Workflow file", Recommended: true, Example: "release.yml",
			Help: "The file that publishes; a bare name is looked up in .forgejo/workflows. Without it, every workflow of the " +
				"repository may publish.",
			Pattern: "a file name or a path", Tighten: "Only this workflow", parse: parseForgejoWorkflow,
		},
		recommendedRef("ref", "the repository"), protectedField("Forgejo"), eventsField("event_name", parseGitHubEvents),
		{
			Name: "owner_id", Label: "Owner ID", Stricter: true, ID: true, Example: "42", Claim: "repository_owner_id",
			Help: "The account's ID does not change when someone else takes over its name. Tokens of Forgejo 15 do not have it; " +
				"the index takes it from the first accepted token that does. It is the id at https://HOST/api/v1/users/OWNER.",
			Pattern: "a number", Tighten: "Pin to this account",
			parse: matching(decimalID, "is not a number: it is the account's id"),
		},
		{
			Name: fieldRepositoryID, Label: "Repository ID", Stricter: true, ID: true, Example: "77", Claim: "repository_id",
			Help: "Excludes a repository that is recreated under this name. Tokens of Forgejo 15 do not have it. It is the id at " +
				"https://HOST/api/v1/repos/OWNER/REPOSITORY.",
			Pattern: "a number", Tighten: "Pin to this repository",
			parse: matching(decimalID, "is not a number: it is the repository's id"), fits: asText(equal), lacking: noForgejoID,
			say: numbered("repository"),
		},
	},
	claims: []string{"repository", "repository_owner_id", "event_name", "workflow_ref"},
	shared: true,
	recognize: func(issuer string, c Claims) bool {
		return text(c, "repository") != "" &&
			(strings.HasSuffix(issuer, "/api/actions") || strings.Contains(text(c, "workflow_ref"), "/"+forgejoFolder))
	},
	recognizeRule: func(issuer string, r Rule) bool {
		return strings.HasSuffix(issuer, "/api/actions") ||
			strings.Contains(r.Fields[prefixRule+"workflow_ref"]+r.Fields[exactRule+"workflow_ref"], "/"+forgejoFolder)
	},
	beyond: "the ids of owner and repository as soon as a token has them",
	lookup: func(c Claims) (string, *Mismatch) {
		if !forgejoFullName.MatchString(text(c, "repository")) {
			return "", wrong("repository", c["repository"], "not owner/name")
		}
		return lowerASCII(text(c, "repository")), nil
	},
	shape: []check{fullRef("ref"), plainCommit},
	checks: []check{
		folds("repository", "owner", "repository"),
		pinnedIfAny("repository_owner_id", decimalID, "not a decimal number", noForgejoID),
		forgejoWorkflowFits,
	},
	renames: forgeRenaming(
		"owner", "repository", "repository", "account", "repository", "repository_owner_id", "repository_id",
	),
	suggest: func(c Claims) map[string]string {
		owner, repository, _ := strings.Cut(text(c, "repository"), "/")
		return map[string]string{"owner": owner, "repository": repository, "workflow": forgejoFile(c)}
	},
	sampled: func(r Rule, job Claims) {
		job["repository"] = joined(r, "owner", "repository")
		if text(job, "ref") == "" {
			job["ref"] = noRef
		}
		if file := r.Fields["workflow"]; file != "" {
			job["workflow_ref"] = joined(r, "owner", "repository") + "/" + forgejoPath(file) + "@" + text(job, "ref")
		}
	},
	run:  runClaims{workload: []string{"repository"}, ref: "ref", word: "run", id: "run_number", path: "/actions/runs/"},
	warn: forgejoWarnings,
}

var parseForgejoName = folded(matching(forgejoName,
	"is not a name on Forgejo: use letters, digits, '-', '_' and '.', without '/'"))

func parseForgejoWorkflow(field, s string) (string, error) {
	if strings.ContainsAny(s, "@*\\") || strings.Contains(s, "..") || strings.HasPrefix(s, "/") || len(s) > 255 ||
		HasControl(s) || !strings.HasSuffix(s, ".yml") && !strings.HasSuffix(s, ".yaml") {
		return "", fault.InField(field,
			"%s %.100q is not the path of a workflow file: write its name, or its path from the repository's root, ending in .yml or .yaml",
			field, s)
	}
	return forgejoShort(s), nil
}

// forgejoPath returns the path of a workflow's file in its repository.
func forgejoPath(workflow string) string {
	if strings.Contains(workflow, "/") {
		return workflow
	}
	return forgejoFolder + workflow
}

// forgejoShort is the reverse of forgejoPath.
func forgejoShort(path string) string {
	if name, ok := strings.CutPrefix(path, forgejoFolder); ok && !strings.Contains(name, "/") {
		return name
	}
	return path
}

// forgejoWorkflowFits compares the workflow's file at the run's own revision if the rule has one.
func forgejoWorkflowFits(r Rule, c Claims) *Mismatch {
	if r.Fields["workflow"] == "" {
		return nil
	}
	return fileFits(c, "workflow_ref", joined(r, "owner", "repository"), "/"+forgejoPath(r.Fields["workflow"]), "ref")
}

// forgejoFile returns the workflow of a run: a bare name if it is in the usual folder.
func forgejoFile(c Claims) string {
	file, ok := afterPlace(text(c, "workflow_ref"), lowerASCII(text(c, "repository")),
		lowerASCII(text(c, "repository"))+"/")
	if !ok {
		return ""
	}
	return forgejoShort(withoutRevision(file, c, "ref", "sha"))
}

func forgejoWarnings(fields map[string]string, ownerID string) []Warning {
	place, ref := fields["owner"]+"/"+fields["repository"], fields[fieldRef]
	var out []Warning
	switch {
	case fields[fieldRefProtected] != "":
	case anyRef(ref):
		out = append(out, Warning{
			AsLooseAsToken, "Anyone who can push a branch to " + place +
				" can publish with their own workflow file. Restrict the refs.", fieldRef, "refs/tags/*",
		})
	default:
		out = append(out, Warning{
			CouldBeStricter, "Anyone who can push " + ref + " to " + place + " can publish without approval. " +
				"Protect these refs on Forgejo.", fieldRefProtected, "true",
		})
	}
	if fields["workflow"] == "" {
		out = append(out, Warning{Loose, "Every workflow of " + place + " may publish.", "workflow", ""})
	}
	if ownerID == "" {
		out = append(out, Warning{
			Loose, "Not pinned yet. The index will pin the account that owns " + place + " when it accepts a token with the " +
				"account's id. Tokens of Forgejo 15 have none.", "owner_id", "",
		})
	}
	if fields[fieldRepositoryID] == "" {
		out = append(out, Warning{
			CouldBeStricter, "A repository that is recreated under the name " + place + " is trusted too.", fieldRepositoryID,
			"",
		})
	}
	return out
}
