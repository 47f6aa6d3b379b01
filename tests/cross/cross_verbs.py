"""What each "do" of the data file is in Python."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import trunkline
from cross_case import PATIENCE
from cross_values import parameters, written
from trunkline import aio

SHOWN_ROWS = 5  # of a stream

VERBS = {}


def verb(function):
    VERBS[function.__name__.rstrip("_")] = function
    return function


# ---- the registry ----


@verb
def library(case, one):
    return {"version": trunkline.__version__,
            "features": {name: trunkline.has_feature(name) for name in case.said(one, "expect")["features"]}}


@verb
def parse(case, one):
    with trunkline.parse(case.said(one, "toml"), "other.toml") as other:
        return {"value": other.names()}


@verb
def has(case, one):
    return {"value": one["name"] in case.registry}


@verb
def names(case, one):
    return {"value": case.registry.names()}


@verb
def add(case, one):
    return {"value": case.registry.add(one["name"], case.said(one, "toml"))}


@verb
def remove(case, one):
    return {"value": case.registry.remove(one["name"])}


@verb
def patch(case, one):
    return {"value": case.registry.patch(one["name"], case.said(one, "toml"), verify=one.get("verify", False))}


@verb
def write(case, one):
    with open(case.words["folder"] + "/trunkline.toml", "w") as file:
        file.write(case.said(one, "toml"))
    return {}


@verb
def reload(case, one):
    return answered(one, case.registry.reload())


@verb
def connect(case, one):
    case.registry.connect(one["name"])
    return {}


@verb
def connect_all(case, one):
    case.registry.connect_all()
    return {}


@verb
def trim(case, one):
    case.registry.trim(one.get("name"))
    return {}


@verb
def close(case, one):
    case.registry.close(one.get("name"))
    return {}


@verb
def inspect(case, one):
    return answered(one, case.registry.inspect(one["what"], one.get("name")))


@verb
def health(case, one):
    told = case.registry.health(open=one.get("open", False))
    return {"ok": told.ok, "connections": [[name, each["status"], each["state"]]
                                           for name, each in sorted(told["connections"].items())]}


@verb
def metrics(case, one):
    return {"value": one["line"] in case.registry.metrics()}


@verb
def share(case, one):
    case.registry.share()
    return {"value": trunkline.shared().names()}


@verb
def events(case, one):
    heard, more = [], threading.Condition()

    def tell(event):
        with more:
            heard.append([getattr(event, name) or "" for name in one["pick"]])
            more.notify()

    with getattr(case.registry, "on_" + one["kind"])(tell):
        case.steps(one["steps"])
        with more:
            more.wait_for(lambda: len(heard) >= one["count"], PATIENCE)
    return {"events": heard[:one["count"]]}


@verb
def resolver(case, one):
    with case.registry.resolver(case.said(one, "known").get):
        case.steps(one["steps"])
    return {}


@verb
def credentials(case, one):
    with case.registry.credentials(lambda name: (case.said(one, "user"), case.said(one, "password"))):
        case.steps(one["steps"])
    return {}


# ---- handles ----


def handle(case, one):
    name = one.get("on", "db")
    return case.handles[name] if name in case.handles else case.registry.on(name)


def hold(case, one, made):
    case.handles[one["as"]] = made
    return {}


@verb
def on(case, one):
    return hold(case, one, case.registry.on(one["name"], one.get("mode", "dual")))


@verb
def tag(case, one):
    return hold(case, one, handle(case, one).tag(one["text"]))


@verb
def after(case, one):
    return hold(case, one, handle(case, one).after(case.said(one, "token")))


@verb
def token(case, one):
    return {"value": handle(case, one).token()}


# ---- statements ----


def options(one):
    how = {key: one[key] for key in ("read", "write", "fallback") if key in one}
    return {**how, **{key: one[key] / 1000 for key in ("timeout", "max_lag") if key in one}}


def rows_of(result):
    kinds = [column.type for column in result.schema]
    return [[written(value, kind) for value, kind in zip(row, kinds)] for row in result]


def picked(columns, rows, pick):
    names = [name for name, _ in columns]
    return [[row[names.index(name)] for name in pick] for row in rows]


def answered(one, result):
    columns = [[column.name, column.type] for column in result.schema]
    found = {"columns": columns, "affected": result.affected, "last_id": result.last_id,
             "connection": result.connection, "endpoint": result.endpoint, "role": result.role or "none",
             "lag": None if result.lag is None else round(result.lag * 1000)}
    sets = [rows_of(result)]
    while result.next_set():
        sets.append(rows_of(result))
    found["sets"], found["count"] = sets, len(sets[0])
    if sets[0]:
        found["last"] = sets[0][-1]
    found["rows"] = picked(columns, sets[0], one["pick"]) if "pick" in one else sets[0]
    if len(sets[0]) == len(columns) == 1:
        found["value"] = sets[0][0][0]
    return found


@verb
def query(case, one):
    values = parameters(case.said(one, "values", []))
    connection = handle(case, one).after(one["after"]) if "after" in one else handle(case, one)
    return answered(one, connection.query(case.said(one, "sql"), values, **options(one)))


@verb
def explain(case, one):
    return answered(one, handle(case, one).explain(case.said(one, "sql")))


@verb
def stream(case, one):
    with handle(case, one).query(case.said(one, "sql"), stream=True) as answer:
        if "take" not in one:
            rows = rows_of(answer)
            return {"count": len(rows), "rows": rows[:SHOWN_ROWS], "last": rows[-1] if rows else None}
        taken = 0
        for _ in answer:
            taken += 1
            if taken == one["take"]:
                break
    return {"count": taken}


def many(case, one):
    return [parameters(row) for row in case.said(one, "rows")]


@verb
def execute_many(case, one):
    return {"affected": handle(case, one).execute_many(case.said(one, "sql"), many(case, one)).affected}


@verb
def load(case, one):
    return {"value": handle(case, one).load(case.said(one, "table"), many(case, one), one["columns"])}


@verb
def cancel(case, one):
    """Runs a statement elsewhere, and stops it once it has its session."""
    async def stopped():
        registry = aio.of(case.registry)
        running = asyncio.ensure_future(registry.on("db").query(case.said(one, "sql")))
        while not running.done() and not await registry.inspect("leases"):
            await asyncio.sleep(0.001)
        running.cancel()
        await running

    try:
        asyncio.run(stopped())
    except asyncio.CancelledError as cancelled:  # how Python tells of it
        raise trunkline.Cancelled("cancelled") from cancelled
    return {}


# ---- transactions, pinned sessions, threads ----


@verb
def transaction(case, one):
    def work(tx):
        case.handles[one.get("as", "tx")] = tx
        case.steps(one["steps"])

    how = {key: one[key] for key in ("retry", "read_only", "isolation") if key in one}
    handle(case, one).transaction(work, **how)
    return {}


@verb
def begin(case, one):
    tx = handle(case, one).transaction(isolation=one.get("isolation"))
    tx.begin()
    return hold(case, one, tx)


@verb
def commit(case, one):
    handle(case, one).commit()
    return {}


@verb
def rollback(case, one):
    handle(case, one).rollback()
    return {}


@verb
def pin(case, one):
    with handle(case, one).pin() as session:
        case.handles[one["as"]] = session
        case.steps(one["steps"])
    return {}


@verb
def apart(case, one):
    with ThreadPoolExecutor(1) as thread:
        thread.submit(case.steps, one["steps"]).result()
    return {}
