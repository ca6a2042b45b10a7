package browser

import (
	"context"
	"encoding/json"
	"os"
	"sync"

	"github.com/chromedp/chromedp"

	"pyindex/internal/clienttest"
)

// axe returns the source of axe-core from the file named by INDEX_TEST_AXE, which test.sh fetches. The script runs
// through the debugger, so the pages' content policy does not block it and need not be loosened.
var axe = sync.OnceValues(func() (string, error) {
	text, err := os.ReadFile(os.Getenv("INDEX_TEST_AXE"))
	return string(text), err
})

// Rule is a violation found on a page: the broken rule and the first element that breaks it.
type Rule struct{ ID, Help, Element, Why string }

// Accessible fails the test for each rule of WCAG 2.2 A and AA, or best practice, that axe finds broken on the current
// page. Without axe the test is skipped, or fails if CI=true.
func (b *Tab) Accessible() {
	b.t.Helper()
	text, err := axe()
	if err != nil {
		clienttest.Missing(b.t, "INDEX_TEST_AXE names no axe-core: %v; run ./test.sh", err)
	}
	var broken []Rule
	if err := b.steady(func() error { return b.check(text, &broken) }); err != nil {
		b.t.Fatalf("axe on %s: %v", b.Where(), err)
	}
	for _, r := range broken {
		b.t.Errorf("%s breaks %s (%s): %s: %s", b.Where(), r.ID, r.Help, r.Element, r.Why)
	}
}

const runAxe = `axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], resultTypes: ["violations"], preload: false }).then((r) =>
	JSON.stringify(r.violations.map((v) => ({ ID: v.id, Help: v.help, Element: v.nodes[0].html.slice(0, 300), Why: v.nodes[0].failureSummary || "" }))))`

// check loads and runs axe in one script, because a later one may run in another document.
func (b *Tab) check(text string, broken *[]Rule) error {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	found, err := chromedp.Run(ctx, chromedp.Evaluate[string](`if (!window.axe) { `+text+` }
`+runAxe, chromedp.EvalAwaitPromise))
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(found), broken)
}
