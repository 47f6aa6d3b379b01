"""One case of the data file, run on one database through the Python package."""

import json
import time

import trunkline
from cross_values import failure

DATABASES = {"sqlite", "postgresql", "mariadb"}
PATIENCE = 30  # seconds, for what comes true by itself
MOST_SHOWN = 2000  # of what differs


class Mismatch(Exception):
    """What differs from what is expected, or went wrong."""


def filled(value, database, words):
    """With what is written for this database in place of what is written for each, and with {words} filled in."""
    if isinstance(value, dict):
        if "repeated" in value:
            part, times = value["repeated"]
            return filled(part, database, words) * times
        if "joined" in value:
            return "".join(filled(part, database, words) for part in value["joined"])
        if value and DATABASES.issuperset(value):
            return filled(value.get(database), database, words)
        return {key: filled(each, database, words) for key, each in value.items()}
    if isinstance(value, list):
        return [filled(each, database, words) for each in value]
    if isinstance(value, str):
        for word, meaning in words.items():
            value = value.replace("{" + word + "}", meaning)
    return value


def _tells(found, key, wanted):
    if key == "says":
        return wanted in found["message"]
    if key == "detail":
        first = {key: value for key, value in reversed(found["details"])}
        return all(first.get(key) == value for key, value in wanted.items())
    return key in found and _same(found[key], wanted)


def _same(found, wanted):
    """True is not 1 here."""
    return json.dumps(found, sort_keys=True) == json.dumps(wanted, sort_keys=True)


def _shown(value):
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MOST_SHOWN else text[:MOST_SHOWN] + " …"


def matches(expected, found):
    """Only what is expected counts. "says": a part of the message; "detail": some of the details."""
    return all(_tells(found, key, wanted) for key, wanted in (expected or {}).items())


class Case:
    def __init__(self, described, database, words, verbs):
        self.described, self.database, self.words, self.verbs = described, database, words, verbs
        self.handles = {}
        self._done = set()  # of the steps that run once

    def said(self, one, key, default=None):
        return filled(one[key], self.database, self.words) if key in one else default

    def run(self):
        if "file" in self.described:
            self.verbs["write"](self, self.described["file"])
            self.registry = trunkline.open(self.words["folder"] + "/trunkline.toml")
        else:
            self.registry = trunkline.parse(self.said(self.described, "toml"), "cross.toml")
        with self.registry:
            self.steps(self.described["steps"])

    def steps(self, steps):
        for number, one in enumerate(steps, 1):
            try:
                self._step(one)
            except Mismatch as difference:
                raise Mismatch(f"step {number}, {one['do']}: {difference}") from None

    def _step(self, one):
        if "once" in one:
            if id(one) in self._done:
                return
            self._done.add(id(one))
        expected = self.said(one, "fails")
        if expected is None:
            expected = self.said(one, "expect")
            found = self._awaited(one, expected)
        else:
            found = self._failure(one, expected)
        if not matches(expected, found):
            raise Mismatch(f"expected {_shown(expected)}\n    found {_shown(found)}")
        if "save" in one:
            self.words[one["save"]] = str(found["value"])

    def _failure(self, one, expected):
        try:
            found = self.verbs[one["do"]](self, one)
        except trunkline.Error as error:
            return failure(error)
        raise Mismatch(f"expected to fail with {_shown(expected)}\n    found {_shown(found)}")

    def _awaited(self, one, expected):
        """ "eventually": asked again until it is so."""
        until = time.monotonic() + PATIENCE
        while True:
            found = self.verbs[one["do"]](self, one)
            if "eventually" not in one or matches(expected, found) or time.monotonic() > until:
                return found
            time.sleep(0.01)
