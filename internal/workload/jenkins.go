package workload

import (
	"net/url"
	"strings"

	"pyindex/internal/fault"
)

// Jenkins identifies jobs of Jenkins, with the tokens of its plugin oidc-provider, by the job's URL. A URL is a name:
// whoever may rename or create jobs can take it. The audience and all other claims are the administrator's choice.
var Jenkins = &Kind{
	name: "jenkins", Short: "Jenkins", Title: "Jenkins", Help: "A Jenkins job.", key: []string{"job"}, shared: true,
	sentence: "Jenkins job {job}",
	Fields: []Field{{
		Name: "job", Label: "Job", Example: "https://jenkins.acme.example/job/widgets/", Required: true, Claim: "sub",
		Help: "The job's URL, as in the token's sub. Use a version of the oidc-provider plugin newer than 96: " +
			"older ones do not check the claims that they sign.",
		Pattern: "the URL of a job", parse: parseJenkinsJob,
	}},
	claims:    []string{"sub"},
	recognize: func(_ string, c Claims) bool { return isJenkinsJob(text(c, "sub")) },
	recognizeRule: func(issuer string, r Rule) bool {
		return isJenkinsJob(r.Fields[exactRule+"sub"]) || strings.HasSuffix(issuer, "/oidc")
	},
	lookup: func(c Claims) (string, *Mismatch) {
		if !isJenkinsJob(text(c, "sub")) {
			return "", wrong("sub", c["sub"], "not the URL of a job")
		}
		return asFolder(text(c, "sub")), nil
	},
	checks: []check{func(r Rule, c Claims) *Mismatch {
		got, m := said(c, "sub")
		if want := r.Fields["job"]; m == nil && asFolder(got) != want {
			m = differs("sub", got, want)
		}
		return m
	}},
	run: runClaims{workload: []string{"sub"}},
	warn: func(map[string]string, string) []Warning {
		return []Warning{{
			CouldBeStricter, "Anyone who may configure the job or push to the Jenkinsfile that it runs can publish, and so can " +
				"another job that gets this URL.", "", "",
		}}
	},
}

// parseJenkinsJob parses the URL of a job and adds the "/" at its end that Jenkins writes.
func parseJenkinsJob(field, s string) (string, error) {
	if !isJenkinsJob(s) {
		return "", fault.InField(field, "%s %.100q is not the URL of a job: write it as the token's sub has it, "+
			"for example https://jenkins.acme.example/job/widgets/", field, s)
	}
	return asFolder(s), nil
}

func isJenkinsJob(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil &&
		u.RawQuery == "" && u.Fragment == "" && strings.Contains(u.Path, "/job/") && len(s) <= maxRuleValue &&
		!HasControl(s) &&
		!strings.ContainsAny(s, " ?#*")
}

// asFolder returns a URL with "/" at its end.
func asFolder(u string) string { return strings.TrimSuffix(u, "/") + "/" }
