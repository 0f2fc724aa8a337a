"""Reads settings as many programs do: a copy of the defaults for each question."""

import random

DEFAULTS = {f"setting{number}": number for number in range(20)}


class Session:
    def __init__(self, user):
        self.user = user
        self.options = settings_of(user)


def settings_of(user):
    merged = {**DEFAULTS, "user": user}
    return dict(merged)


def is_allowed(session, what):
    return settings_of(session.user)[what] >= 0


def serve(requests):
    sessions = [Session(f"user{number}") for number in range(100)]
    for _ in range(requests):
        is_allowed(random.choice(sessions), "setting7")


serve(20_000)
