//go:build !windows

package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// unchecked are the functions that begin an update without reading a caller's rights again in it, each with the reason
// why no caller's rights decide about what it writes. Everything else goes through access.Update.
var unchecked = map[string]string{
	"access.Directory.BeginSession":  "whoever calls it has made sure who the person is; the account is read in the transaction",
	"access.Directory.SweepSessions": "the server's own",
	"access.Directory.Leaked":        "whoever has a token may end it",
	"access.Directory.refuse":        "records a refusal",
	"access.Keyring.Flush":           "notes when tokens were used",
	"access.Changes.Deny":            "records a refusal",

	"advisory.Advisories.unchanged": "the server's own: notes that a feed has not changed",

	"custody.Keeper.Hold":            "notes which bytes an upload is about to keep; its row is added by commit",
	"custody.Keeper.ReleaseHolds":    "gives up what a failed upload held",
	"custody.Keeper.dropOne":         "forgets bytes that nothing names",
	"custody.Keeper.Sweep":           "forgets keys that were spent long ago",
	"custody.Keeper.sweepWith":       "forgets bytes that nothing names",
	"catalog.Index.putCards":         "the server's own",
	"catalog.Index.recountSizes":     "the server's own",
	"catalog.Index.ClaimUpstream":    "the server's own: an upstream answered, and the first to commit owns the name",
	"catalog.Index.FlushDownloads":   "counts downloads",
	"catalog.Index.SweepDownloads":   "the server's own",
	"ingest.Intake.refused":          "records a refusal",
	"exchange.Minter.Burn":           "whoever has a token may end it",
	"exchange.Minter.exchange":       "the identity token decides, and is matched in the transaction",
	"exchange.Minter.refused":        "records a refusal",
	"publishers.Registry.Sweep":      "the server's own",
	"publishers.Registry.RemoveWith": "records a refusal, after access.Update",

	"publishers.Registry.RecordServing": "the server's own",

	"lockout.Desk.refuse": "records a refusal",

	"follow.Followers.Follow":   "the user's right to read is asked in the transaction; the row gives no right",
	"follow.Followers.Unfollow": "ends what only the caller has",
	"follow.Followers.notify":   "the server's own",

	"publishers.Registry.sweepExchanges": "the server's own",
	"signin.Methods.unjudged":            "takes back a try that nobody judged",
	"account.Accounts.TakeSignOn":        "the challenge decides, and is used up",
	"challenge.Sealer.read":              "makes the key that challenges are sealed with",
	"signin.Methods.passed":              "the password decides",
	"signin.Methods.confirmByCode":       "the code decides; nothing but its use is noted",
	"signin.Methods.confirmByPassword":   "the password decides; nothing but the try is noted",
	"custody.Keeper.CheckStored":         "keeps the outcome of a look at the store, which the caller asked for",
	"custody.Keeper.mendFrom":            "notes that bytes were put back; no row of a file changes",
	"custody.Keeper.tell":                "forgets keys of objects that no file needs",
	"account.Accounts.RefuseIdentity":    "the provider decides, and takes what it gave",
	"account.Accounts.Unlink":            "reads the caller again by Self",
	"outbox.Outbox.Warn":                 "keeps a letter to the person whom a change was about",
	"outbox.Outbox.deliver":              "the server's own",
	"account.Accounts.refused":           "records a refusal",
	"outbox.Outbox.claim":                "the server's own: marks the tokens that a letter is about",
	"outbox.Outbox.release":              "the server's own: takes back claim",
	"signin.Methods.change":              "reads the caller again by Self",
	"signin.Methods.TakeForm":            "reads the caller again by Self",
	"account.Accounts.FirstLink":         "the operator's, who has no credential that could end",
	"account.Accounts.Accept":            "the link decides, and is read in the transaction",
	"account.Accounts.AcceptByPasskey":   "the link decides, and is read in the transaction",
	"account.Accounts.Reset":             "the link decides, and is read in the transaction",
	"account.Accounts.AskForLink":        "nobody's rights decide",
	"account.Accounts.ForgottenLink":     "nobody's rights decide",
	"signin.Methods.SignIn":              "the password decides",
	"signin.Methods.SecondFactor":        "the code decides",
	"signin.Methods.Remember":            "whoever calls it has made sure who the person is",
	"signin.Methods.failed":              "records a refusal",
	"account.Accounts.SignInByIdentity":  "the provider decides; an identity is linked by Self",
	"signin.Methods.SignInByPasskey":     "the passkey decides",
	"account.Accounts.Sweep":             "the server's own",
	"account.Accounts.SetProfile":        "reads the caller again by Self",
	"signin.Methods.Sweep":               "the server's own",
	"outbox.Outbox.Sweep":                "the server's own",
}

// Every change that a caller's rights decide about reads them again in its transaction. A function that begins an
// update by itself has a reason above.
func TestChangesReadTheCallersRightsAgain(t *testing.T) {
	seen := map[string]bool{}
	for _, pkg := range []string{
		"access", "catalog", "publishers", "publishers/exchange", "account", "account/challenge", "account/outbox",
		"account/signin", "lockout", "custody", "ingest", "roles", "follow", "holds", "advisory",
	} {
		files, err := filepath.Glob(filepath.Join("..", "..", "internal", pkg, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no files of %s: %v", pkg, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range f.Decls {
				fn, ok := d.(*ast.FuncDecl)
				if !ok || !beginsUpdate(fn) {
					continue
				}
				name := filepath.Base(pkg) + "." + receiver(fn) + fn.Name.Name
				seen[name] = true
				if unchecked[name] == "" {
					t.Errorf(
						"%s updates the store without access.Update: rights that ended while the request was on its way would still count", name,
					)
				}
			}
		}
	}
	for name := range unchecked {
		if !seen[name] {
			t.Errorf("%s begins no update by itself any longer: take it out of the table", name)
		}
	}
}

// beginsUpdate reports whether a function calls Update of a field named store.
func beginsUpdate(fn *ast.FuncDecl) (found bool) {
	ast.Inspect(fn, func(n ast.Node) bool {
		call, ok := n.(*ast.SelectorExpr)
		if !ok || call.Sel.Name != "Update" {
			return true
		}
		of, ok := call.X.(*ast.SelectorExpr)
		found = found || ok && of.Sel.Name == "store"
		return true
	})
	return found
}

// receiver is the type that a method is of, with a dot, "" for a function.
func receiver(fn *ast.FuncDecl) string {
	if fn.Recv == nil {
		return ""
	}
	t := fn.Recv.List[0].Type
	if p, ok := t.(*ast.StarExpr); ok {
		t = p.X
	}
	if g, ok := t.(*ast.IndexExpr); ok {
		t = g.X
	}
	if id, ok := t.(*ast.Ident); ok {
		return id.Name + "."
	}
	return ""
}
