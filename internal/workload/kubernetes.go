package workload

import (
	"strings"
)

const kubernetesSubject = "system:serviceaccount:"

var (
	kubernetesNamespace = newPattern(`\A[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\z`)
	kubernetesAccount   = newPattern(`\A[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?\z`)
)

// Kubernetes identifies pods by their service account, with the token that a projected volume has. Namespace and
// account are names: whoever may create pods in the namespace can act as the account. The account's id is only in an
// object inside the token. The issuer is the cluster's, exactly as it writes it: some end in "/".
var Kubernetes = &Kind{
	name: "kubernetes", Short: "Kubernetes", Title: "Kubernetes", Help: "A service account of a Kubernetes cluster.",
	key: []string{"namespace", "service_account"}, shared: true, listed: true,
	sentence: "Kubernetes service account {service_account} in namespace {namespace} of @",
	Fields: []Field{
		{
			Name: "namespace", Label: "Namespace", Example: "ci", Required: true,
			Help: "A namespace of the issuer's cluster. The issuer is the one that " +
				"“kubectl get --raw /.well-known/openid-configuration” shows, exactly: some end in “/”.",
			Pattern: "lower-case letters, digits and '-'",
			parse:   matching(kubernetesNamespace, "is not a namespace: use lower-case letters, digits and '-'"),
		}, {
			Name: "service_account", Label: "Service account", Example: "publisher", Required: true,
			Help:    "Anyone who may create pods in the namespace can act as this account: use a separate namespace.",
			Pattern: "lower-case letters, digits, '-' and '.'",
			parse:   matching(kubernetesAccount, "is not a service account: use lower-case letters, digits, '-' and '.'"),
		}, {
			Name: "service_account_id", Label: "Service account ID", Stricter: true, ID: true,
			Example: "01890000-0000-4000-8000-000000000009",
			Help: "Excludes an account that is recreated under this name. It is the metadata.uid that " +
				"“kubectl get serviceaccount NAME -o yaml” shows.",
			Pattern: "a UUID", Tighten: "Pin to this account",
			Claim: "kubernetes.io/serviceaccount/uid", path: []string{"kubernetes.io", "serviceaccount", "uid"},
			parse: parseUUID, fits: asText(equal), say: phrase(", with the id ", ""),
		},
	},
	claims:    []string{"sub"},
	recognize: func(_ string, c Claims) bool { return strings.HasPrefix(text(c, "sub"), kubernetesSubject) },
	recognizeRule: func(issuer string, r Rule) bool {
		return strings.HasPrefix(r.Fields[exactRule+"sub"], kubernetesSubject) || strings.Contains(hostOf(issuer), "kubernetes")
	},
	lookup: func(c Claims) (string, *Mismatch) {
		namespace, account, ok := kubernetesNames(c)
		if !ok {
			return "", wrong("sub", c["sub"], "not that of a service account, "+kubernetesSubject+"NAMESPACE:NAME")
		}
		return namespace + "/" + account, nil
	},
	checks: []check{func(r Rule, c Claims) *Mismatch {
		return exactly(c, "sub", kubernetesSubject+r.Fields["namespace"]+":"+r.Fields["service_account"])
	}},
	suggest: func(c Claims) map[string]string {
		namespace, account, ok := kubernetesNames(c)
		if !ok {
			return nil
		}
		return map[string]string{"namespace": namespace, "service_account": account}
	},
	sampled: func(r Rule, job Claims) {
		job["sub"] = kubernetesSubject + r.Fields["namespace"] + ":" + r.Fields["service_account"]
	},
	run: runClaims{workload: []string{"sub"}},
	warn: func(fields map[string]string, _ string) []Warning {
		out := []Warning{{
			CouldBeStricter, "Anyone who may create pods or tokens in that namespace can act as this service account.", "", "",
		}}
		if fields["service_account_id"] == "" {
			out = append(out, Warning{
				CouldBeStricter, "A service account that is recreated under this name is trusted too.", "service_account_id", "",
			})
		}
		return out
	},
}

// kubernetesNames returns the namespace and the name of a token's service account.
func kubernetesNames(c Claims) (namespace, account string, ok bool) {
	rest, ok := strings.CutPrefix(text(c, "sub"), kubernetesSubject)
	namespace, account, _ = strings.Cut(rest, ":")
	return namespace, account, ok && kubernetesNamespace.MatchString(namespace) && kubernetesAccount.MatchString(account)
}
