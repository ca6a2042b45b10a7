package workload

import (
	"maps"
	"strings"
)

// Former is the name that a workload had when a rule for it was written. Its id shows that it is the same workload.
type Former struct {
	Thing string // "repository"
	ID    string
	Name  string // the former name
	Claim string // the claim with the present name
	Now   Rule   // the rule with the present name
}

// lasting is an id that a platform keeps when it changes a name.
type lasting struct {
	thing string              // "repository"
	claim string              // with the id
	id    func(r Rule) string // "" if the rule is not pinned to one
	of    string              // the claim with the name
	// name returns the name that belongs to the id, and the rest of what identifies the workload. The rest must not have
	// changed: an account's id alone does not identify a repository.
	name func(r Rule) (name, rest string)
}

// renaming is how a kind finds the present names of a workload.
type renaming struct {
	adopt func(r Rule, c Claims) // replaces the names in the rule by those of the claims
	ids   []lasting
}

// Renamed returns the former name of the workload of c if r is a rule for it under that name: r is pinned to an id that
// c has too, and their names differ. It returns nil otherwise. It never compares names alone.
func (k *Kind) Renamed(r Rule, c Claims) *Former { return k.renames.find(r, c) }

func (n renaming) find(r Rule, c Claims) *Former {
	if len(n.ids) == 0 {
		return nil
	}
	now := Rule{Lookup: r.Lookup, OwnerID: r.OwnerID, Fields: maps.Clone(r.Fields), Server: r.Server}
	n.adopt(now, c)
	for _, l := range n.ids {
		id := l.id(r)
		if id == "" || text(c, l.claim) != id {
			continue
		}
		was, rest := l.name(r)
		is, left := l.name(now)
		if was != "" && is != "" && was != is && rest == left {
			return &Former{Thing: l.thing, ID: id, Name: was, Claim: l.of, Now: now}
		}
	}
	return nil
}

// String returns the change in words. rule is the kind of rule: "publisher".
func (f *Former) String(rule string) string {
	return f.Thing + " " + f.ID + " was " + plain(f.Name) + " when its " + rule + " was added"
}

var plainName = newPattern(`\A[A-Za-z0-9@._/:+-]{1,200}\z`)

// plain returns a name without quotes if it cannot be mistaken for other words.
func plain(name string) string {
	if plainName.MatchString(name) {
		return name
	}
	return Show(name)
}

// PinnedIDs are the ids of a workload to which rules may be pinned.
type PinnedIDs struct {
	Owner      string // of the account
	Name       string // the part of the lookup key after the owner; "" if the owner is all of it
	Repository string // of the repository or project; "" for none
}

// IDs returns the ids to which rules for the workload of c may be pinned under another name. It returns false if there
// are none, or if all rules are found without them.
func (k *Kind) IDs(lookup string, c Claims) (PinnedIDs, bool) {
	if k.open != nil || k.pin == "" || len(k.renames.ids) == 0 {
		return PinnedIDs{}, false
	}
	var out PinnedIDs
	if f, ok := k.Field(k.pin); ok {
		out.Owner, _ = f.parse(f.Name, text(c, f.Claim))
	}
	if f, ok := k.Field(fieldRepositoryID); ok && decimalID.MatchString(text(c, f.Claim)) {
		out.Repository = text(c, f.Claim)
	}
	if at := strings.LastIndexByte(lookup, '/'); len(k.key) > 1 && !k.pinsAll && at >= 0 {
		out.Name = lookup[at+1:]
	}
	return out, out != PinnedIDs{Name: out.Name}
}

// forgeRenaming is the renaming of a forge: its rules have two fields with the parts of a path that a claim has, and
// are pinned to the ids of an account and of a thing of that account.
func forgeRenaming(owner, name, claim, account, thing, ownerClaim, idClaim string) renaming {
	return renaming{
		adopt: func(r Rule, c Claims) {
			path := lowerASCII(text(c, claim))
			if at := strings.LastIndexByte(path, '/'); at > 0 {
				r.Fields[owner], r.Fields[name] = path[:at], path[at+1:]
			}
		},
		ids: []lasting{
			{
				thing: thing, claim: idClaim, of: claim, id: repositoryID,
				name: func(r Rule) (string, string) { return joined(r, owner, name), "" },
			}, {
				thing: account, claim: ownerClaim, of: claim, id: ownerID,
				name: func(r Rule) (string, string) { return r.Fields[owner], r.Fields[name] },
			},
		},
	}
}

// ownerID returns the id of the account that a rule is pinned to.
func ownerID(r Rule) string {
	id, _, _ := strings.Cut(r.OwnerID, "/")
	return id
}

// repositoryID returns the id of the repository that a rule is pinned to.
func repositoryID(r Rule) string {
	if id := r.Fields[fieldRepositoryID]; id != firstToken {
		return id
	}
	_, id, _ := strings.Cut(r.OwnerID, "/")
	return id
}

// openRenaming is the renaming of rules on claims. Only exact values count: a rule with several must not reveal the
// others.
func openRenaming() renaming {
	exact := func(claims ...string) func(r Rule) string {
		return func(r Rule) string {
			var all []string
			for _, c := range claims {
				v := r.Fields[exactRule+c]
				if v == "" {
					return ""
				}
				all = append(all, v)
			}
			return strings.Join(all, "/")
		}
	}
	whole := func(claims ...string) func(r Rule) (string, string) {
		value := exact(claims...)
		return func(r Rule) (string, string) { return value(r), "" }
	}
	owner := func(claim string) func(r Rule) (string, string) {
		value := exact(claim)
		return func(r Rule) (string, string) {
			path := value(r)
			at := max(0, strings.LastIndexByte(path, '/'))
			return path[:at], path[at:]
		}
	}
	names := []string{"repository", "project_path", "organization_slug", "pipeline_slug", "repo_slug", "sub"}
	return renaming{
		adopt: func(r Rule, c Claims) {
			was := r.Fields[exactRule+"repository"]
			for _, claim := range names {
				if v := text(c, claim); v != "" && r.Fields[exactRule+claim] != "" {
					r.Fields[exactRule+claim] = v
				}
			}
			if path, ok := strings.CutPrefix(r.Fields[prefixRule+"workflow_ref"], was+"/"); ok && was != "" {
				r.Fields[prefixRule+"workflow_ref"] = r.Fields[exactRule+"repository"] + "/" + path
			}
		},
		ids: []lasting{
			{"repository", "repository_id", exact("repository_id"), "repository", whole("repository")},
			{"account", "repository_owner_id", exact("repository_owner_id"), "repository", owner("repository")},
			{"project", "project_id", exact("project_id"), "project_path", whole("project_path")},
			{"namespace", "namespace_id", exact("namespace_id"), "project_path", owner("project_path")},
			{"pipeline", "pipeline_id", exact("pipeline_id"), "pipeline_slug", whole("organization_slug", "pipeline_slug")},
			{"project", "prj_id", exact("prj_id"), "repo_slug", whole("repo_slug")},
			{"repository", "rpo_id", exact("rpo_id"), "sub", azureProject},
			{"project", "prj_id", exact("prj_id"), "sub", azureProject},
		},
	}
}

var openRenames = openRenaming()

// azureProject splits the subject of an Azure DevOps pipeline or service connection, "p://organization/project/name",
// into the organization with the project, and the rest.
func azureProject(r Rule) (name, rest string) {
	kind, path, ok := strings.Cut(r.Fields[exactRule+"sub"], "://")
	part := strings.Split(path, "/")
	if !ok || kind != "p" && kind != "sc" || len(part) != 3 {
		return "", ""
	}
	return part[0] + "/" + part[1], kind + "/" + part[2]
}
