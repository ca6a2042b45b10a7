package outbox

import (
	"strconv"
	"strings"
	"time"
)

// Letter is a plain-text message to a person.
type Letter struct{ Subject, Text string }

const unasked = "\n\nIf you did not expect this message, you can ignore it: nobody else can use the link.\n"

// InvitationLetter sends an Invite link to the invited person. by is the name of the inviting user, "" for the
// operator. roles describes the roles of the new account.
func InvitationLetter(index, by string, roles []string, link string) Letter {
	text := "You are invited to " + index + ", a private index of Python packages.\n\n"
	if by != "" {
		text = by + " invited you to " + index + ", a private index of Python packages.\n\n"
	}
	if len(roles) > 0 {
		text += "Your account will have these roles:\n\n  " + strings.Join(roles, "\n  ") + "\n\n"
	}
	return Letter{
		"Invitation to " + index,
		text + "Create your account here. The link can be used once, within a week:\n\n" + link + unasked,
	}
}

// ResetLetter sends a link that sets a new password; life is its lifetime.
func ResetLetter(index, user, link, life string) Letter {
	return Letter{
		"Reset your password at " + index,
		"A link was requested that sets a new password for " + user + " at " + index + ".\n\n" +
			"It can be used once, within " + life + ":\n\n" + link + unasked,
	}
}

// CreatedLetter informs a user that their pending publisher created its project, and links to the page to act on if
// that was unexpected.
func CreatedLetter(index, user, project, publisher string, seen Seen, link string) Letter {
	return Letter{
		"Project " + project + " was created at " + index,
		"A pending publisher that you registered was used for the first time, and created the project " + project +
			", which you own.\n\n" +
			"Account: " + user + " at " + index + "\nPublisher: " + publisher + "\nWhen: " +
			seen.At.UTC().Format("2 January 2006 15:04 UTC") + "\nFrom: " + seen.Address + "\n\n" +
			"If you did not expect this, remove the publisher from the project here:\n\n" + link + "\n",
	}
}

// Decided is the decision about a request for an exemption.
type Decided struct {
	User       string // who asked
	Target     string // what for: a project, a version or a file
	Repository string
	Granted    bool
	By         string // who decided
	Answer     string // to a refused request
	At         time.Time
	Page       string // URL of the project's page
}

// DecidedLetter tells a user what was decided about their request for an exemption.
func DecidedLetter(index string, d Decided) Letter {
	state, answer := "granted",
		"The files that were there at that time can be installed now. Later files are decided anew."
	if !d.Granted {
		state, answer = "refused", "Answer: "+d.Answer
	}
	return Letter{
		"Your request for " + d.Target + " was " + state,
		"You asked for an exemption of " + d.Target + " from the holds of repository " + d.Repository + " at " + index +
			".\n\n" +
			"The request was " + state + ".\n" + answer + "\n\nAccount: " + d.User + " at " + index + "\nDecided by: " + d.By +
			"\nWhen: " + d.At.UTC().Format("2 January 2006 15:04 UTC") + "\n\n" + d.Page + "\n",
	}
}

// Seen is the time and origin of an action.
type Seen struct {
	At               time.Time
	Address, Browser string
}

// AlertLetter informs a user about an event on their account, given as a sentence, and links to the page to act on if
// it was unexpected.
func AlertLetter(index, user, happened string, seen Seen, link string) Letter {
	return Letter{"Your account at " + index, happened + "\n\n" +
		"Account: " + user + " at " + index + "\nWhen: " + seen.At.UTC().Format("2 January 2006 15:04 UTC") + "\nFrom: " +
		seen.Address + ", " + seen.Browser + "\n\n" +
		"If this was you, no action is needed. " +
		"Otherwise, change your password, remove anything that is not yours and end the other sessions:\n\n" +
		link + "\n\nand contact an administrator of the index.\n"}
}

// Releases are new releases of a project; Total counts more than those in Versions. Page is the URL of the project.
type Releases struct {
	Project  string
	Versions []string
	Total    int
	Page     string
}

// ReleaseLetter informs a subscriber about new releases of at least one project. account is the URL of the list of
// subscriptions, where they end.
func ReleaseLetter(index, user string, all []Releases, account string) Letter {
	total, text := 0, ""
	for _, r := range all {
		total += r.Total
		text += "- " + r.Project + " " + strings.Join(r.Versions, "\n- "+r.Project+" ")
		if more := r.Total - len(r.Versions); more > 0 {
			text += "\n- and " + strconv.Itoa(more) + " more"
		}
		text += "\n\n" + r.Page + "\n\n"
	}
	first := all[0]
	what := "New release of " + first.Project + ": " + strings.Join(first.Versions, ", ")
	why := "the project. To unsubscribe, open the project's page or your account:"
	switch {
	case len(all) > 1:
		what = strconv.Itoa(total) + " new releases of " + strconv.Itoa(len(all)) + " projects"
		why = "these projects. To unsubscribe, open a project's page or your account:"
	case total > 1:
		what = strconv.Itoa(total) + " new releases of " + first.Project
	}
	return Letter{
		what, "New at " + index + ":\n\n" + text + "You get this message, at most once an hour, because " + user +
			" is subscribed to " + why + "\n\n" + account + "\n",
	}
}
