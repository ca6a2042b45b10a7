"""Compare package readme with readme_renderer, which PyPI uses: which words of a description does ours lose?

    python3 -m venv venv && venv/bin/pip install docutils "readme_renderer[md]"
    venv/bin/python internal/readme/testdata/compare/compare.py FOLDER_OF_DESCRIPTIONS

FOLDER holds descriptions as NAME.md and NAME.rst, or wheels (pip download --no-deps), whose METADATA is unpacked into
it. With --examples it writes the words of internal/readme/testdata/rest/*.rst, which the tests compare with. Run it in the root of the source tree. It is not part of the tests: the descriptions are other people's.
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
import zipfile

import readme_renderer.markdown
import readme_renderer.rst


class Text(html.parser.HTMLParser):
    """The words of a page, pictures by their description."""

    def __init__(self):
        super().__init__()
        self.out = []

    def handle_starttag(self, tag, attrs):
        if tag == "img":
            attrs = dict(attrs)
            alt = attrs.get("alt") or ""
            self.out.append(" " + ("picture" if alt == attrs.get("src") else alt) + " ")  # docutils makes one of the address
        elif tag not in ("a", "em", "strong", "code", "span", "b", "i", "tt", "sub", "sup", "cite"):
            self.out.append(" ")

    def handle_endtag(self, tag):
        self.handle_starttag(tag, ())

    def handle_data(self, data):
        self.out.append(data)


def words(page):
    t = Text()
    t.feed(page)
    t.close()
    return re.findall(r"\w+", "".join(t.out))


def unpack(folder):
    for wheel in glob.glob(folder + "/*.whl"):
        with zipfile.ZipFile(wheel) as z:
            names = [n for n in z.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", n)]
            m = email.parser.BytesParser(policy=email.policy.compat32).parsebytes(z.read(names[0]))
        text = m.get_payload(decode=True).decode("utf-8", "replace") or m.get("Description", "")
        kind = m.get("Description-Content-Type") or "text/x-rst"
        if text.strip() and ("markdown" in kind or "rst" in kind):
            name = os.path.basename(wheel).split("-")[0].lower()
            with open(f"{folder}/{name}.{'md' if 'markdown' in kind else 'rst'}", "w") as f:
                f.write(text)


def examples(folder):
    """Write the text that docutils finds in each example beside it, for the tests to compare with."""
    for path in sorted(glob.glob(folder + "/*.rst")):
        with open(path) as f:
            page = readme_renderer.rst.render(f.read(), stream=open(os.devnull, "w"))
        # What docutils refuses is kept to show what becomes of it here. It writes words of its own for the rest.
        if page is not None and os.path.basename(path) not in ("math.rst", "definitions-classifier.rst", "footnotes-repeated.rst"):
            with open(path.removesuffix(".rst") + ".txt", "w") as f:
                f.write("\n".join(words(page)) + "\n")


def main(folder):
    unpack(folder)
    files = sorted(glob.glob(folder + "/*.md") + glob.glob(folder + "/*.rst"))
    subprocess.run(["go", "run", "./internal/readme/testdata/compare", *files], check=True)
    total = lost = complete = 0
    for path in files:
        with open(path) as f:
            text = f.read()
        reference = readme_renderer.markdown if path.endswith(".md") else readme_renderer.rst
        theirs = reference.render(text, stream=open(os.devnull, "w")) if path.endswith(".rst") else reference.render(text)
        if theirs is None:
            print(f"{os.path.basename(path)}: readme_renderer refuses it")
            continue
        with open(path + ".html") as f:
            ours = collections.Counter(words(f.read()))
        want = collections.Counter(words(theirs))
        missing = want - ours
        total += sum(want.values())
        lost += sum(missing.values())
        complete += not missing
        if missing:
            more = " ".join(f"{w}*{n}" if n > 1 else w for w, n in missing.most_common(12))
            print(f"{os.path.basename(path)}: {sum(missing.values())} of {sum(want.values())} words lost: {more}")
    print(f"{len(files)} descriptions, {complete} complete, {lost} of {total} words lost")


if sys.argv[1] == "--examples":
    examples("internal/readme/testdata/rest")
else:
    main(sys.argv[1])
