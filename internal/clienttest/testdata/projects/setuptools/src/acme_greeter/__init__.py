"""Greets whoever asks."""


def greet(name):
    return "hello " + name
