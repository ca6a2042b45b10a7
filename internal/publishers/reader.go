package publishers

import (
	"pyindex/internal/access"
	"pyindex/internal/catalog"
)

// Reader is a rule that trusts workloads to read: those whose verified claims fit may see a repository, or some projects
// of it. Its Publisher is the rule itself, compiled and compared as any publisher's; the id is the reader's.
type Reader struct {
	Publisher
	RepositoryID string
	Whole        bool            // all of the repository; Projects is empty then
	Projects     []ReaderProject // by normal name; a reader that is not whole and has none lets nobody see anything
}

// ReaderProject is a project that a reader names.
type ReaderProject struct{ ID, Name string }

// mayRule reports whether who says who reads in a place: an administrator, an owner of the repository, or, for a reader of
// some projects, the owner of each of them.
func mayRule(who access.Caller, repo catalog.Repository, whole bool, projects []catalog.Project) bool {
	if who.Admin() || who.May(access.Owner, repo.Object()) {
		return true
	}
	for _, p := range projects {
		if !MayManage(who, p) {
			return false
		}
	}
	return !whole && len(projects) > 0
}
