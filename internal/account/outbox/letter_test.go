package outbox_test

import (
	"strings"
	"testing"

	"pyindex/internal/account/outbox"
)

// TestReleaseLetter: the letter names each project with its page, and where the subscriptions end.
func TestReleaseLetter(t *testing.T) {
	const account = "https://pypi.acme.example/manage/account/#subscriptions"
	demo := outbox.Releases{
		Project:  "Demo",
		Versions: []string{"1.0"},
		Total:    1,
		Page:     "https://pypi.acme.example/project/demo/",
	}
	many := demo
	many.Versions, many.Total = []string{"1.0", "1.1"}, 3
	other := outbox.Releases{
		Project:  "other",
		Versions: []string{"2.0"},
		Total:    1,
		Page:     "https://pypi.acme.example/r/inner/project/other/",
	}
	for subject, all := range map[string][]outbox.Releases{
		"New release of Demo: 1.0":     {demo},
		"3 new releases of Demo":       {many},
		"4 new releases of 2 projects": {many, other},
		"New release of other: 2.0":    {other},
	} {
		l := outbox.ReleaseLetter("Acme", "alice", all, account)
		if l.Subject != subject {
			t.Errorf("the subject is %q, want %q", l.Subject, subject)
		}
		for _, r := range all {
			for _, v := range r.Versions {
				if !strings.Contains(l.Text, "- "+r.Project+" "+v+"\n") {
					t.Errorf("%s: %s %s is missing:\n%s", subject, r.Project, v, l.Text)
				}
			}
			if more := strings.Contains(l.Text, "- and 1 more\n"); r.Total == 3 && !more ||
				!strings.Contains(l.Text, "\n"+r.Page+"\n") {
				t.Errorf("%s: %s is incomplete:\n%s", subject, r.Project, l.Text)
			}
		}
		if !strings.HasSuffix(l.Text, "To unsubscribe, open the project's page or your account:\n\n"+account+"\n") &&
			!strings.HasSuffix(l.Text, "To unsubscribe, open a project's page or your account:\n\n"+account+"\n") ||
			!strings.Contains(l.Text, "because alice is subscribed") {
			t.Errorf("%s: the letter does not tell how it ends:\n%s", subject, l.Text)
		}
	}
}
