package ciconfig

import "strings"

// generic converts rules on the claims of a known platform into the fields of its kind. For any other issuer, it
// returns a script that needs only the token.
func generic(t Target, issuer string, rules map[string]string) Guide {
	if kind, fields := ofClaims(issuer, rules); kind != "generic" {
		return guides[kind](t, issuer, fields)
	}
	return Guide{
		Files: []File{{
			Key: "script", Title: "A script",
			Text: "#!/bin/sh -e\n# INDEX_ID_TOKEN: an identity token of " + comment(issuer) + " for the audience " +
				comment(t.Audience) + "\nuv build\n" + exchange(t, `"$INDEX_ID_TOKEN"`,
				require("INDEX_ID_TOKEN", "put an identity token of the platform into it")),
		}},
		Steps: []string{"Ask the platform for an identity token whose audience is " + t.Audience +
			", put it into INDEX_ID_TOKEN, and run the script."},
		CA: caSteps(""),
	}
}

// comment returns s on one line.
func comment(s string) string { return strings.Join(strings.Fields(s), " ") }
