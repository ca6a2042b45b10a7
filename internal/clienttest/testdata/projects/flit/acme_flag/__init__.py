"""Waves a flag."""

__version__ = "@VERSION@"


def wave():
    return "~"
