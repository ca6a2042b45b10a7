package workload

import (
	"strings"

	"pyindex/internal/fault"
)

var (
	azureOrganization = newPattern(`\A[A-Za-z0-9][A-Za-z0-9._-]{0,99}\z`)
	azureRepository   = newPattern(`\A[A-Za-z0-9_.{}-]{1,100}/[A-Za-z0-9_.{}-]{1,100}\z`)
)

// AzureDevOps identifies pipelines and service connections of Azure DevOps by the names in "sub". Like Azure DevOps, it
// ignores the case of organizations and projects. Rules are pinned to the project's id, which outlives a new name, by
// the first token that has one: the token of a service connection has only "sub".
//
// All organizations have issuers of their own with the same keys.
var AzureDevOps = &Kind{
	name: "azure-devops", Short: "Azure DevOps", Title: "Azure DevOps", Help: "An Azure DevOps pipeline.",
	pin: "project_id", pinsAll: true, key: []string{"organization", "project"}, shared: true,
	sentence: "Azure DevOps (pipeline {pipeline})(service connection {connection}) of {organization/project}" +
		"(, pipeline number {pipeline_id})(, from repository {repository_id})",
	Fields: []Field{
		{
			Name: "organization", Label: "Organization", Example: "acme", Required: true,
			Help:    "The organization's name in its URL, https://dev.azure.com/ORGANIZATION. You can paste the project's URL.",
			Pattern: nameWords,
			parse:   folded(matching(azureOrganization, "is not a name on Azure DevOps: use letters, digits, '-', '_' and '.'")),
		}, {
			Name: "project", Label: "Project on Azure DevOps", Example: "widgets", Required: true,
			Help: "The project's name in its URL, after the organization.", Pattern: azureWords, parse: folded(parseAzureName),
		}, {
			Name: "pipeline", Label: "Pipeline", Example: "release", Recommended: true,
			Help:    "The pipeline that publishes. Either this or a service connection is needed.",
			Pattern: azureWords, parse: parseAzureName,
		}, {
			Name: "connection", Label: "Service connection", Example: "pypi", Stricter: true, Renames: true,
			Help: "Replaces the pipeline: every pipeline that may use the connection may publish. " +
				"Its tokens have no ref and no ids.",
			Pattern: azureWords, parse: parseAzureName,
		}, {
			Name: fieldRef, Label: "Tags or branches", Example: "refs/tags/v*", Recommended: true, Claim: "rpo_ref", Ref: true,
			Help: "Only runs for these refs: refs/tags/v* for tags that begin with v, or refs/heads/main for one branch." +
				anyBranch,
			Pattern: refWords, Tighten: "Only from these refs", parse: parseRef, fits: asText(refFits), say: sayRef,
		}, {
			Name: "project_id", Label: "Project ID", Stricter: true, ID: true, Claim: "prj_id",
			Example: "01890000-0000-4000-8000-000000000005",
			Help: "The ID does not change when another project takes over the name. " +
				"The index takes it from the first accepted token. Enter it to be sure: " +
				"it is the id at https://dev.azure.com/ORG/_apis/projects/PROJECT.",
			Pattern: "a UUID", Tighten: "Pin to this project", parse: parseUUID,
		}, {
			Name: "pipeline_id", Label: "Pipeline ID", Example: "12", Stricter: true, ID: true, Claim: "def_id",
			Help:    "Excludes another pipeline of this name. It is the definitionId in the pipeline's address.",
			Pattern: "a number", Tighten: "Pin to this pipeline",
			parse: matching(decimalID, "is not a number: it is the definitionId in the pipeline's address"), fits: asText(equal),
		}, {
			Name: fieldRepositoryID, Label: "Repository ID", Stricter: true, Claim: "rpo_id",
			Example: "01890000-0000-4000-8000-000000000004",
			Help: "Excludes other repositories that the pipeline could build. For a repository on GitHub it is owner/name, " +
				"which is a name: another repository can get it.",
			Pattern: "a UUID, or owner/name", Tighten: "Only from this repository",
			parse: parseAzureRepository, fits: asText(equalFold),
		}, {
			Name: "organization_id", Label: "Organization ID", Stricter: true, ID: true, Claim: "org_id",
			Example: "01890000-0000-4000-8000-000000000006",
			Help:    "The issuer's URL ends in it too.",
			Pattern: "a UUID", Tighten: "Pin to this organization", parse: parseUUID, fits: asText(equal),
		},
	},
	claims: []string{"sub"},
	recognize: func(_ string, c Claims) bool {
		_, _, ok := azureSubject(c)
		return ok
	},
	recognizeRule: func(issuer string, r Rule) bool {
		sub := r.Fields[exactRule+"sub"]
		return strings.HasPrefix(sub, "p://") || strings.HasPrefix(sub, "sc://") || literal(r, "def_id") ||
			literal(r, "rpo_id") || hostOf(issuer) == azureHost
	},
	withoutID: func(fields map[string]string) bool { return fields["connection"] != "" },
	beyond:    "the id of the project as soon as a token has it",
	lookup: func(c Claims) (string, *Mismatch) {
		_, part, ok := azureSubject(c)
		if !ok {
			return "", wrong("sub", c["sub"],
				"not that of a pipeline, p://ORGANIZATION/PROJECT/PIPELINE, or of a service connection, sc://…")
		}
		return lowerASCII(part[0] + "/" + part[1]), nil
	},
	validate: validateAzure,
	checks:   []check{azureSubjectFits, pinnedIfAny("prj_id", uuidText, "not the id of a project", "but the rule is pinned to a project's id")},
	suggest:  suggestAzure, remedy: azureRemedy,
	renames: renaming{
		adopt: func(r Rule, c Claims) {
			field, part, ok := azureSubject(c)
			if ok && r.Fields[field] != "" {
				r.Fields["organization"], r.Fields["project"] = lowerASCII(part[0]), lowerASCII(part[1])
				r.Fields[field] = part[2]
			}
		},
		ids: []lasting{
			{
				thing: "pipeline", claim: "def_id", of: "sub", id: func(r Rule) string { return r.Fields["pipeline_id"] },
				name: func(r Rule) (string, string) { return r.Fields["pipeline"], joined(r, "organization", "project") },
			}, {
				thing: "project", claim: "prj_id", of: "sub", id: ownerID,
				name: func(r Rule) (string, string) {
					return joined(r, "organization", "project"), joined(r, "pipeline", "connection")
				},
			},
		},
	},
	sampled: func(r Rule, job Claims) {
		job["sub"] = "p://" + joined(r, "organization", "project", "pipeline")
		if r.Fields["connection"] != "" {
			job["sub"] = "sc://" + joined(r, "organization", "project", "connection")
		}
	},
	run:  runClaims{workload: []string{"sub"}, ref: "rpo_ref"},
	warn: azureWarnings,
}

const (
	azureHost  = "vstoken.dev.azure.com"
	azureWords = `a name, without / \ : * ? " < > and |`
)

func parseAzureName(field, s string) (string, error) {
	if s == "" || len(s) > 256 || strings.TrimSpace(s) != s || strings.ContainsAny(s, `/\:*?"<>|`) || HasControl(s) {
		return "", fault.InField(field, "%s %.100q is not a name on Azure DevOps", field, s)
	}
	return s, nil
}

// parseAzureRepository parses the id of a repository on Azure DevOps, or the name of one on GitHub.
func parseAzureRepository(field, s string) (string, error) {
	if s = lowerASCII(s); !uuidText.MatchString(s) && !azureRepository.MatchString(s) {
		return "", fault.InField(field, "%s %.100q is neither a UUID nor the owner/name of a repository on GitHub", field, s)
	}
	return s, nil
}

// azureSubject returns the field that the last part of a subject belongs to, and the parts: organization, project and
// name.
func azureSubject(c Claims) (field string, part []string, ok bool) {
	kind, path, _ := strings.Cut(text(c, "sub"), "://")
	field = map[string]string{"p": "pipeline", "sc": "connection"}[kind]
	part = strings.Split(path, "/")
	ok = field != "" && len(part) == 3 && part[0] != "" && part[1] != "" && part[2] != ""
	return field, part, ok
}

// azureSubjectFits compares the subject. It ignores the case of organization and project.
func azureSubjectFits(r Rule, c Claims) *Mismatch {
	place, name := "p://"+joined(r, "organization", "project"), "/"+r.Fields["pipeline"]
	if r.Fields["connection"] != "" {
		place, name = "sc://"+joined(r, "organization", "project"), "/"+r.Fields["connection"]
	}
	got, m := said(c, "sub")
	if rest, ok := afterPlace(got, place, place+name); m == nil && (!ok || rest != "" || name == "/") {
		m = differs("sub", got, place+name)
	}
	return m
}

// validateAzure returns fault.Invalid unless the rule names either a pipeline or a service connection, and for a
// connection with restrictions that its tokens cannot fit.
func validateAzure(r Rule) error {
	switch pipeline, connection := r.Fields["pipeline"] != "", r.Fields["connection"] != ""; {
	case !pipeline && !connection:
		return fault.InField("pipeline", "set --pipeline or --connection")
	case pipeline && connection:
		return fault.InField("pipeline", "set --pipeline or --connection, not both")
	}
	if r.Fields["connection"] == "" {
		return nil
	}
	for _, name := range []string{fieldRef, "pipeline_id", fieldRepositoryID, "organization_id"} {
		if r.Fields[name] != "" {
			return azureNoClaim(name)
		}
	}
	if r.OwnerID != "" {
		return azureNoClaim("project_id")
	}
	return nil
}

func azureNoClaim(field string) error {
	return fault.InField(field,
		"%s cannot be combined with connection: the token of a service connection has only its name, so it would never fit", field)
}

func suggestAzure(c Claims) map[string]string {
	field, part, ok := azureSubject(c)
	if !ok {
		return nil
	}
	out := map[string]string{"organization": part[0], "project": part[1], field: part[2]}
	if id := text(c, "rpo_id"); uuidText.MatchString(lowerASCII(id)) || azureRepository.MatchString(id) {
		out[fieldRepositoryID] = id
	}
	return out
}

func azureWarnings(fields map[string]string, ownerID string) []Warning {
	if fields["connection"] != "" {
		return []Warning{{
			Loose, "Every pipeline that may use the connection may publish, from any branch: restrict the connection to one " +
				"pipeline, and let it ask for an approval.", "", "",
		}}
	}
	var out []Warning
	if anyRef(fields[fieldRef]) {
		out = append(out, Warning{
			AsLooseAsToken,
			"Anyone who can push a branch to the repository can publish with their own pipeline file. Restrict the refs.",
			fieldRef, "refs/tags/*",
		})
	}
	if ownerID == "" {
		out = append(out, Warning{
			Loose, "Not pinned yet. The index will pin the project when the first token is accepted.", "project_id", "",
		})
	}
	if fields["pipeline_id"] == "" {
		out = append(out, Warning{
			CouldBeStricter, "Another pipeline of the name " + fields["pipeline"] +
				" is trusted too, for example one in another folder.", "pipeline_id", "",
		})
	}
	if fields[fieldRepositoryID] == "" {
		out = append(out, Warning{
			CouldBeStricter, "The pipeline may publish from any repository that it builds.", fieldRepositoryID, "",
		})
	}
	return out
}
