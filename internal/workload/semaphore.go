package workload

import (
	"slices"
	"strings"

	"pyindex/internal/fault"
)

var (
	semaphoreRepository = newPattern(
		`\A[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}(?:/[.]{0,9}[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}){1,5}\z`,
	)
	semaphoreRefTypes = []string{"branch", "tag", "pull-request"}
)

// Semaphore identifies jobs of Semaphore by their project's id, which Semaphore never gives to another project, so
// rules are not pinned. Each organization has an issuer of its own, whose URL has the organization's name.
//
// Debug jobs, in which a person has a shell, are refused.
var Semaphore = &Kind{
	name: "semaphore", Short: "Semaphore", Title: "Semaphore", Help: "A Semaphore project.",
	key:      []string{"project_id"},
	sentence: "Semaphore project {project_id}( of {repository}) on @",
	Fields: []Field{
		{
			Name: "project_id", Label: "Project ID", Required: true, Example: "01890000-0000-4000-8000-000000000003",
			Help:    "The project's ID, from its settings on Semaphore.",
			Pattern: "a UUID", Claim: "prj_id", parse: parseUUID, ID: true,
		}, {
			Name: fieldRef, Label: "Tags or branches", Recommended: true, Example: "refs/tags/v*", Claim: "ref", Ref: true,
			Help: "Only jobs for these refs: refs/tags/v* for tags that begin with v, or refs/heads/main for one branch. " +
				"Set the kind of ref too." + anyBranch,
			Pattern: refWords, Tighten: "Only from these refs", parse: parseRef, fits: asText(refFits), say: sayRef,
		}, {
			Name: "ref_type", Label: "Kind of ref", Recommended: true, List: true, Example: "tag", Claim: "ref_type",
			Help: "tag, branch or pull-request; separate several with commas. The ref of a pull request may look like that of a " +
				"branch, so a ref alone does not exclude pull requests.",
			Pattern: "tag, branch or pull-request, separated by commas", Tighten: "Only this kind of ref",
			parse: parseRefTypes, fits: asText(listed), say: phrase(", ", " jobs only"),
		}, {
			Name: "repository", Label: "Repository", Stricter: true, Example: "acme/widgets", Claim: "repo_slug",
			Help:    "The project's repository with its owner.",
			Pattern: "owner/name", Tighten: "Only from this repository",
			parse: matching(semaphoreRepository, "is not a repository: write owner/name, for example acme/widgets"),
			fits:  asText(equal),
		}, {
			Name: "org_id", Label: "Organization ID", Stricter: true, ID: true, Claim: "org_id",
			Example: "01890000-0000-4000-8000-000000000011",
			Help:    "The organization's ID, from its settings on Semaphore.",
			Pattern: "a UUID", Tighten: "Pin to this organization", parse: parseUUID, fits: asText(equal),
		},
	},
	claims: []string{"prj_id", "job_type"},
	shared: true,
	recognize: func(_ string, c Claims) bool {
		return text(c, "prj_id") != "" && (text(c, "repo_slug") != "" || text(c, "job_type") != "" || text(c, "ppl_id") != "")
	},
	recognizeRule: func(issuer string, r Rule) bool {
		azure := literal(r, "def_id") || literal(r, "rpo_id") || strings.Contains(r.Fields[exactRule+"sub"], "://")
		return literal(r, "prj_id") && !azure || strings.HasSuffix(hostOf(issuer), ".semaphoreci.com")
	},
	beyond: "the kind of ref, which tells pull requests from branches",
	lookup: func(c Claims) (string, *Mismatch) {
		if !uuidText.MatchString(text(c, "prj_id")) {
			return "", wrong("prj_id", c["prj_id"], "not an id")
		}
		return text(c, "prj_id"), nil
	},
	checks: []check{is("prj_id", "project_id")},
	never:  []check{semaphoreNoDebugJob},
	renames: renaming{
		adopt: func(r Rule, c Claims) { r.Fields["repository"] = text(c, "repo_slug") },
		ids: []lasting{{
			thing: "project", claim: "prj_id", of: "repo_slug",
			id:   func(r Rule) string { return r.Fields["project_id"] },
			name: func(r Rule) (string, string) { return r.Fields["repository"], "" },
		}},
	},
	sampled:  func(_ Rule, job Claims) { job["job_type"] = "pipeline_job" },
	validate: validateSemaphore, warn: semaphoreWarnings,
	run: runClaims{workload: []string{"repo_slug"}, ref: "ref"},
}

// semaphoreNoDebugJob requires an ordinary job: in the others, and perhaps in one that does not say, somebody has a
// shell.
func semaphoreNoDebugJob(_ Rule, c Claims) *Mismatch {
	if v := c["job_type"]; v != "pipeline_job" {
		return wrong("job_type", v, "but must be pipeline_job: a job in which somebody has a shell is not trusted")
	}
	return nil
}

func parseRefTypes(field, s string) (string, error) {
	s, err := parseWords(field, s)
	if err != nil {
		return "", err
	}
	for v := range strings.SplitSeq(s, ",") {
		if !slices.Contains(semaphoreRefTypes, v) {
			return "", fault.InField(field, "%s %.40q is not a kind of ref: use tag, branch or pull-request", field, v)
		}
	}
	return s, nil
}

// validateSemaphore returns fault.Invalid if a ref has no kind, or one that it never has.
func validateSemaphore(r Rule) error {
	ref, types := r.Fields[fieldRef], r.Fields["ref_type"]
	if ref != "" && types == "" {
		return fault.InField("ref_type", "ref_type is required with ref: the ref of a pull request may look like that of a branch")
	}
	isTag := strings.HasPrefix(ref, "refs/tags/")
	if isTag && !listed(types, "tag") || strings.HasPrefix(ref, "refs/heads/") && types == "tag" {
		return fault.InField("ref_type", "ref_type %s never has the ref %.100s", types, ref)
	}
	return nil
}

func semaphoreWarnings(fields map[string]string, _ string) []Warning {
	var out []Warning
	switch types := fields["ref_type"]; {
	case types == "" || listed(types, "pull-request"):
		out = append(out, Warning{
			AsLooseAsToken, "Anyone who can push a branch to the repository, or open a pull request that Semaphore builds, can " +
				"publish with their own jobs. Restrict the kind of ref.", "ref_type", "tag",
		})
	case anyRef(fields[fieldRef]) && listed(types, "branch"):
		out = append(out, Warning{
			AsLooseAsToken, "Anyone who can push a branch to the repository can publish with their own jobs. Restrict the refs.",
			fieldRef, "refs/tags/*",
		})
	}
	if fields["repository"] == "" {
		out = append(out, Warning{
			CouldBeStricter, "If the project gets another repository, jobs of that one may publish.", "repository", "",
		})
	}
	return out
}
