"""Offers what there is."""

from acme_greeter import greet


def offer():
    return greet("guest") + ", soup?"
