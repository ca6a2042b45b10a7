package workload_test

// fields are those of a rule that fits the ordinary claims of GitHub's issuer.
func fields(over ...string) map[string]string {
	f := map[string]string{
		"owner":       "acme",
		"repository":  "widgets",
		"workflow":    "release.yml",
		"environment": "release",
		"owner_id":    "4242",
	}
	for i := 0; i+1 < len(over); i += 2 {
		f[over[i]] = over[i+1]
	}
	return f
}

func path(workflow string) string { return "acme/widgets/.github/workflows/" + workflow }
