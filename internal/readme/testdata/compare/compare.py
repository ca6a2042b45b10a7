"""Compare package readme with readme_renderer, which PyPI uses: words, links, anchors, colors, alerts and columns.

    python3 -m venv venv && venv/bin/pip install docutils "readme_renderer[md]"
    venv/bin/pip download --no-deps --dest FOLDER PROJECT...
    venv/bin/python internal/readme/testdata/compare/compare.py FOLDER

FOLDER holds wheels or their METADATA files (NAME.METADATA), or descriptions as NAME.md and NAME.rst. With --examples it
writes the words of internal/readme/testdata/rest/*.rst, which the tests compare with. Run it in the root of the source
tree. It is not part of the tests: the descriptions are other people's.

A link counts if it leads somewhere: to another site, or to an element of the page, of which each counts once. Links of headings to themselves or to
the table of contents, and links in place of pictures, do not count. A block of code counts if any of it has a color.
"""

import collections
import email.parser
import email.policy
import glob
import html.parser
import os
import re
import subprocess
import sys
import unicodedata
import urllib.parse
import zipfile

import readme_renderer.markdown
import readme_renderer.rst


class Page(html.parser.HTMLParser):
    """What a reader gets of a page."""

    def __init__(self, page):
        super().__init__()
        self.out, self.hrefs, self.ids = [], [], set()
        self.link, self.empty = None, True
        self.code, self.colored, self.aligned, self.alerts = False, 0, 0, 0
        self.feed(page)
        self.close()
        self.words = collections.Counter(re.findall(r"\w+", "".join(self.out)))
        self.symbols = collections.Counter(c for c in "".join(self.out) if unicodedata.category(c) == "So")
        self.inner = [h for h in self.hrefs if h.startswith("#")]
        self.found = {h for h in self.inner if urllib.parse.unquote(h[1:]) in self.ids or h == "#"}
        self.outer = [h for h in self.hrefs if re.match(r"(https?://|mailto:)", h)]

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        classes = (attrs.get("class") or "").split()
        if attrs.get("id"):
            self.ids.add(attrs["id"])
        if tag == "a":
            self.link, self.empty = attrs.get("href"), True
            if "permalink" in classes or "picture" in classes:
                self.link = None
        if tag == "img":
            self.empty = False
            alt = attrs.get("alt") or ""
            if alt != attrs.get("src"):  # docutils makes one of the address
                self.out.append(" " + alt + " ")
        elif tag not in ("a", "em", "strong", "code", "span", "b", "i", "tt", "sub", "sup", "cite"):
            self.out.append(" ")
        if tag == "pre":
            self.code = True
        elif tag == "span" and self.code and set(classes) - {"w", "p", "n"}:  # which have no color
            self.colored, self.code = self.colored + 1, False
        elif tag in ("td", "th") and attrs.get("align"):
            self.aligned += 1
        elif tag == "aside" and set(classes) & {"admonition", "alert"}:
            self.alerts += 1

    def handle_endtag(self, tag):
        if tag == "a" and self.link and not self.empty and not self.link.startswith("#user-content-toc-entry"):
            self.hrefs.append(self.link)
        if tag == "a":
            self.link = None
        if tag == "pre":
            self.code = False
        self.out.append("" if tag in ("a", "em", "strong", "code", "span", "b", "i", "tt", "sub", "sup", "cite") else " ")

    def handle_data(self, data):
        self.empty = self.empty and not data.strip()
        self.out.append(data)


def metadata(folder):
    for path in glob.glob(folder + "/*.whl"):
        with zipfile.ZipFile(path) as z:
            names = [n for n in z.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", n)]
            yield path, z.read(names[0])
    for path in glob.glob(folder + "/*.METADATA"):
        with open(path, "rb") as f:
            yield path, f.read()


def unpack(folder):
    """Write each description beside the URLs of its project, in the order in which pages look for its source."""
    for path, content in metadata(folder):
        m = email.parser.BytesParser(policy=email.policy.compat32).parsebytes(content)
        text = m.get_payload(decode=True).decode("utf-8", "replace") or m.get("Description", "")
        kind = m.get("Description-Content-Type") or "text/x-rst"
        if not text.strip() or "markdown" not in kind and "rst" not in kind:
            continue
        name = re.split(r"-|\.METADATA$", os.path.basename(path))[0].lower()
        base = f"{folder}/{name}.{'md' if 'markdown' in kind else 'rst'}"
        with open(base, "w") as f:
            f.write(text)
        urls = [u.split(",", 1) for u in m.get_all("Project-URL", []) if "," in u]
        order = ["source", "sourcecode", "repository", "code", "github", "homepage"]
        urls = [(re.sub("[ _-]", "", label.lower()), url.strip()) for label, url in urls] + [("homepage", m.get("Home-page", ""))]
        urls.sort(key=lambda u: order.index(u[0]) if u[0] in order else len(order))
        with open(base + ".urls", "w") as f:
            f.write("\n".join(url for _, url in urls))


def examples(folder):
    """Write the text that docutils finds in each example beside it, for the tests to compare with."""
    for path in sorted(glob.glob(folder + "/*.rst")):
        with open(path) as f:
            page = readme_renderer.rst.render(f.read(), stream=open(os.devnull, "w"))
        # What docutils refuses is kept to show what becomes of it here. It writes words of its own for the rest.
        if page is not None and os.path.basename(path) not in ("math.rst", "definitions-classifier.rst", "footnotes-repeated.rst"):
            with open(path.removesuffix(".rst") + ".txt", "w") as f:
                f.write("\n".join(Page(page).words.elements()) + "\n")


def main(folder):
    unpack(folder)
    files = sorted(glob.glob(folder + "/*.md") + glob.glob(folder + "/*.rst"))
    subprocess.run(["go", "run", "./internal/readme/testdata/compare", *files], check=True)
    columns = "words lost symbols links anchors blocks asides aligned".split()
    print(f"{'description':28}" + "".join(f"{c:>12}" for c in columns) + "   (here / readme_renderer)")
    sums, worse, refused = collections.Counter(), collections.Counter(), 0
    for path in files:
        with open(path) as f:
            text = f.read()
        if path.endswith(".rst"):
            theirs = readme_renderer.rst.render(text, stream=open(os.devnull, "w"))
        else:
            theirs = readme_renderer.markdown.render(text)
        with open(path + ".html") as f:
            ours = Page(f.read())
        if theirs is None:
            refused += 1
            print(f"{os.path.basename(path):28} readme_renderer refuses it")
            continue
        theirs = Page(theirs)
        lost = theirs.words - ours.words
        row = {
            "words": (ours.words.total(), theirs.words.total()),
            "lost": (lost.total(), 0),
            "symbols": (ours.symbols.total(), theirs.symbols.total()),
            "links": (len(ours.outer) + len(ours.found), len(theirs.outer) + len(theirs.found)),
            "anchors": (len(ours.found), len(theirs.found)),
            "blocks": (ours.colored, theirs.colored),
            "asides": (ours.alerts, theirs.alerts),
            "aligned": (ours.aligned, theirs.aligned),
        }
        for c in columns:
            sums[c, 0] += row[c][0]
            sums[c, 1] += row[c][1]
            if c not in ("words", "lost") and row[c][0] < row[c][1] or c == "lost" and row[c][0]:
                worse[c] += 1
        marks = "".join(f" {c}" for c in columns[2:] if row[c][0] < row[c][1])
        more = " lost: " + " ".join(f"{w}*{n}" if n > 1 else w for w, n in lost.most_common(8)) if lost else ""
        print(f"{os.path.basename(path):28}" + "".join(f"{row[c][0]:>6}/{row[c][1]:<5}" for c in columns) +
              (f" FEWER{marks}" if marks else "") + more)
    print(f"{'sum':28}" + "".join(f"{sums[c, 0]:>6}/{sums[c, 1]:<5}" for c in columns))
    print(f"{len(files)} descriptions, {refused} refused by readme_renderer; fewer here: {dict(worse)}")


if sys.argv[1] == "--examples":
    examples("internal/readme/testdata/rest")
else:
    main(sys.argv[1])
