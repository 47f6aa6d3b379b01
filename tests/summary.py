#!/usr/bin/env python3
"""The closing lines of ./dev test, from Meson's log of the run.

  summary.py TESTLOG [NAME: REASON …]    each further word tells of something left out on purpose

A test that leaves out some of its cases has said "left out: CASE: REASON" for each. Prints why tests were skipped, then `N passed, N failed, N skipped`. Exits with 1 when one failed or none ran.
"""

import json
import sys

PASSED = {"OK", "EXPECTEDFAIL"}
SKIPPED = {"SKIP"}


def records(path):
    try:
        with open(path, encoding="utf-8") as log:
            return [json.loads(line) for line in log if line.strip()]
    except FileNotFoundError:
        return []


def reason_of(record):
    """A skipped test says why in its last line."""
    lines = (record.get("stdout", "") + record.get("stderr", "")).strip().splitlines()
    return lines[-1].strip().removeprefix("skipped: ") if lines else "it did not say why"


def left_out_of(record):
    """The cases that a test has left out, by its own words."""
    lines = record.get("stdout", "").splitlines()
    return [f"{record['name']}: {line.removeprefix('left out: ')}" for line in lines if line.startswith("left out: ")]


def main():
    found, left_out = records(sys.argv[1]), sys.argv[2:]
    skipped = [record for record in found if record["result"] in SKIPPED]
    passed = sum(record["result"] in PASSED for record in found)
    failed = len(found) - passed - len(skipped)
    for record in skipped:
        print(f"skipped {record['name']}: {reason_of(record)}")
    left_out += [line for record in found for line in left_out_of(record)]
    for line in left_out:
        print(f"skipped {line}")
    print(f"{passed} passed, {failed} failed, {len(skipped) + len(left_out)} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
