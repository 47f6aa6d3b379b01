#!/usr/bin/env python3
"""The cases of the data file in Python. A line for each that fails; ends with 1 where one does."""

import json
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bindings" / "python"))

from cross_case import Case, Mismatch, filled  # noqa: E402
from cross_verbs import VERBS  # noqa: E402


def holds(described, database, shared, words):
    with tempfile.TemporaryDirectory(prefix="trunkline-cross-", ignore_cleanup_errors=True) as folder:
        words["folder"] = folder
        for word, meaning in shared:
            meaning = filled(meaning, database, words)
            if meaning is not None:
                words[word] = meaning
        try:
            Case(described, database, words, VERBS).run()
        except Exception as failure:
            told = failure if isinstance(failure, Mismatch) else repr(failure)
            print(f"FAILED {database}: {described['name']}: {told}", flush=True)
            return False
    return True


def main(file):
    whole = json.loads(Path(file).read_text(encoding="utf-8"))
    environment = {name: value for name, value in os.environ.items() if name.startswith("TL_")}
    failed = 0
    for database, mark in whole["databases"].items():
        if mark and mark not in environment:
            print(f"left out: {database}: {mark} is not set")
            continue
        verdicts = [holds(described, database, whole["words"], {**environment, "t": f"cross_python_{os.getpid()}_{number}"})
                    for number, described in enumerate(whole["cases"]) if database in described.get("on", [database])]
        failed += verdicts.count(False)
        print(f"{database}: {verdicts.count(True)} cases hold", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
