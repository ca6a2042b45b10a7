package workload

import "strings"

// SeenValue returns the value of a field that lets in jobs such as the one with these claims; "" if they do not say.
func SeenValue(field string, claims map[string]any) string {
	if field == fieldRef {
		return refsLike(claims)
	}
	v, _ := claims[valueClaims[field]].(string)
	return v
}

// valueClaims are the claims whose value of the last granted exchange is what a field would be, by field.
var valueClaims = map[string]string{
	FieldEnvironment: "environment", FieldRepositoryID: "repository_id", FieldProjectID: "project_id", fieldOwnerID: "repository_owner_id",
	fieldNamespaceID: "namespace_id",
}

// refsLike is the pattern of the refs of one sort with a job's: all tags, or that branch.
func refsLike(claims map[string]any) string {
	for _, claim := range []string{"ref", "ref_path"} {
		ref, _ := claims[claim].(string)
		if strings.HasPrefix(ref, "refs/tags/") {
			return "refs/tags/*"
		}
		if strings.HasPrefix(ref, "refs/heads/") {
			return ref
		}
	}
	return ""
}
