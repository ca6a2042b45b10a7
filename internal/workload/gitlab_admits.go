package workload

import (
	"strings"

	"pyindex/internal/fault"
)

// gitlabChecks are in the order of identity: whose token it is, which pipeline, then its circumstances.
var gitlabChecks = []check{
	gitlabProjectFits, gitlabNamespaceIDFits, gitlabProjectIDFits, gitlabSubjectFits, gitlabPipelineFits,
	gitlabEnvironmentFits, func(r Rule, c Claims) *Mismatch { return optionsFit(gitlabOptions, r, c) },
}

// Lookup implements Provider: "namespace/project" in lower case.
func (GitLab) Lookup(c Claims) (string, error) {
	s, _ := c["project_path"].(string)
	at := strings.LastIndexByte(s, '/')
	if at < 0 {
		at = 0
	}
	_, err := parseGitLabNamespace(s[:at])
	if err == nil {
		_, err = parseGitLabProject(s[at+1:])
	}
	if err != nil {
		return "", fault.Wrap(fault.Invalid, wrong("project_path", c["project_path"], "not namespace/project"),
			"claim project_path is %s, not namespace/project", Show(c["project_path"]))
	}
	return lowerASCII(s), nil
}

// Admits implements Provider. Its errors are *Mismatch.
func (GitLab) Admits(r Rule, c Claims) error { return ask(gitlabChecks, r, c) }

// Differences implements Differ.
func (GitLab) Differences(r Rule, c Claims) []*Mismatch { return askAll(gitlabChecks, r, c) }

// OwnerID implements Provider: the namespace's id.
func (GitLab) OwnerID(r Rule, c Claims) string { return pinOf(r, c, "namespace_id", "project_id") }

func gitlabPath(r Rule) string { return r.Fields[fieldNamespace] + "/" + r.Fields[fieldProject] }

func gitlabProjectFits(r Rule, c Claims) *Mismatch {
	got, m := text(c, "project_path")
	if m == nil && lowerASCII(got) != gitlabPath(r) {
		m = differs("project_path", got, gitlabPath(r))
	}
	return m
}

// gitlabNamespaceIDFits lets any namespace of that name be the first one of a rule that is not pinned.
func gitlabNamespaceIDFits(r Rule, c Claims) *Mismatch {
	got, m := text(c, "namespace_id")
	if m != nil {
		return m
	}
	if !decimalID.MatchString(got) {
		return wrong("namespace_id", got, "not a decimal number")
	}
	if want, _, _ := strings.Cut(r.OwnerID, "/"); want != "" && got != want {
		return differs("namespace_id", got, want)
	}
	return nil
}

func gitlabProjectIDFits(r Rule, c Claims) *Mismatch { return repositoryPinFits(r, c, "project_id") }

// gitlabSubjectFits looks at the two parts that every subject of GitLab's begins with, however the rest was configured.
func gitlabSubjectFits(r Rule, c Claims) *Mismatch {
	got, m := text(c, "sub")
	if m != nil {
		return m
	}
	part := strings.SplitN(got, ":", 3)
	if len(part) < 2 || part[0] != "project_path" || lowerASCII(part[1]) != gitlabPath(r) {
		return differs("sub", got, "project_path:"+gitlabPath(r)+":…")
	}
	return nil
}

// gitlabPipelineFits builds the two values that the claim may have, rather than taking it apart: files and refs may hold
// "@" and ".yml" themselves.
func gitlabPipelineFits(r Rule, c Claims) *Mismatch {
	got, m := text(c, "ci_config_ref_uri")
	if m != nil {
		return m
	}
	ref, m := text(c, "ref_path")
	if m != nil {
		return m
	}
	sha, m := text(c, "sha")
	if m != nil {
		return m
	}
	place := gitlabHost(c) + "/" + gitlabPath(r)
	want := place + "//" + r.Fields[fieldFilepath] + "@"
	if at, ok := afterRepository(got, place, want); ok && (at == ref || at == sha) && strings.HasPrefix(ref, "refs/") && !strings.ContainsAny(sha, "@/") {
		return nil
	}
	return differs("ci_config_ref_uri", got, want+" followed by the token's own ref_path or sha")
}

func gitlabEnvironmentFits(r Rule, c Claims) *Mismatch {
	v, there := c["environment"]
	got, ok := v.(string)
	if there && !ok {
		return wrong("environment", v, "but must be a text where it is there")
	}
	if want := r.Fields[FieldEnvironment]; want != "" && got != want {
		return &Mismatch{Claim: "environment", Got: Show(v), Want: Show(want)}
	}
	return nil
}

// Suggest implements Suggester.
func (g GitLab) Suggest(c Claims) map[string]string {
	path, _ := c["project_path"].(string)
	at := strings.LastIndexByte(path, '/')
	uri, _ := c["ci_config_ref_uri"].(string)
	_, file, ok := strings.Cut(uri, "//")
	if at < 0 || !ok {
		return nil
	}
	for _, claim := range []string{"ref_path", "sha"} {
		if v, _ := c[claim].(string); v != "" {
			file = strings.TrimSuffix(file, "@"+v)
		}
	}
	out := map[string]string{fieldNamespace: path[:at], fieldProject: path[at+1:], fieldFilepath: file}
	out[FieldEnvironment], _ = c["environment"].(string)
	out[fieldNamespaceID], _ = c["namespace_id"].(string)
	return out
}
