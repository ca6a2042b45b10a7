"""Answers questions about packaging formats with Python's packaging library.

One JSON object per line in, one per line out. "ask" names the question; null is the answer for what is not valid.
"""
import email
import json
import sys

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import (
    InvalidName, InvalidSdistFilename, InvalidWheelFilename, canonicalize_name, canonicalize_version,
    parse_sdist_filename, parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version


def version(q):
    v = Version(q["a"])
    return {"str": str(v), "key": canonicalize_version(v), "pre": v.is_prerelease, "post": v.is_postrelease,
            "local": v.local is not None, "public": v.public}


def order(q):
    a, b = Version(q["a"]), Version(q["b"])
    return (a > b) - (a < b)


def clause(s):
    if s.operator == "===":
        return str(s)
    if s.version.endswith(".*"):
        return s.operator + str(Version(s.version[:-2])) + ".*"
    return s.operator + canonicalize_version(s.version, strip_trailing_zero=s.operator != "~=")


def canonical(specifiers):
    return ",".join(sorted({clause(s) for s in specifiers}))


def contains(q):
    return SpecifierSet(q["a"]).contains(Version(q["b"]), prereleases=True)


def requirement(q):
    r = Requirement(q["a"])
    text = canonicalize_name(r.name)
    if r.extras:
        text += "[" + ",".join(sorted({canonicalize_name(e) for e in r.extras})) + "]"
    text += canonical(r.specifier)
    if r.url:
        text += " @ " + r.url + (" " if r.marker else "")
    return text + (f"; {r.marker}" if r.marker else "")


def wheel(q):
    name, v, build, tags = parse_wheel_filename(q["a"])
    return {"name": name, "version": str(v), "build": "".join(map(str, build)), "tags": sorted(map(str, tags))}


def sdist(q):
    name, v = parse_sdist_filename(q["a"])
    return {"name": name, "version": str(v)}


def unix(text):
    return text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")


def metadata(q):
    m = email.message_from_bytes(q["a"].encode())
    lists = {h: [unix(v) for v in m.get_all(h, []) if v.strip() not in ("", "UNKNOWN")]
             for h in ("Requires-Dist", "Provides-Extra", "Classifier")}
    single = {h: unix(m.get(h) or "").strip() for h in ("Name", "Version", "Requires-Python")}
    return lists | {h: "" if v == "UNKNOWN" else v for h, v in single.items()} | {"body": unix(m.get_payload()).strip()}


ASK = {
    "metadata": metadata,
    "name": lambda q: canonicalize_name(q["a"], validate=True),
    "version": version,
    "order": order,
    "specifiers": lambda q: canonical(SpecifierSet(q["a"])),
    "contains": contains,
    "requirement": requirement,
    "wheel": wheel,
    "sdist": sdist,
}
INVALID = (InvalidName, InvalidRequirement, InvalidSpecifier, InvalidVersion, InvalidSdistFilename, InvalidWheelFilename)

for line in sys.stdin:
    q = json.loads(line)
    try:
        answer = ASK[q["ask"]](q)
    except INVALID:
        answer = None
    print(json.dumps(answer))
