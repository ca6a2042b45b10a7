package page_test

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pyindex/internal/upstream/page"
)

const hexPath = "ab/cd/000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d/"

// opaque is the path of a file whose URL cannot be turned back.
func opaque(link, filename string) string {
	sum := sha256.Sum256([]byte(link))
	return "-/" + hex.EncodeToString(sum[:])[:32] + "/" + filename
}

func TestPathOfAFile(t *testing.T) {
	const name = "foo-1.0.tar.gz"
	const root, folder = "https://files.example/", "https://files.example/x/"
	for _, c := range []struct{ name, url, artifactBase, base string }{
		{"the usual layout", "https://files.example/packages/" + hexPath + name, "", "https://files.example/packages/"},
		{"the usual layout at the root", "https://files.example/" + hexPath + name, "", "https://files.example/"},
		{"the usual layout beside another base", root + hexPath + name, "https://x.example/", root},
		{"below the base", "https://files.example/x/y/z/" + name, "https://files.example/x/", "https://files.example/x/"},
		{"below a base without a slash", folder + "y/" + name, "https://files.example/x", folder},
		{"right below the base", "https://files.example/x/" + name, "https://files.example/x/", "https://files.example/x/"},
		{"the usual layout below the base", folder + "y/" + hexPath + name, folder, folder},
		{"no base", "https://files.example/x/y/z/" + name, "", ""},
		{"beside the base", "https://files.example/xx/" + name, "https://files.example/x", ""},
		{"another scheme than the base", "http://files.example/x/" + name, "https://files.example/x/", ""},
		{"another host than the base", "https://files.example.net/x/" + name, "https://files.example", ""},
		{"a query", "https://files.example/packages/" + hexPath + name + "?a=1", "https://files.example/", ""},
		{"an empty query", "https://files.example/packages/" + hexPath + name + "?", "https://files.example/", ""},
		{"a semicolon", "https://files.example/x;y/" + name, "https://files.example/", ""},
		{"an escaped slash", "https://files.example/x%2Fy/" + name, "https://files.example/", ""},
		{"an escaped slash before the usual layout", "https://files.example/x%2Fy/" + hexPath + name, "", ""},
		{"a question mark in the host", "https://files.example?/" + hexPath + name, "", ""},
		{"a user", "https://me@files.example/" + hexPath + name, "", ""},
		{"no host", "https:///" + hexPath + name, "", ""},
		{"another kind of URL", "ftp://files.example/" + hexPath + name, "ftp://files.example/", ""},
		{"a fragment", "https://files.example/" + hexPath + "x#/" + name, "", ""},
		{"two dots", "https://files.example/x/../" + name, "https://files.example/", ""},
		{"two dots before the usual layout", "https://files.example/x/../" + hexPath + name, "", ""},
		{"escaped dots", "https://files.example/%2e%2e/" + name, "https://files.example/", ""},
		{"one dot", "https://files.example/./" + name, "https://files.example/", ""},
		{"an empty segment", "https://files.example/x//" + name, "https://files.example/", ""},
		{"an escaped letter", "https://files.example/%78/" + name, "https://files.example/", ""},
		{"a blank", "https://files.example/a%20b/" + name, "https://files.example/", ""},
		{"a segment that means a digest", "https://files.example/-/x/" + name, "https://files.example/", ""},
		{"upper-case digits", "https://files.example/" + strings.ToUpper(hexPath) + name, "", ""},
		{"too few digits", "https://files.example/ab/cd/" + hexPath[7:] + name, "", ""},
		{"digits in other places", "https://files.example/abcd/" + hexPath[6:] + name, "", ""},
	} {
		want := opaque(c.url, name)
		if c.base != "" {
			want = c.url[len(c.base):]
		}
		if got := page.Base(c.url, c.artifactBase); got != c.base {
			t.Errorf("%s: Base = %q, want %q", c.name, got, c.base)
		}
		f := page.File{URL: c.url, Filename: name}
		if got := f.Path(c.artifactBase); got != want {
			t.Errorf("%s: Path = %q, want %q", c.name, got, want)
		}
		if got, ok := page.URLOf(want, c.base); ok != (c.base != "") || ok && got != c.url {
			t.Errorf("%s: URLOf(%q) = %q, %v", c.name, want, got, ok)
		}
		for _, other := range []string{
			"foo-1.0.zip", "-/" + strings.Repeat("0", 32) + "/" + name, "x" + want, want + "/", name + "/../" + want, "",
		} {
			p := page.Page{Files: []page.File{{URL: "https://files.example/" + name, Filename: "other-1.0.zip"}, f}}
			if got, ok := p.Find(want, c.artifactBase); !ok || got.URL != c.url {
				t.Errorf("%s: Find(%q) = %+v, %v", c.name, want, got, ok)
			}
			if got, ok := p.Find(other, c.artifactBase); ok && other != want {
				t.Errorf("%s: Find(%q) = %+v", c.name, other, got)
			}
		}
	}
}

// Clients read the name of a file from the end of its URL.
func TestAPathEndsInTheNameOfTheFile(t *testing.T) {
	for _, link := range []string{
		"https://files.example/" + hexPath + "foo-1.0%2Ba.tar.gz", "https://files.example/" + hexPath + "download",
		"https://files.example/" + hexPath + "foo-1.0.zip", "https://files.example/get?name=foo-1.0+a.tar.gz",
	} {
		f := page.File{URL: link, Filename: "foo-1.0+a.tar.gz"}
		if got, want := f.Path("https://files.example/"), opaque(link, f.Filename); got != want {
			t.Errorf("Path of %q = %q, want %q", link, got, want)
		}
	}
}

func TestBaseOfAPage(t *testing.T) {
	one := page.File{URL: "https://a.example/p/" + hexPath + "foo-1.0.zip", Filename: "foo-1.0.zip"}
	two := page.File{URL: "https://a.example/p/" + hexPath + "foo-2.0.zip", Filename: "foo-2.0.zip"}
	other := page.File{URL: "https://b.example/p/" + hexPath + "foo-3.0.zip", Filename: "foo-3.0.zip"}
	none := page.File{URL: "https://b.example/foo-3.0.zip", Filename: "foo-3.0.zip"}
	for _, c := range []struct {
		files []page.File
		want  string
	}{
		{[]page.File{one, two}, "https://a.example/p/"},
		{[]page.File{none, one, none, two}, "https://a.example/p/"},
		{[]page.File{one, other}, ""},
		{[]page.File{none}, ""},
		{nil, ""},
	} {
		if got := (page.Page{Files: c.files}).Base(""); got != c.want {
			t.Errorf("Base of %+v = %q, want %q", c.files, got, c.want)
		}
	}
}

func TestProjectsOfAFileName(t *testing.T) {
	for _, c := range []struct {
		file string
		want []string
	}{
		{"foo-1.0-py3-none-any.whl", []string{"foo"}},
		{"Foo.Bar_baz-1.0-2-cp311-cp311-linux_x86_64.whl", []string{"foo-bar-baz"}},
		{"foo-1.0.tar.gz", []string{"foo"}},
		{"foo_bar-1.0.tar.gz", []string{"foo-bar"}},
		{"foo-bar-1.0.zip", []string{"foo-bar"}},
		{"zope.interface-5.4.0.tar.bz2", []string{"zope-interface"}},
		{"foo-1-1.0.tar.gz", []string{"foo-1"}},
		{"foo-1.0-1.tar.gz", []string{"foo-1-0", "foo"}},
		{"foo-2-1.tar.gz", []string{"foo-2", "foo"}},
		{"foo-1-rc-1.tar.gz", []string{"foo-1-rc", "foo"}},
		{"foo-1-dev-1.tgz", []string{"foo-1-dev", "foo"}},
		{"a-1-rc-1-post-1-dev-1.zip", []string{"a-1-rc-1-post-1-dev", "a-1-rc-1-post", "a-1-rc", "a"}},
		{"foo-1.0.egg", nil},
		{"foo-1.0.exe", nil},
		{"foo-1.0.tar.xz", nil},
		{"foo.tar.gz", nil},
		{"foo-bar.tar.gz", nil},
		{"-1.0.tar.gz", nil},
		{"foo-1.0.tar.gz.metadata", nil},
		{"../foo-1.0.tar.gz", nil},
		{"foo-1.0\n.tar.gz", nil},
		{strings.Repeat("a", 300) + "-1.0.tar.gz", nil},
		{strings.Repeat("-1", 120) + ".zip", nil},
		{"", nil},
	} {
		var got []string
		for _, name := range page.Projects(c.file) {
			got = append(got, name.String())
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("Projects(%q) = %v, want %v", c.file, got, c.want)
		}
	}
}

// TestMetadataURL: behind a query, ".metadata" would ask for the file itself, which would then be taken for metadata.
func TestMetadataURL(t *testing.T) {
	for link, want := range map[string]string{
		"https://files.example/p-1.0.whl":           "https://files.example/p-1.0.whl.metadata",
		"https://files.example/p-1.0.whl?token=a?b": "https://files.example/p-1.0.whl.metadata?token=a?b",
	} {
		if got := (page.File{URL: link}).MetadataURL(); got != want {
			t.Errorf("MetadataURL() of %s = %s, want %s", link, got, want)
		}
	}
}
