package workload

import (
	"fmt"
	"strings"

	"pyindex/internal/fault"
)

// refusal returns a fault.Invalid for claims that no suggested rule admits: what the job or its publisher needs instead
// if the kind knows that, and otherwise a message.
func (k *Kind) refusal(r Rule, c Claims, m *Mismatch, message string) error {
	if k.remedy != nil {
		if text := k.remedy(r, c, m); text != "" {
			message = text
		}
	}
	return fault.New(fault.Invalid, "%s", message)
}

// gitlabRemedy names the restriction without which jobs of policies and of merge requests are refused.
func gitlabRemedy(_ Rule, c Claims, m *Mismatch) string {
	switch source, event := text(c, "job_source"), text(c, "pipeline_source"); {
	case m.Claim == "job_source" && m.Want == "":
		return "only a publisher with --job-source " + source +
			" accepts it. Add one only if you trust who writes the group's policies"
	case m.Claim == "pipeline_source" && m.Want == "":
		return "only a publisher with --event " + event +
			" accepts it. Add one only if you trust everyone who can open a merge request"
	}
	return ""
}

// azureRemedy explains that the token of a service connection is not that of a pipeline, and the other way around.
func azureRemedy(r Rule, c Claims, _ *Mismatch) string {
	field, part, ok := azureSubject(c)
	if !ok || r.Fields == nil || r.Fields[field] != "" {
		return ""
	}
	if field == "connection" {
		return fmt.Sprintf("only a publisher with --connection %.100q accepts it, and that one accepts every pipeline that "+
			"may use the connection", part[2])
	}
	return fmt.Sprintf("only a publisher with --pipeline %.100q accepts it", part[2])
}

// buildkiteRemedy explains what the job has to change: it requests no ids, or builds a branch instead of a tag.
func buildkiteRemedy(r Rule, c Claims, m *Mismatch) string {
	switch {
	case strings.HasSuffix(m.Claim, "_id") && c[m.Claim] == nil:
		ids := buildkiteIDs
		if r.Fields["cluster_id"] != "" {
			ids += ",cluster_id"
		}
		return "change the job: request the token with --claim " + ids
	case m.Claim == "build_tag" && text(c, "build_tag") == "":
		return fmt.Sprintf("this build is not of a tag: push one that matches %.100s", r.Fields["tag"])
	}
	return ""
}

// circleciRemedy explains that the job does not use the context of a rule.
func circleciRemedy(r Rule, c Claims, m *Mismatch) string {
	if m.Claim != circleciContexts {
		return ""
	}
	if all, ok := c[circleciContexts].([]any); ok && len(all) > 0 {
		return "change the job: it does not use the context " + r.Fields["context_id"]
	}
	return "change the job: the job uses no context, and needs " + r.Fields["context_id"]
}
