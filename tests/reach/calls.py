"""Which calls that docs/calls.md names are there, language by language."""

import json
import re
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bindings" / "python"))


@lru_cache
def text_of(pattern):
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(ROOT.glob(pattern)))


def in_cpp(call):
    """By the headers' text: overloads and templates have no address to ask for."""
    *scope, name = call.split("::")
    text = text_of("include/trunkline/**/*.h*")
    return all(re.search(rf"\b(class|struct) {each}\b", text) for each in scope) and \
        re.search(rf"\b{name}\b *[({{:<;]", text) is not None


def in_python(call):
    import trunkline
    from trunkline import aio
    found = aio if call.startswith("aio.") else trunkline
    for name in call.removeprefix("aio.").split("."):
        if not hasattr(found, name):
            return False
        found = getattr(found, name)
    return True


NODE = """
const trunkline = require(process.argv[1]);
const error = new trunkline.TrunklineError('');
const has = (call) => {
  const [name, member] = call.split('.');
  if (member === undefined) return name in trunkline;
  return name === 'TrunklineError' ? member in error : member in trunkline[name].prototype;
};
console.log(JSON.stringify(process.argv.slice(2).filter(has)));
"""


def in_node(calls):
    """Where it runs, and in what TypeScript is told."""
    ran = subprocess.run(["node", "-e", NODE, str(ROOT / "bindings" / "node"), *calls], stdout=subprocess.PIPE, check=True)
    types = text_of("bindings/node/index.d.ts")
    return [call for call in json.loads(ran.stdout) if re.search(rf"\b{call.rpartition('.')[2]}\b", types)]


def in_go(call):
    """By the sources' text: functions, fields, methods. Handles have those of the session that is embedded in them."""
    text = text_of("bindings/go/*.go")
    owner, _, name = call.rpartition(".")
    if not owner:
        return re.search(rf"^(func|type) {name}\b", text, flags=re.M) is not None
    fields = re.search(rf"^type {owner} struct {{(.*?)^}}", text, flags=re.M | re.S)
    return re.search(rf"^func \(\w+ \*?({owner}|session)\) {name}\(", text, flags=re.M) is not None or \
        fields is not None and re.search(rf"^\s*{name}\s+\S", fields.group(1), flags=re.M) is not None


ONE_BY_ONE = {"C++": in_cpp, "Python": in_python, "Go": in_go}


def there(language, calls):
    """Those of the calls that the language has."""
    return set(in_node(calls)) if language == "Node" else set(filter(ONE_BY_ONE[language], calls))
