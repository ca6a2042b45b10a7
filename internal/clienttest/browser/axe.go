package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"

	"github.com/chromedp/chromedp"

	"pyindex/internal/clienttest"
)

// axe is the text of axe-core, which INDEX_TEST_AXE names; test.sh fetches it. It is run as a debugger runs things, so
// that the pages' content policy neither hinders it nor has to be loosened.
var axe = sync.OnceValues(func() (string, error) {
	text, err := os.ReadFile(os.Getenv("INDEX_TEST_AXE"))
	return string(text), err
})

// Rule is what the check of a page found: the rule that is broken and the first element that breaks it.
type Rule struct{ ID, Help, Element, Why string }

// Accessible fails the test for each rule of WCAG 2.2 A and AA, or of good practice, that axe finds broken on the page
// as it is. Without axe the test is skipped, and fails with CI=true.
func (b *Tab) Accessible() {
	b.t.Helper()
	text, err := axe()
	if err != nil {
		clienttest.Missing(b.t, "INDEX_TEST_AXE names no axe-core: %v; run ./test.sh", err)
	}
	var broken []Rule
	if err := b.check(text, &broken); err != nil {
		b.t.Fatalf("axe on %s: %v", b.Where(), err)
	}
	for _, r := range broken {
		b.t.Errorf("%s breaks %s (%s): %s: %s", b.Where(), r.ID, r.Help, r.Element, r.Why)
	}
}

const runAxe = `axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], resultTypes: ["violations"], preload: false }).then((r) =>
	JSON.stringify(r.violations.map((v) => ({ ID: v.id, Help: v.help, Element: v.nodes[0].html.slice(0, 300), Why: v.nodes[0].failureSummary || "" }))))`

func (b *Tab) check(text string, broken *[]Rule) error {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[string](`if (!window.axe) { `+text+` } "here"`)); err != nil {
		return fmt.Errorf("loading it: %w", err)
	}
	found, err := chromedp.Run(ctx, chromedp.Evaluate[string](runAxe, chromedp.EvalAwaitPromise))
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(found), broken)
}
