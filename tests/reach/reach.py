#!/usr/bin/env python3
"""Every function of the C ABI can be reached from every language: holds docs/calls.md against the library, against what
the languages have, and against which functions a run of the cases of all languages comes by.

  reach.py COUNTING_LIBRARY LANGUAGE=COMMAND …

Each command runs tests/cross/cases.json in its language, or ends with 77 where that is not here. Prints a line for each
gap; ends with 1 where there is one.
"""

import os
import re
import shlex
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from calls import there  # noqa: E402
from counting import exported  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
MAP = ROOT / "capi" / "trunkline.map"
TABLE = ROOT / "docs" / "calls.md"
NONE = "—"
SKIPPED = 77


def table_of(section):
    """The rows of a table in Markdown: a dict by the head for each."""
    lines = [[cell.strip().strip("`") for cell in line.strip("|").split(" | ")]
             for line in section.splitlines() if line.startswith("|")]
    return [dict(zip(lines[0], line)) for line in lines[2:]]


def counted(library, command):
    """The functions that a command has called. None, and why: its language is not here."""
    names = exported(MAP)
    with tempfile.NamedTemporaryFile() as file:
        file.write(bytes(8 * len(names)))
        file.flush()
        ran = subprocess.run(shlex.split(command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             env={**os.environ, "LD_PRELOAD": library, "TL_COUNTS": file.name})
        if ran.returncode == SKIPPED:
            return None, ran.stdout.strip()
        if ran.returncode:
            sys.exit(f"{command} ended with {ran.returncode}:\n{ran.stdout}")
        counts = struct.unpack(f"{len(names)}Q", Path(file.name).read_bytes())
    return {name for name, count in zip(names, counts) if count}, None


def gaps_of(language, calls, excused, reached):
    """What the table promises of a language and is not so."""
    has = there(language, [row[language] for row in calls.values()])
    for function, row in calls.items():
        call = row[language]
        why = excused.get((function, language))
        if call != NONE and call not in has:
            yield f"{function}: {language} has no {call}"
        if call == NONE and why is None:
            yield f"{function}: {language} has no call, and it is not said why"
        if function in reached and why is not None:
            yield f"{function}: the cases reach it in {language} after all"
        if function not in reached and why is None:
            yield f"{function}: nothing in {language} comes by it"
        if why is not None and why.startswith("tests/") and not (ROOT / why).is_file():
            yield f"{function}: there is no {why}"


def main(library, *runs):
    library = os.path.abspath(library)
    first, second = re.split(r"^## .*$", TABLE.read_text(encoding="utf-8"), flags=re.M)
    calls = {row["C"]: row for row in table_of(first)}
    reasons = [(row["function"], row["language"], row["why, or what reaches it"]) for row in table_of(second)]
    excused = {(function, language): why for function, language, why in reasons}
    gaps = [f"{function} is not in the table" for function in exported(MAP) if function not in calls]
    gaps += [f"{function} is in the table, and not in the library" for function in calls if function not in exported(MAP)]
    for language, command in (run.split("=", 1) for run in runs):
        reached, why = counted(library, command)
        if reached is None:
            print(f"left out: {language}: {why}")
            continue
        print(f"{language}: the cases come by {len(reached)} of {len(calls)} functions")
        gaps += gaps_of(language, calls, excused, reached)
    print("\n".join(gaps), end="\n" if gaps else "")
    return 1 if gaps else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
