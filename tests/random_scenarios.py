"""Random small scenarios without a model: a few nodes that fail often, with every key of failures, saves and recovery.

What they ask for need not go together; a scenario that is refused says so when it is read or prepared.
"""

from typing import Any

from hypothesis import strategies as st

Tree = dict[str, Any]

SHAPES: dict[str, Tree] = {
    "exponential": {},
    "weibull": {"shape": 0.7},
    "lognormal": {"shape": 1.2},
    "gamma": {"shape": 0.6},
    "uniform": {"shape": 1.0},
    "bathtub": {"infant_factor": 5.0, "infant_until": "10 min", "wear_out_from": "8 h", "wear_out_doubling": "1 h"},
    "piecewise": {"ages": ["20 min", "3 h"], "hazards": [4.0, 1.0, 2.0]},
}
"""Laws by what they take besides a mean."""

LAW_SHAPES = {key for shape in SHAPES.values() for key in shape}

OBSERVED: Tree = {"kind": "empirical", "values": ["1 min", "1 min", "3 min", "9 min"]}

PARTS = ("gpu", "node", "hbm", "nic", "cpu", "psu")
DOMAINS = ("rack", "power-domain", "cooling-unit", "site")
NETWORK = ("leaf", "spine", "cable", "link", "nic")
SIZES: Tree = {
    "rack": {"nodes": 2},
    "power-domain": {"racks": 2},
    "cooling-unit": {"nodes": 3},
    "site": {"racks": 3},
}
LEAF_SPINE: Tree = {"kind": "leaf-spine", "radix": 32, "down": 16, "up": 8, "spines": 2}


def few(draw: st.DrawFn, one_in: int = 3) -> bool:
    """Draw whether a key is there, one time in so many."""
    return draw(st.integers(1, one_in)) == one_in


def time(draw: st.DrawFn, *texts: str) -> str:
    """Draw one of several times."""
    return draw(st.sampled_from(texts))


@st.composite
def durations(draw: st.DrawFn, *, least: int = 0, most: int = 20) -> str | Tree:
    """A duration of up to `most` minutes, or a distribution."""
    minutes = draw(st.integers(least, most))
    if few(draw, 6):
        return OBSERVED
    if not minutes or not few(draw):
        return f"{minutes} min"
    kind = draw(st.sampled_from(sorted(SHAPES)[2:]))
    return {"kind": kind, "mean": f"{minutes} min", **(SHAPES[kind] if kind != "piecewise" else SHAPES["piecewise"])}


@st.composite
def lives(draw: st.DrawFn) -> Tree:
    """The law of a life of hours."""
    kind = draw(st.sampled_from(sorted(SHAPES)))
    return {"kind": kind, "mean": f"{draw(st.integers(4, 90))} h", **SHAPES[kind]}


@st.composite
def effects(draw: st.DrawFn, component: str) -> Tree:
    """What a cause does to a part of a node, or to the job."""
    kind = draw(st.sampled_from(["stops", "stops", "stays", "silent", "planned", "together", "slow", "slow"]))
    if kind == "stays" and component != "job":
        return {"replace": False}
    if kind == "silent":
        more = {"recall": 0.5, "rewind": "15 min", "aborts": True, "replace": component != "job" and few(draw, 2)}
        return {"found": draw(durations(most=60)), **{key: more[key] for key in more if few(draw, 4)}}
    if kind == "planned":
        return {"planned": "0 s" if component == "job" else draw(durations(most=90))}
    if kind == "slow" and component in ("gpu", "node"):
        factor = {"kind": "exponential", "mean": 1.3} if few(draw) else draw(st.sampled_from([1.05, 1.25, 2.0]))
        return {"slow": factor, **({"repair": draw(durations(least=5, most=120))} if few(draw, 2) else {})}
    if kind == "together" and component != "job":
        together = {"domain": draw(st.sampled_from(["node", "rack"])), "share": 0.5, "hit": 0.5}
        return {"kind": "exponential", "correlated": together}
    return {}


@st.composite
def causes(draw: st.DrawFn, *, wired: bool) -> list[Tree]:
    """One to five causes, of components of all sorts; those of the network where there is one."""
    found = []
    for position in range(draw(st.integers(1, 5))):
        sorts = ["part", "part", "part", "part", "job", "domain", *(["network", "network"] if wired else [])]
        sort = draw(st.sampled_from(sorts))
        component = draw(st.sampled_from({"part": PARTS, "job": ("job",), "domain": DOMAINS, "network": NETWORK}[sort]))
        cause = {"component": component, "name": f"{component} {position}", **draw(lives())}
        if component == "psu":
            cause["per_node"] = 2
        if sort == "network" or (sort == "domain" and few(draw, 2)):
            cause["repair"] = draw(durations(least=1, most=120))
        elif sort != "domain":
            effect = draw(effects(component))
            if "correlated" in effect:
                cause = {key: cause[key] for key in cause if key not in LAW_SHAPES}
            cause |= effect
        found.append(cause)
    return found


def domains_of(found: list[Tree]) -> Tree:
    """Return sizes of the domains that causes name, with the racks that those are made of."""
    kinds = {cause["component"] for cause in found} | {
        cause["correlated"]["domain"] for cause in found if "correlated" in cause
    }
    if kinds & {"power-domain", "site"}:
        kinds.add("rack")
    return {kind: SIZES[kind] for kind in SIZES if kind in kinds}


@st.composite
def failures(draw: st.DrawFn, *, wired: bool, nodes: int, log: str) -> Tree:
    """[failures] of clocks, and perhaps of a log beside them."""
    tree: Tree = {"causes": draw(causes(wired=wired)), "clock": draw(st.sampled_from(["calendar", "operating"]))}
    # Shocks have a rate of their own, which neither lemons nor infants have.
    held = [cause for cause in tree["causes"] if cause["component"] in PARTS and "correlated" not in cause]
    even = [cause["name"] for cause in held if cause["kind"] == "exponential"]
    if held and few(draw):
        tree["lemons"] = {"fraction": 0.3, "factor": 3.0, "causes": [cause["name"] for cause in held]}
    if even and few(draw):
        tree["infant"] = {"factor": 4.0, "until": "1 h", "causes": even}
    if few(draw):
        tree["ages"] = [{"nodes": nodes - 1, "age": "1 h"}, {"nodes": 1, "age": "3 h"}]
    if few(draw, 6):
        tree["scale"] = draw(st.sampled_from([0.3, 2.0]))
    if few(draw, 6):
        tree["clock"] = "calendar"
        tree["log"] = {"file": log, "with_causes": True, **({"repeat": True} if few(draw, 2) else {"after": "nothing"})}
    return tree


@st.composite
def recoveries(draw: st.DrawFn, found: list[Tree], spares: Tree | None, nodes: int) -> Tree:
    """[recovery] with stages that take a while, may fail, and may blame a healthy node."""
    mode = draw(st.sampled_from(["requeue", "in-job", "in-process"]))
    slow = any("slow" in cause for cause in found)
    stragglers = {
        "threshold": draw(st.sampled_from([1.02, 1.2])),
        "delay": draw(durations(most=10)),
        **draw(st.sampled_from([{}, {"policy": "wait"}, {"false_alarms": "10 h"}])),
    }
    more: Tree = {
        "on_failure": "queue",
        "detect_by_cause": {found[0]["name"]: draw(durations())},
        "diagnose": draw(durations(most=5)),
        "blames_right": 0.6,
        "select_host": draw(durations(most=3)),
        "warm_up": draw(durations(most=3)),
        "initialize_per_node": "2 s",
        "success": draw(st.sampled_from([{"initialize": 0.5}, {"restore": 0.6, "replace": 0.7, "warm_up": 0.9}])),
        "rework": False,
        "resume_when_idle": nodes + draw(st.integers(0, 2)),
        **({"stragglers": stragglers} if slow or few(draw, 6) else {}),
        **({"requeue": draw(durations(most=5))} if mode == "requeue" else {}),
        **({"rejoin": draw(durations(most=2))} if mode == "in-process" else {}),
        **({"spares": spares} if spares else {}),
    }
    plain = {"detect": draw(durations()), "replace": draw(durations()), "initialize": draw(durations(least=1, most=5))}
    if slow and "detect_by_cause" in more and "slow" in found[0]:
        del more["detect_by_cause"]
    asked = {key: more[key] for key in more if key == "spares" or few(draw)}
    if not any(takes_away(cause) for cause in found):
        # Nobody could be blamed, and perhaps nobody is ever replaced.
        unread = ("blames_right", "resume_when_idle", "success", "spares")
        asked = {key: asked[key] for key in asked if key not in unread}
    return {"mode": mode, **plain, **asked}


def stage(draw: st.DrawFn, least: float = 0.0, most: int = 90) -> Tree:
    """Draw a stage of repair."""
    return {"time": draw(durations(most=most)), "success": draw(st.sampled_from([least, 0.6, 1.0]))}


@st.composite
def repairs(draw: st.DrawFn, found: list[Tree], *, logged: bool) -> Tree:
    """[repair] that succeeds in the end, if only in appearance."""
    tree: Tree = {"crews": draw(st.integers(0, 2)), "automatic": stage(draw), "manual": stage(draw, 0.4)}
    takers = [c["name"] for c in found if takes_away(c)]
    if takers and few(draw):
        tree["by_cause"] = {takers[0]: {"manual": stage(draw, 0.4, 200)}}
    if few(draw):
        tree |= {"silent": 0.4, "relapse": draw(durations(least=1, most=60))}
    if not logged and few(draw):
        tree |= {"retire": {"visits": 2, "within": "12 h"}, "replacement": draw(durations(least=1, most=200))}
    return tree


def takes_away(cause: Tree) -> bool:
    """Say whether a cause takes the node that it hits to repair."""
    stays = cause["component"] == "job" or any(key in cause for key in ("repair", "planned", "slow"))
    return bool(cause.get("replace", not stays))


@st.composite
def checkpoints(draw: st.DrawFn) -> Tree:
    """[checkpoint] by any rule, in up to three tiers."""
    kind = draw(st.sampled_from(["fixed", "fixed", "steps", "young", "daly", "optimal", "two-level", "adaptive"]))
    interval: Tree = {"kind": kind}
    if kind in ("fixed", "adaptive"):
        interval["every"] = time(draw, "5 min", "20 min", "1 h")
    if kind == "steps":
        interval["steps"] = draw(st.integers(1, 40))
    tree: Tree = {"interval": interval, "block": time(draw, "10 s", "1 min"), "restore": time(draw, "0 s", "4 min")}
    if few(draw):
        tree["asynchronous"] = False
    else:
        tree |= {"durable_after": time(draw, "1 min", "12 min"), "max_in_flight": draw(st.integers(0, 2))}
    if kind == "two-level" or few(draw, 2):
        tree["tiers"] = draw(tiers(every=kind != "two-level"))
    return tree


@st.composite
def tiers(draw: st.DrawFn, *, every: bool) -> list[Tree]:
    """A store and one or two faster tiers, one of which takes all checkpoints."""
    kinds = draw(st.lists(st.sampled_from(["gpu", "host-memory", "nvme"]), min_size=1, max_size=2, unique=True))
    faster = [draw(tier(kind, every=every and position > 0)) for position, kind in enumerate(kinds)]
    store = {"kind": "remote", "keep": draw(st.integers(0, 3)), **({"every": draw(st.integers(1, 4))} if every else {})}
    return [*faster, store]


def _outlive(found: list[Tree]) -> None:
    """Have what GPUs hold outlive the processes, in a tier that is not there yet."""
    kinds = [each["kind"] for each in found]
    for each in found:
        if each["kind"] == "gpu":
            each["kind"] = "nvme" if "host-memory" in kinds else "host-memory"


@st.composite
def tier(draw: st.DrawFn, kind: str, *, every: bool) -> Tree:
    """A tier that is faster than the store."""
    tree: Tree = {"kind": kind, "block": time(draw, "1 s", "5 s", "0 s"), "durable_after": time(draw, "5 s", "1 min")}
    tree |= {"restore": time(draw, "0 s", "30 s"), "keep": draw(st.integers(0, 2))}
    if few(draw, 2):
        tree |= {"replicas": draw(st.integers(1, 2)), "apart": draw(st.integers(1, 2))}
    if every:
        tree["every"] = draw(st.integers(1, 3))
    if few(draw):
        tree["max_in_flight"] = draw(st.integers(0, 2))
    return tree


@st.composite
def clusters(draw: st.DrawFn) -> tuple[Tree, Tree | None]:
    """[cluster] of a few nodes, with and without a fabric, and [recovery.spares] that it can hold."""
    if few(draw, 5):
        # Domains of three nodes, of which the job uses two.
        domains, extra = draw(st.integers(1, 2)), draw(st.integers(0, 1))
        cluster: Tree = {"node": "gb200-nvl72", "nodes": 2 * domains, "spare_nodes": domains + 3 * extra}
        return {**cluster, "domain_gpus": 8}, {"per_domain": 1}
    nodes, spare_nodes = draw(st.integers(1, 5)), draw(st.integers(0, 3))
    cluster = {"node": "dgx-h100", "nodes": nodes, "spare_nodes": spare_nodes}
    if few(draw):
        cluster["topology"] = LEAF_SPINE
    if not spare_nodes or few(draw, 2):
        return cluster, None
    hot = {"hot": {"nodes": 1, "replace": draw(durations(most=2))}}
    warm = {"warm": {"nodes": spare_nodes - 1, "replace": draw(durations(most=5))}} if spare_nodes > 1 else {}
    return cluster, {**hot, **warm}


@st.composite
def trees(draw: st.DrawFn, log: str) -> Tree:
    """A scenario; log: the file of a failure log that it may replay."""
    cluster, spares = draw(clusters())
    total = cluster["nodes"] + cluster["spare_nodes"]
    failing = draw(failures(wired="topology" in cluster, nodes=total, log=log))
    found = failing["causes"]
    if domains := domains_of(found):
        cluster["domains"] = domains
    if few(draw):
        cluster["speed"] = {"diurnal": {"from": "02:00", "to": "05:30", "factor": 1.1}}
    tree: Tree = {
        "name": "random",
        "training": {"step_time": time(draw, "10 s", "47 s", "3 min")},
        "cluster": cluster,
        "failures": failing,
        "recovery": draw(recoveries(found, spares, cluster["nodes"])),
        "repair": draw(repairs(found, logged="log" in failing)),
        "run": {"horizon": f"{draw(st.integers(6, 48))} h", "seed": draw(st.integers(0, 9999))},
    }
    if not few(draw, 8):
        tree["checkpoint"] = draw(checkpoints())
        if tree["recovery"]["mode"] != "in-process":
            _outlive(tree["checkpoint"].get("tiers", []))
    if few(draw, 5):
        tree["run"]["work"] = f"{draw(st.integers(1, 8))} h"
    return tree


def ordering(tree: Tree) -> Tree | None:
    """Return a scenario whose retired nodes are made up for by orders; None where it has no stock, or several.

    Nodes are retired at every other visit; half of the spares are ordered as soon as half of them are left.
    """
    spare_nodes, recovery = tree["cluster"]["spare_nodes"], tree["recovery"]
    if not spare_nodes or "log" in tree["failures"] or "per_domain" in recovery.get("spares", {}):
        return None
    repair = {key: value for key, value in tree["repair"].items() if key != "replacement"}
    reorder = {"below": spare_nodes // 2, "order": spare_nodes - spare_nodes // 2, "lead": "90 min"}
    recovery = {key: value for key, value in recovery.items() if key != "resume_when_idle"}
    repair |= {"retire": {"visits": 2, "within": "48 h"}, "reorder": reorder}
    return {**tree, "repair": repair, "recovery": recovery}
