"""Counts greetings."""

from acme_greeter import greet


def main():
    print(len(greet("world")))
