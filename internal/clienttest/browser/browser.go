// Package browser drives the pages in Debian's Chromium as a person would. It finds fields by their labels, and buttons
// and links by their text. It waits for expected results, never for a fixed time.
//
// An error message on the console, such as a content policy violation, fails the test.
package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// patience is the timeout for an expected result on a busy machine.
const patience = 30 * time.Second

var (
	once    sync.Once
	browser context.Context
	quit    func()
	missing string
)

// Main runs a package's tests and closes the browser afterwards.
func Main(m *testing.M) {
	code := m.Run()
	if quit != nil {
		quit()
	}
	os.Exit(code)
}

func start() {
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		missing = "there is no Chromium on this machine"
		return
	}
	ctx, end := chromedp.NewExecAllocator(context.Background(), chromedp.ExecPath(path), chromedp.Headless,
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("hide-scrollbars", true))
	ctx, cancel := chromedp.NewContext(ctx)
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		missing = "Chromium does not start: " + err.Error()
	}
	browser, quit = ctx, func() { cancel(); end() }
}

// Tab is a window in a fresh browser profile.
type Tab struct {
	t    testing.TB
	ctx  context.Context
	base string

	loading loading

	mu     sync.Mutex
	errors []string
}

// Open opens a tab for the pages of a server. Without Chromium the test is skipped, or fails if CI=true.
func Open(t testing.TB, base string) *Tab {
	t.Helper()
	once.Do(start)
	if missing != "" {
		if os.Getenv("CI") == "true" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	ctx, stop := context.WithTimeout(ctx, 5*time.Minute)
	tab := &Tab{t: t, ctx: ctx, base: base}
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatal(err)
	}
	if err := tab.loading.follow(ctx); err != nil {
		t.Fatal(err)
	}
	go tab.listen()
	t.Cleanup(func() {
		stop()
		cancel()
		tab.mu.Lock()
		defer tab.mu.Unlock()
		for _, e := range tab.errors {
			t.Errorf("the console says: %s", e)
		}
	})
	return tab
}

// refusals matches responses with intended error statuses, which the console reports too.
var refusals = regexp.MustCompile(`responded with a status of (403|404|409|422|429|502|503)`)

func (b *Tab) listen() {
	for m, err := range chromedp.Console(b.ctx) {
		if err != nil {
			return
		}
		text := m.String()
		if !strings.HasPrefix(text, "error") && !m.IsException() || refusals.MatchString(text) {
			continue
		}
		b.mu.Lock()
		b.errors = append(b.errors, text)
		b.mu.Unlock()
	}
}

func (b *Tab) run(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatalf("%s: %v; the page at %s says:\n%s", what, err, b.Where(), b.Text())
	}
}

// Go opens a path of the server or a complete URL.
func (b *Tab) Go(path string) {
	b.t.Helper()
	if !strings.Contains(path, "://") {
		path = b.base + path
	}
	b.run("opening "+path, chromedp.Navigate(path))
}

func (b *Tab) eval(script string, v any) error {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`JSON.stringify(`+script+`)`))
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(text), v)
}

// Eval runs a script on the complete document and returns its result as text.
func (b *Tab) Eval(script string) string {
	b.t.Helper()
	b.settle()
	var s string
	if err := b.eval(`String(`+script+`)`, &s); err != nil {
		b.t.Fatalf("%s: %v", script, err)
	}
	return s
}

// Text returns the text of the page.
func (b *Tab) Text() string {
	var s string
	_ = b.eval(`document.body ? document.body.innerText : ""`, &s)
	return s
}

// Where returns the page's address without the server's base URL.
func (b *Tab) Where() string {
	var s string
	_ = b.eval(`location.href`, &s)
	return strings.TrimPrefix(s, b.base)
}

// wait waits until holds reports true on a complete document.
func (b *Tab) wait(what string, holds func() bool) {
	b.t.Helper()
	for deadline := time.Now().Add(patience); !b.still() || !holds(); time.Sleep(30 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.t.Fatalf("%s: not within %v; the page at %s says:\n%s", what, patience, b.Where(), b.Text())
		}
	}
}

// See waits until the page contains a text.
func (b *Tab) See(text string) {
	b.t.Helper()
	b.wait(fmt.Sprintf("the page says %q", text), func() bool { return strings.Contains(flat(b.Text()), flat(text)) })
}

func flat(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }

// Gone waits until the page does not contain a text.
func (b *Tab) Gone(text string) {
	b.t.Helper()
	b.wait(fmt.Sprintf("the page does not say %q", text),
		func() bool { return !strings.Contains(flat(b.Text()), flat(text)) })
}

// At waits until the page's path, without the query, is path.
func (b *Tab) At(path string) {
	b.t.Helper()
	b.wait("the page is at "+path, func() bool { at, _, _ := strings.Cut(b.Where(), "?"); return at == path })
}

func quoted(s string) string { q, _ := json.Marshal(s); return string(q) }

// finder defines functions that find visible elements by their text.
const finder = `
const flat = (s) => s.replace(/\s+/g, " ").trim().toLowerCase();
const seen = (e) => e && e.checkVisibility && e.checkVisibility() && !e.closest("[hidden]");
const labelled = (text) => {
  const want = flat(text);
  for (const l of document.querySelectorAll("label")) {
    const own = flat(l.textContent.replace(/optional|recommended/g, ""));
    if (own === want && l.control && seen(l.control)) return l.control;
  }
  for (const e of document.querySelectorAll("input, select, textarea"))
    if (flat(e.getAttribute("aria-label") || "") === want && seen(e)) return e;
};
const pressed = (text) => {
  const want = flat(text);
  for (const [where, exact] of [["main ", true], ["", true], ["main ", false], ["", false]])
    for (const e of document.querySelectorAll(where + "button, " + where + "a, " + where + "summary")) {
      const own = flat(e.getAttribute("aria-label") || e.innerText || "");
      if (seen(e) && !e.disabled && !(e.tagName === "SUMMARY" && e.parentElement.open) &&
        (exact ? own === want : own.includes(want))) return e;
    }
};`

// element waits for the element that a script finds, scrolls to it and marks it.
func (b *Tab) element(what, script string) chromedp.CSS {
	b.t.Helper()
	b.wait("finding "+what, func() bool {
		var ok bool
		err := b.eval(`(() => {`+finder+` const e = `+script+
			`; document.querySelectorAll("[data-found]").forEach((o) => o.removeAttribute("data-found"));
			if (!e) return false; e.setAttribute("data-found", ""); e.scrollIntoView({ block: "center", behavior: "instant" }); return true; })()`, &ok)
		return err == nil && ok
	})
	return "[data-found]"
}

// Fill replaces the value of the field with a label.
func (b *Tab) Fill(label, value string) {
	b.t.Helper()
	e := b.element("the field "+label, `labelled(`+quoted(label)+`)`)
	b.run("filling "+label, chromedp.Clear(e), chromedp.SendKeys(e, value))
}

// Choose selects an option of a select element by its text.
func (b *Tab) Choose(label, option string) {
	b.t.Helper()
	b.element("the choice "+label, `labelled(`+quoted(label)+`)`)
	var ok bool
	if err := b.eval(`(() => { const e = document.querySelector("[data-found]"); for (const o of e.options) if (o.text.trim() === `+quoted(option)+`) { e.value = o.value;
		e.dispatchEvent(new Event("input", { bubbles: true })); e.dispatchEvent(new Event("change", { bubbles: true })); return true; } return false; })()`, &ok); err != nil || !ok {
		b.t.Fatalf("choosing %s of %s: %v, %v", option, label, ok, err)
	}
}

// Attach selects files in the field with a label.
func (b *Tab) Attach(label string, paths ...string) {
	b.t.Helper()
	b.run("choosing files", chromedp.SetUploadFiles(b.element("the field "+label, `labelled(`+quoted(label)+`)`), paths))
}

// Press presses the button, follows the link or opens the section with this text. A section that is already open
// remains open, and the button inside it is pressed. If this leads to another document, Press waits until it is
// complete.
func (b *Tab) Press(text string) {
	b.t.Helper()
	b.run("pressing "+text, chromedp.Click(b.element("the button "+text, `pressed(`+quoted(text)+`)`)))
	b.settle()
}

// Key presses a key such as "/" or "\r". If this leads to another document, Key waits until it is complete.
func (b *Tab) Key(key string) {
	b.t.Helper()
	b.run("the key "+key, chromedp.KeyEvent(key))
	b.settle()
}

// Scripts enables or disables scripts for later pages.
func (b *Tab) Scripts(on bool) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled,
		emulation.SetScriptExecutionDisabledParams{Value: !on}); err != nil {
		b.t.Fatal(err)
	}
}

// Look sets the width of the window and the color scheme, "light" or "dark".
func (b *Tab) Look(width int64, scheme string) {
	b.t.Helper()
	b.run("looking", chromedp.EmulateViewport(width, 900))
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia,
		emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			// reduced motion avoids pages caught in mid-transition
			{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
		}})
	if err != nil {
		b.t.Fatal(err)
	}
}

// Fits fails the test if the page is wider than the window, so that a reader would have to scroll sideways.
func (b *Tab) Fits() {
	b.t.Helper()
	if over := b.Eval(`document.documentElement.scrollWidth - document.documentElement.clientWidth`); over != "0" {
		b.t.Errorf("%s is %s px wider than the window of %s px", b.Where(), over, b.Eval(`innerWidth`))
	}
}

// Shot saves a screenshot of the whole page in $INDEX_TEST_SCREENSHOTS and logs its name. It does nothing if that is
// unset.
func (b *Tab) Shot(name string) {
	b.t.Helper()
	dir := os.Getenv("INDEX_TEST_SCREENSHOTS")
	if dir == "" {
		return
	}
	var picture []byte
	err := b.steady(func() (err error) {
		picture, err = chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
		return err
	})
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	path := filepath.Join(dir, name+".png")
	if err == nil {
		err = os.WriteFile(path, picture, 0o644)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Logf("picture: %s.png (%d kB)", name, len(picture)/1000)
}

// Authenticator adds a virtual device to the tab that stores passkeys and approves every request.
func (b *Tab) Authenticator() {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, webauthn.Enable, webauthn.EnableParams{}); err != nil {
		b.t.Fatal(err)
	}
	_, err := chromedp.Call(b.ctx, webauthn.AddVirtualAuthenticator,
		webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
			HasResidentKey: true, HasUserVerification: true,
			IsUserVerified: true, AutomaticPresenceSimulation: true,
		}})
	if err != nil {
		b.t.Fatal(err)
	}
}
