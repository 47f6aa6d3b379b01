#!/usr/bin/env python3
"""Prometheus' own tool finds nothing to say against metrics(), also where names need escaping."""

import os
import shutil
import subprocess
import sys
import tempfile

import support
from support import trunkline

if shutil.which("promtool") is None:
    print("skipped: there is no promtool (Debian's prometheus)")
    sys.exit(77)

with tempfile.TemporaryDirectory(prefix="trunkline-promtool-") as folder:
    odd = os.path.join(folder, 'a "b" \\c\\ d')
    os.mkdir(odd)
    quoted = odd.replace("\\", "\\\\").replace('"', '\\"')
    toml = f'[connections.odd]\ndriver = "sqlite"\ndatabase = "{quoted}/x.db"\n'
    if support.has_postgresql():
        toml += support.postgresql_toml()
    with trunkline.parse(toml) as registry:
        for name in registry.names():
            registry.on(name).query("SELECT 1")
            try:
                registry.on(name).query("SELECT nothing FROM nowhere")
            except trunkline.Error:
                pass
        text = registry.metrics()

print(text)
checked = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, capture_output=True)
print(checked.stdout + checked.stderr)
if 'endpoint="' not in text or 'connection="odd"' not in text:
    sys.exit("the text does not tell of the connection")
sys.exit(checked.returncode)
