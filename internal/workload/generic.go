package workload

import (
	"maps"
	"slices"
	"strings"

	"pyindex/internal/fault"
)

// Generic is for any other issuer that signs RS256 tokens and documents its claims. Its rules name the claims and the
// values that they must have.
//
// A rule's fields are "claim:NAME" for an exact value, "oneof:NAME" for one of several values, one on each line, and
// "prefix:NAME" for refs with a prefix, written with a trailing "*", and "has:NAME" for one of a list. A rule has to
// pin a claim that identifies the workload: sub, or the repository or project, with an exact value or one of several. A
// claim that is true, false or a whole number fits its text.
var Generic = &Kind{
	name: "generic", Help: "A job of any other issuer, by rules on its claims.",
	lookup: func(Claims) (string, *Mismatch) { return AnyLookup, nil },
	listed: true, never: banned, strict: strictGeneric, possible: possibleGeneric,
	suggest: suggestGeneric, run: runClaims{workload: []string{"sub"}, ref: "ref"},
	renames: openRenames,
	open: &openKind{
		compile:  compileGeneric,
		checks:   genericChecks,
		admits:   genericAdmits,
		describe: sayClaims,
		forms:    genericForms(),
		fits: map[string]func(claim, want string, got any) bool{
			exactRule: exactFits, oneofRule: oneofFits, prefixRule: prefixFits, hasRule: hasFits,
		},
	},
}

// AnyLookup is the lookup key of every generic rule. Rules of one issuer pin different claims, so all of them are
// tried.
const AnyLookup = "*"

// compileGeneric compiles rules on claims.
func compileGeneric(fields map[string]string) (Rule, error) {
	if len(fields) > maxRules {
		return Rule{}, fault.New(fault.Invalid, "%d claims; at most %d are allowed", len(fields), maxRules)
	}
	r := Rule{Lookup: AnyLookup, Fields: map[string]string{}}
	seen := map[string]bool{}
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		kind, claim, v, err := parseClaimRule(field, fields[field])
		if err != nil {
			return Rule{}, fault.InField(field, "%s", fault.Message(err))
		}
		if seen[claim] {
			return Rule{}, fault.InField(field, "claim %.40q has two rules; write only one", claim)
		}
		seen[claim] = true
		r.Fields[kind+claim] = v
	}
	if !pins(r) {
		return Rule{}, noPin()
	}
	return r, nil
}

// noPin is the error of a rule that identifies no workload.
func noPin() error {
	return fault.New(fault.Invalid,
		"no claim identifies the workload: add sub, repository, or another claim that identifies one repository or project (%s)",
		pinNames())
}

// strictGeneric validates a new rule on claims.
func strictGeneric(r Rule) error {
	if !pinsNew(r) {
		return noPin()
	}
	return nil
}

func parseClaimRule(field, value string) (kind, claim, v string, err error) {
	kind, claim, ok := strings.Cut(field, ":")
	kind += ":"
	if !ok || !slices.Contains([]string{exactRule, oneofRule, prefixRule, hasRule}, kind) {
		return "", "", "",
			fault.New(fault.Invalid,
				"%.40q is not a field of a generic publisher: use claim:NAME, oneof:NAME, prefix:NAME, has:NAME, or a preset and its fields",
				field)
	}
	if claim == "" || len(claim) > maxRuleName || strings.ContainsAny(claim, " ,=") || HasControl(claim) {
		return "", "", "", fault.InField(field, "%.100q is not the name of a claim", claim)
	}
	if slices.Contains([]string{"iss", "aud", "exp", "iat", "nbf", "jti"}, lowerASCII(claim)) {
		return "", "", "", fault.InField(field, "claim %.40q is always checked and cannot have a rule", claim)
	}
	switch kind {
	case exactRule, hasRule:
		v, err = parseClaimValue(claim, value)
	case oneofRule:
		kind, v, err = parseClaimList(claim, value)
	case prefixRule:
		v, err = parseClaimPrefix(claim, value)
	}
	return kind, claim, v, err
}

// parseClaimList reads one value from each line. A single value is stored as an exact rule.
func parseClaimList(claim, value string) (kind, v string, err error) {
	all := strings.Split(value, "\n")
	for _, v := range all {
		if _, err := parseClaimValue(claim, v); err != nil {
			return "", "", err
		}
	}
	slices.Sort(all)
	all = slices.Compact(all)
	if len(all) > maxRuleList {
		return "", "", fault.New(fault.Invalid, "claim %s has %d values; at most %d are allowed", claim, len(all),
			maxRuleList)
	}
	if len(all) == 1 {
		return exactRule, all[0], nil
	}
	return oneofRule, strings.Join(all, "\n"), nil
}

// sayClaims describes rules on claims.
func sayClaims(w *Words, host string, fields map[string]string) {
	w.say("jobs of " + host + " whose ")
	for i, field := range genericOrder(Rule{Fields: fields}) {
		kind, claim, _ := strings.Cut(field, ":")
		if i > 0 {
			w.say(", ")
		}
		switch kind + ":" {
		case prefixRule:
			w.say(claim + " is like ")
		case hasRule:
			w.say(claim + hasWord)
		default:
			w.say(claim + " is ")
		}
		w.names(strings.Split(fields[field], "\n"))
	}
}

// pinSets lists the claims that identify one workload, project or repository of an issuer. A rule is pinned if it
// allows only fixed values for each claim of a set.
var pinSets = [][]string{
	{"sub"},
	{"repository"},
	{"repository_id"},
	{"project_path"},
	{"project_id"},
	{"pipeline_id"},
	{"organization_slug", "pipeline_slug"},
	{"oidc.circleci.com/project-id"},
	{"oidc.circleci.com/pipeline-definition-id"},
	{"prj_id", "def_id"},
	{"prj_id"},
	{"repositoryUuid"},
	{"rpo_id"},
	{"repo_slug"},
}

// formerPins are the sets by which stored rules may identify a workload and new ones may not: the repository that an
// Azure pipeline builds is the same for every pipeline, and may be a name.
var formerPins = []string{"rpo_id"}

func pinNames() string {
	var names []string
	for _, set := range pinSets {
		if !slices.Equal(set, formerPins) {
			names = append(names, strings.Join(set, " with "))
		}
	}
	return strings.Join(names, ", ")
}

func pins(r Rule) bool { return pinnedBy(r, pinSets) }

// pinsNew reports whether a new rule identifies its workload.
func pinsNew(r Rule) bool {
	return pinnedBy(r, slices.DeleteFunc(slices.Clone(pinSets),
		func(set []string) bool { return slices.Equal(set, formerPins) }))
}

func pinnedBy(r Rule, sets [][]string) bool {
	return slices.ContainsFunc(sets, func(set []string) bool {
		return !slices.ContainsFunc(set, func(claim string) bool { return !literal(r, claim) })
	})
}

// genericOrder returns a rule's fields in order, those that identify the workload first.
func genericOrder(r Rule) []string {
	all := slices.Sorted(maps.Keys(r.Fields))
	slices.SortStableFunc(all, func(a, b string) int { return pinRank(a) - pinRank(b) })
	return all
}

func pinRank(field string) int {
	_, claim, _ := strings.Cut(field, ":")
	if field == prefixRule+claim || field == hasRule+claim {
		return len(pinSets)
	}
	for i, set := range pinSets {
		if slices.Contains(set, claim) {
			return i
		}
	}
	return len(pinSets)
}

// genericAdmits compares claims with a rule. If every claim by which the rule identifies its workload differs, the rule
// concerns another workload, so it is never reported as the nearest rule, unless an id shows that the workload was
// renamed.
func genericAdmits(k *Kind, r Rule, c Claims) error {
	if !pins(r) {
		return &Mismatch{Claim: "sub", Got: Show(c["sub"]), Why: "and the rule does not restrict it", Passed: -1}
	}
	for passed, field := range genericOrder(r) {
		m := k.claimFits(r, field, c)
		if m == nil {
			continue
		}
		if m.Passed = passed; !k.anyPinFits(r, c) && openRenames.find(r, c) == nil {
			m.Passed = -1
		}
		return m
	}
	if m := firstOf(k.never, r, c); m != nil {
		m.Passed = len(r.Fields)
		return m
	}
	return nil
}

// anyPinFits reports whether one of the claims by which a rule identifies its workload has the rule's value, or another
// spelling of it.
func (k *Kind) anyPinFits(r Rule, c Claims) bool {
	for field := range r.Fields {
		former := strings.HasSuffix(field, ":"+formerPins[0]) && pinsNew(r)
		if former || pinRank(field) == len(pinSets) {
			continue
		}
		if m := k.claimFits(r, field, c); m == nil || m.Note != "" {
			return true
		}
	}
	return false
}

// genericChecks returns one check for each claim of a rule.
func genericChecks(k *Kind, r Rule) []check {
	var out []check
	for _, field := range genericOrder(r) {
		out = append(out, func(r Rule, c Claims) *Mismatch { return k.claimFits(r, field, c) })
	}
	return out
}

// claimFits compares a claim with a field of a rule.
func (k *Kind) claimFits(r Rule, field string, c Claims) *Mismatch {
	want := r.Fields[field]
	kind, claim, _ := strings.Cut(field, ":")
	kind += ":"
	got := c[claim]
	if fits := k.open.fits[kind]; fits != nil && want != "" && fits(claim, want, got) {
		return nil
	}
	_, isList := got.([]any)
	switch {
	case kind == hasRule:
		return &Mismatch{Claim: claim, Got: Show(got), Want: "a list with " + Show(want)}
	case isList:
		return wrong(claim, got, "but must be one value: a rule for one of a list is written as “has”")
	case got == nil || got == "" || Show(got) == "an object":
		return wrong(claim, got, "but must be a non-empty string")
	}
	m := &Mismatch{Claim: claim, Got: Show(got), Want: Show(want)}
	if claim == "sub" && kind != prefixRule {
		_, m.Note = respelled(r, want, c)
	}
	return m
}

// exactFits compares a claim with a value: a string, or true, false or a whole number in the same digits.
// Ids that are strings on every platform that has them fit only strings.
func exactFits(claim, want string, got any) bool {
	if asText(equal)(want, got) || isBool(want, got) {
		return true
	}
	return wholeNumber.MatchString(want) && !slices.Contains(textIDs, claim) && isNumber(want, got)
}

var textIDs = []string{"repository_id", "repository_owner_id", "namespace_id"}

var wholeNumber = newPattern(`\A(?:0|-?[1-9][0-9]*)\z`)

// oneofFits compares a claim with several values, one on each line.
func oneofFits(claim, want string, got any) bool {
	for v := range strings.SplitSeq(want, "\n") {
		if exactFits(claim, v, got) {
			return true
		}
	}
	return false
}

func prefixFits(_, want string, got any) bool { return asText(refFits)(want, got) }

// hasFits looks for a value in a list, or among the comma-separated values of a custom property.
func hasFits(claim, want string, got any) bool {
	if strings.HasPrefix(claim, propertyClaim) {
		return asText(hasPart)(want, got)
	}
	return hasText(want, got)
}

// suggestedPins are the sets of claims that identify a workload, in the order in which they are suggested: ids before
// names, and sub last.
var suggestedPins = [][]string{
	{"repository_id", "repository_owner_id"},
	{"repository_id"},
	{"project_id", "namespace_id"},
	{"project_id"},
	{circleciClaim + "pipeline-definition-id"},
	{circleciClaim + "project-id"},
	{"pipeline_id"},
	{"prj_id", "def_id"},
	{"prj_id"},
	{"repositoryUuid"},
	{"repository"},
	{"project_path"},
	{"organization_slug", "pipeline_slug"},
	{"repo_slug"},
	{"sub"},
}

// suggestGeneric suggests the claims that identify the workload, with those that exclude its other runs.
func suggestGeneric(c Claims) map[string]string {
	for _, set := range suggestedPins {
		if slices.ContainsFunc(set, func(claim string) bool { return text(c, claim) == "" }) {
			continue
		}
		out := map[string]string{}
		for _, claim := range set {
			out[exactRule+claim] = text(c, claim)
		}
		if set[0] == "sub" {
			return out
		}
		for _, claim := range []string{"environment", "event_name", "pipeline_source", "build_branch"} {
			if v := text(c, claim); v != "" && (claim != "build_branch" || text(c, "build_tag") == "") {
				out[exactRule+claim] = v
			}
		}
		if like := buildkiteTag(c); strings.HasSuffix(like, "*") {
			out[prefixRule+"build_tag"] = like
		} else if like != "" {
			out[exactRule+"build_tag"] = like
		}
		for claim, within := range refClaims {
			ref := refLike(text(c, claim))
			switch {
			case within == "refs/" && ref == "" && strings.HasPrefix(text(c, claim), "refs/"):
				return nil // neither a branch nor a tag
			case within != "refs/" || ref == "":
			case strings.HasSuffix(ref, "*"):
				out[prefixRule+claim] = ref
			default:
				out[exactRule+claim] = ref
			}
		}
		return out
	}
	return nil
}

// narrowing lists the claims that exclude most runs of a repository or project.
var narrowing = []string{
	"ref", "ref_path", "rpo_ref", "oidc.circleci.com/vcs-ref", "build_branch", "build_tag", "branch", "tag", "environment",
	"ref_protected", "sub", "job_workflow_ref",
}

// platformWarnings returns the warning about rules on claims for a platform that has a kind of its own.
func platformWarnings(issuer string, fields map[string]string) []Warning {
	k := Find(PlatformOf(issuer, fields))
	if k == nil || k.beyond == "" {
		return nil
	}
	return []Warning{{Loose, k.OwnWarning(), "", ""}}
}

// OwnWarning returns what publishers of the kind check that rules on the same claims do not, as a warning about such
// rules. It returns "" if that is nothing.
func (k *Kind) OwnWarning() string {
	switch {
	case k.beyond != "":
		return "A publisher of kind " + k.name + " also checks " + k.beyond + ". Replace these rules on claims with one."
	case slices.ContainsFunc(k.Fields, func(f Field) bool { return f.ID && !f.Required }):
		return "A publisher of kind " + k.name + " can also require IDs, which nobody else can get. Replace these rules on " +
			"claims with one."
	}
	return ""
}

// refRules lists the claims with the ref of a job for the platforms that have others than "ref", and a rule on one of
// them that admits releases. Service connections of Azure DevOps have none.
var refRules = map[string]struct {
	claims []string
	rule   string
}{
	"circleci":     {[]string{circleciClaim + "vcs-ref"}, circleciClaim + "vcs-ref=refs/tags/*"},
	"buildkite":    {[]string{"build_branch", "build_tag"}, "build_tag=v*"},
	"azure-devops": {[]string{"rpo_ref"}, "rpo_ref=refs/tags/*"},
	azureConnected: {nil, ""},
	"bitbucket":    {[]string{"branchName"}, "branchName=main"},
	"gitlab":       {[]string{"ref", "ref_path"}, "ref_path=refs/tags/*"},
	"jenkins":      {nil, ""},
	"kubernetes":   {nil, ""},
}

// azureConnected stands for service connections of Azure DevOps in refRules.
const azureConnected = "azure-devops sc"

// refPlatform returns the key in refRules of rules on claims of an issuer, or "" if their ref is the claim "ref" or
// unknown.
func refPlatform(issuer string, fields map[string]string) string {
	r := Rule{Fields: fields}
	name := PlatformOf(issuer, fields)
	switch {
	case name == "azure-devops" && strings.HasPrefix(fields[exactRule+"sub"], "sc://"):
		return azureConnected
	case name == "" && (literal(r, "project_path") || literal(r, "namespace_id") || literal(r, "namespace_path")):
		return "gitlab"
	}
	return name
}

// tagRule returns a rule on claims that admits releases only, in the form that ParseClaims reads, or "" if the tokens
// have no claim for it.
func tagRule(issuer string, fields map[string]string) string {
	if own, ok := refRules[refPlatform(issuer, fields)]; ok {
		return own.rule
	}
	return "ref=refs/tags/*"
}

// foreignRef returns a fault.Invalid if a rule compares a ref in a claim that tokens of its platform do not have. It
// knows the platform by the rule's other claims.
func foreignRef(r Rule) error {
	own, ok := refRules[refPlatform("", r.Fields)]
	if !ok {
		return nil
	}
	for _, field := range genericOrder(r) {
		_, claim, _ := strings.Cut(field, ":")
		if !slices.Contains(platformRefs, claim) || slices.Contains(own.claims, claim) {
			continue
		}
		if len(own.claims) == 0 {
			return fault.InField(field, "no token can fit this rule: tokens of its workload have no claim %s, and none for a ref", claim)
		}
		return fault.InField(field, "no token can fit this rule: tokens of its platform have no claim %s but %s", claim,
			strings.Join(own.claims, " and "))
	}
	return nil
}

// platformRefs are the claims that hold the ref of a job on some platform.
var platformRefs = []string{
	"ref", "ref_path", "rpo_ref", circleciClaim + "vcs-ref", "build_branch", "build_tag", "branchName",
}

// claimWarnings returns the warnings about rules on claims of an issuer, which may be unknown ("").
func claimWarnings(issuer string, fields map[string]string) []Warning {
	r := Rule{Fields: fields}
	narrow := slices.ContainsFunc(narrowing, func(claim string) bool {
		return literal(r, claim) || fields[prefixRule+claim] != "" && !anyRef(fields[prefixRule+claim])
	}) || fields[hasRule+circleciContexts] != ""
	sub := fields[exactRule+"sub"]
	var out []Warning
	switch {
	case !narrow:
		w := Warning{
			Degree: AsLooseAsToken,
			Text:   "Anyone who can push a branch can publish with their own jobs. Restrict the refs or the environment.",
		}
		if w.Value = tagRule(issuer, fields); w.Value != "" {
			w.Field = FieldClaims
		}
		out = append(out, w)
	case strings.HasPrefix(sub, "system:serviceaccount:"):
		out = append(out, Warning{
			CouldBeStricter, "Anyone who may create pods or tokens in that namespace can act as this service account.", "", "",
		})
	case strings.HasPrefix(sub, "sc://"):
		out = append(out, Warning{
			Loose, "Every pipeline that may use the connection may publish, from any branch: restrict the connection to one " +
				"pipeline, and let it ask for an approval.", "", "",
		})
	case strings.HasPrefix(sub, "p://") && !literal(r, "rpo_ref") &&
		fields[prefixRule+"rpo_ref"] == "":
		out = append(out, Warning{
			Loose, "Any branch that the pipeline builds may publish.", FieldClaims, "rpo_ref=refs/tags/*",
		})
	}
	for _, field := range genericOrder(r) {
		if strings.HasPrefix(field, oneofRule) && pinRank(field) < len(pinSets) {
			out = append(out,
				Warning{
					Loose, "Several workloads in one rule: each of them may publish. With one publisher for each, you can remove them individually.", "",
					"",
				})
			break
		}
	}
	return out
}
