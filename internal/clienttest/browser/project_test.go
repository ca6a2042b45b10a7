package browser_test

import (
	"fmt"
	"strings"
	"testing"

	"pyindex/internal/clienttest/browser"
	"pyindex/internal/packaging/packagingtest"
)

// number is a number on the page.
func number(t *testing.T, b *browser.Tab, script string) (n float64) {
	t.Helper()
	if _, err := fmt.Sscan(b.Eval(script), &n); err != nil {
		t.Fatalf("%s: %v", script, err)
	}
	return n
}

// On a phone the description comes first, and no classifier is torn over two columns.
func TestProjectOnAPhone(t *testing.T) {
	x := newBusy(t)
	b := x.open()
	about := []string{"Summary: Has many classifiers", "License-Expression: MIT", "Requires-Python: >=3.9"}
	for n := range 40 {
		about = append(about,
			fmt.Sprintf("Classifier: Topic :: Very long classifiers that take several lines on a phone :: Number %d", n))
	}
	x.put("main", packagingtest.Wheel("classified", "1.0", "x",
		append(about, "Description-Content-Type: text/markdown", "", "# Words\n\n"+strings.Repeat("Many words. ", 50))...))
	b.Look(390, "light")
	b.Go("/project/classified/")
	if top := number(t, b, `document.querySelector("#description").getBoundingClientRect().top`); top > 850 {
		t.Errorf("the description begins at %v pixels, want it on the first screen", top)
	}
	if at := number(t, b, `document.querySelector("#details").getBoundingClientRect().top -
		document.querySelector("#description").getBoundingClientRect().bottom`); at < 0 {
		t.Errorf("the details begin %v pixels above the end of the description", -at)
	}
	if b.Eval(`document.querySelector(".classifiers").open`) != "false" {
		t.Error("the classifiers are not folded")
	}
	b.Eval(`document.querySelector(".classifiers").open = true`)
	for _, width := range []int64{390, 800, 1280} {
		b.Look(width, "light")
		if torn := b.Eval(`[...document.querySelectorAll(".classifiers a")].filter(a => {
			const r = [...a.getClientRects()]; return new Set(r.map(x => Math.round(x.left))).size > 1 }).length`); torn != "0" {
			t.Errorf("%s classifiers are torn over two columns at %d pixels", torn, width)
		}
		b.Accessible()
	}
	b.Look(390, "light")
	b.Fits()
}

// On a phone, a list of versions tells beside each which one is yanked, the latest or a pre-release, and no column is
// off the screen.
func TestVersionsOnAPhone(t *testing.T) {
	x := newBusy(t)
	b := x.open()
	for _, v := range []string{"1.0", "1.1", "2.0rc1", "0.9.post20261129120000.dev123456"} {
		x.put("main", packagingtest.Wheel("listed", v, "x"))
	}
	x.Index("project", "yank", "listed", "1.0").OK(t)
	for _, width := range []int64{320, 390, 1280} {
		b.Look(width, "light")
		for _, page := range []string{
			"/project/listed/", "/project/listed/versions/", "/manage/project/listed/releases/",
		} {
			b.Go(page)
			for version, want := range map[string]string{"1.0": "yanked", "1.1": "latest", "2.0rc1": "pre-release"} {
				if want == "latest" && strings.HasPrefix(page, "/manage/") {
					continue // the list to manage does not tell
				}
				cell := b.Eval(fmt.Sprintf(`[...document.querySelectorAll(".versions td:first-child")].find(
					c => c.querySelector("a").textContent == %q).innerText`, version))
				if !strings.Contains(cell, want) {
					t.Errorf("%s at %d pixels: beside %s is %s, want %s", page, width, version, cell, want)
				}
			}
			if over := b.Eval(`(e => e.scrollWidth - e.clientWidth)(document.querySelector(".versions").parentNode)`); over != "0" {
				t.Errorf("%s at %d pixels: the versions are %s pixels too wide", page, width, over)
			}
			b.Fits()
		}
		b.Shot(fmt.Sprintf("versions-%d", width))
	}
}

// A comparison shows the code that differs, is asked for with a list of versions, and fits a phone.
func TestCompareReleases(t *testing.T) {
	x := newBusy(t)
	b := x.open()
	for _, v := range []string{"1.0", "1.1", "1.2"} {
		x.put("main", packagingtest.Wheel("compared", v, v, "Summary: Version "+v, "Classifier: Kept",
			"Classifier: Number :: "+v,
			"Requires-Dist: six>="+v, "Description-Content-Type: text/markdown", "", "Words\n\nof "+v+"\n"))
	}
	b.Go("/project/compared/1.2/")
	b.Press("Changes in 1.2")
	b.At("/project/compared/1.2/diff/")
	b.See("changed: compared.py")
	b.Choose("Compare with another version", "1.0")
	b.Press("Compare")
	b.See("Changes since 1.0")
	look(b, "/project/compared/1.2/diff/?against=1.0", "diff-compared")
	b.Look(390, "light")
	if left := b.Eval(`new Set([...document.querySelectorAll(".sides th[scope=row], .sides td")].map(
		x => Math.round(x.getBoundingClientRect().left))).size`); left != "1" {
		t.Errorf("the metadata has %s columns on a phone, want one", left)
	}
}

// The repositories that a person may read are a click away, also without scripts; the management pages have the same
// head everywhere.
func TestSwitchRepository(t *testing.T) {
	x := newBusy(t)
	b := x.open()
	x.put("main", packagingtest.Wheel("here", "1.0", "x"))
	x.Index("repository", "add", "private").OK(t)
	b.Scripts(false)
	for _, page := range []string{"releases/", "settings/publishing/", "collaboration/", "settings/", "history/"} {
		b.Go("/manage/project/here/" + page)
		b.See("Project page")
	}
	b.Press("Repositories")
	b.Press("private")
	b.At("/r/private/")
	b.Scripts(true)
	for _, width := range []int64{360, 390, 1280} {
		b.Look(width, "light")
		for _, page := range []string{"/", "/r/private/"} {
			b.Go(page)
			if height := number(t, b, `document.querySelector(".top").offsetHeight`); height > 140 {
				t.Errorf("the header of %s is %v pixels high at %d pixels", page, height, width)
			}
		}
		b.Press("Repositories")
		b.Accessible()
		b.Fits()
		b.Shot(fmt.Sprintf("switch-open-%d", width))
	}
	b.Go("/nothing/here/")
	b.See("Page not found")
	b.See("alice")
}
