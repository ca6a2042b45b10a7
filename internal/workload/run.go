package workload

import (
	"fmt"
	"regexp"
	"strings"
)

// Run is what verified claims say about where a workload ran. Its URLs lead to the forge that signed the claims and nowhere
// else; a claim that is not of the shape that the forge sends leaves out what it is needed for.
type Run struct {
	Workload string // whose it is: "acme/widgets", an address, a subject
	Label    string // of the run: "run 812"; "" where it has none
	URL      string // of the run's page; "" where none is known
	Commit   string // full hash; ""
	Ref      string // full ref; ""
}

var (
	runNumber = regexp.MustCompile(`\A[1-9][0-9]{0,18}\z`)
	fullName  = regexp.MustCompile(`\A[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_.][A-Za-z0-9_.-]*){1,21}\z`)
)

// RunOf reads the claims of an exchange.
func RunOf(provider, issuer string, claims map[string]any) Run {
	text := func(name string) string {
		switch v := claims[name].(type) {
		case nil:
			return ""
		case string:
			return v
		case float64:
			return fmt.Sprintf("%.0f", v)
		default:
			return fmt.Sprint(v)
		}
	}
	r := Run{Workload: text("sub"), Ref: text("ref")}
	if commit.MatchString(text("sha")) {
		r.Commit = text("sha")
	}
	switch provider {
	case "github":
		r.Workload = text("repository")
		if site := forgeSite(issuer); site != "" && githubFullName.MatchString(r.Workload) && runNumber.MatchString(text("run_id")) {
			r.Label, r.URL = "run "+text("run_id"), site+"/"+r.Workload+"/actions/runs/"+text("run_id")
		}
	case "gitlab":
		r.Workload, r.Ref = text("project_path"), text("ref_path")
		if site := forgeSite(issuer); site != "" && fullName.MatchString(r.Workload) && !strings.Contains(r.Workload, "..") && runNumber.MatchString(text("job_id")) {
			r.Label, r.URL = "job "+text("job_id"), site+"/"+r.Workload+"/-/jobs/"+text("job_id")
		}
	case "google":
		r.Workload = text("email")
	case "activestate":
		r.Workload = text("organization") + "/" + text("project")
	}
	return r
}

// forgeSite is the address of the forge that an issuer belongs to, "" for one that is not over https.
func forgeSite(issuer string) string {
	if issuer == GitHubIssuer {
		return "https://github.com"
	}
	site := strings.TrimSuffix(strings.TrimSuffix(issuer, "/"), "/_services/token")
	if !strings.HasPrefix(site, "https://") {
		return ""
	}
	return site
}
