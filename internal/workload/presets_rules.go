package workload

import (
	"regexp"
	"strings"

	"pyindex/internal/fault"
)

var (
	forgejoName    = regexp.MustCompile(`\A[A-Za-z0-9][A-Za-z0-9._-]{0,99}\z`)
	azureName      = regexp.MustCompile(`\A[A-Za-z0-9][A-Za-z0-9 ._()-]{0,99}\z`)
	kubernetesName = regexp.MustCompile(`\A[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?\z`)
)

// forgejoRules pin the repository, and the workflow's file at any ref where it is said. A name without a folder lies
// where Forgejo looks first.
func forgejoRules(in, out map[string]string) error {
	for _, name := range []string{"owner", "repository"} {
		if !forgejoName.MatchString(in[name]) {
			return fault.InField(name, "%s %.100q is not a name on Forgejo: letters, digits, '-', '_' and '.'", name, in[name])
		}
	}
	repository := in["owner"] + "/" + in["repository"]
	out[exactRule+"repository"] = repository
	file := in["workflow"]
	if file == "" {
		return nil
	}
	if !strings.Contains(file, "/") {
		file = ".forgejo/workflows/" + file
	}
	if strings.ContainsAny(file, "@*\\") || strings.Contains(file, "..") || strings.HasPrefix(file, "/") {
		return fault.InField(fieldWorkflow, "workflow %.100q is not the path of a workflow's file", in["workflow"])
	}
	out[prefixRule+"workflow_ref"] = repository + "/" + file + "@*"
	return nil
}

// azureRules pin the subject of a pipeline's token, or of a service connection's.
func azureRules(in, out map[string]string) error {
	kind, last := "p://", "pipeline"
	if in["connection"] != "" {
		kind, last = "sc://", "connection"
	}
	if (in["pipeline"] == "") == (in["connection"] == "") {
		return fault.InField("pipeline", "pipeline or connection: one of them is needed, and not both")
	}
	for _, name := range []string{"organization", "project", last} {
		if !azureName.MatchString(in[name]) {
			return fault.InField(name, "%s %.100q is not a name on Azure DevOps", name, in[name])
		}
	}
	out[exactRule+"sub"] = kind + in["organization"] + "/" + in["project"] + "/" + in[last]
	return nil
}

func kubernetesRules(in, out map[string]string) error {
	for _, name := range []string{"namespace", "service_account"} {
		if !kubernetesName.MatchString(in[name]) {
			return fault.InField(name, "%s %.100q is not a name in Kubernetes: small letters, digits, '-' and '.'", name, in[name])
		}
	}
	out[exactRule+"sub"] = "system:serviceaccount:" + in["namespace"] + ":" + in["service_account"]
	return nil
}
