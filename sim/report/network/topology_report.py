"""The screen of `topology`: what a fabric is made of, what it carries, and what it costs, in 80 columns."""

from math import log2

from sim.quantities import show, show_count
from sim.report.network.front_end import front_end_lines
from sim.report.network.inside import inside_lines
from sim.report.text import Result, pairs, percent, short_usd, table


def topology_report(result: Result) -> str:
    """Return the report of a topology from its JSON.

    Beside the documented keys it reads family, oversubscription by tier, and bom: item, name, count, power_w and
    price_usd (None where nothing is priced) of each line. A front end is a network of its own, in no other number.
    """
    blocks = [
        [f"{result['family']}: {show_count(result['hosts'])} endpoints", "", *pairs(_facts(result))],
        [*_busbw(result), *_binding(result)],
        _by_size(result),
        _after_loss(result),
        _groups(result),
        inside_lines(result["inside"]) if "inside" in result else [],
        front_end_lines(result["front_end"]) if "front_end" in result else [],
        _bill_of_materials(result),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _facts(result: Result) -> list[tuple[str, str]]:
    optical = result.get("optical_circuit_switches", 0)
    tiers = " + ".join(f"{show_count(count)} {tier}" for tier, count in result["switches_by_tier"].items())
    return [
        ("GPUs", show_count(result["gpus"])),
        ("Diameter", f"{result['diameter_hops']} hops"),
        ("Links", show_count(result["links_total"])),
        ("Switch links", show_count(result["links_switch_switch"])),
        ("Bisection", show(result["bisection_bytes_per_s"], "bandwidth")),
        ("a GPU's share", show(result["bisection_bytes_per_s"] / (result["gpus"] / 2), "bandwidth")),
        ("Oversubscription", " ".join(f"1:{ratio:.3g}" for ratio in result["oversubscription"])),
        ("Power", show(result["power_w"], "power")),
        ("Capex", "-" if result["capex_usd"] is None else short_usd(result["capex_usd"])),
        ("Switches", f"{show_count(result['switches'])} = {tiers}" if tiers else "none: chips are their own routers"),
        *([("Optical switches", show_count(optical))] if optical else []),
    ]


def _busbw(result: Result) -> list[str]:
    if not result["busbw"]:
        return []
    rows = [
        [name, show(value, "bandwidth", unit="GB/s"), show(value, "bandwidth")]
        for name, value in result["busbw"].items()
    ]
    return ["Bus bandwidth of 1 GiB over all GPUs", *table(rows, "<>>")]


def _binding(result: Result) -> list[str]:
    """Return what binds the collective, how near the fluid bound it is, what packets and hashing may make of it."""
    asked = result.get("collective", {})
    if not result["busbw"] or "lower_bound_s" not in asked:
        return []
    bound = f"{percent(asked['lower_bound_s'] / asked['time_s'], 0)} of the fluid bound"
    lines = [f"{asked['algorithm']}; bound by {asked['bottleneck']}, loaded {asked['load']:.2f} times a NIC; {bound}"]
    if "packets" in asked:
        rates = [result["busbw"][asked["kind"]] * asked["time_s"] / each for each in asked["packets"]["time_s"]]
        least, most = (show(rate, "bandwidth", unit="GB/s") for rate in sorted(rates))
        lines.append(f"packets meet incast and PFC: {least} to {most} ({asked['packets']['kind']})")
    if "seeds" in asked:
        half, most = (show(asked[name], "bandwidth", unit="GB/s") for name in ("busbw_p50", "busbw_p95"))
        lines.append(f"over {asked['seeds']} seeds of the hash: half reach {half}, 95 % {most}")
    return lines


def _by_size(result: Result) -> list[str]:
    """Return the table of nccl-tests, where a collective was asked for."""
    asked = result.get("collective", {})
    if "by_size" not in asked:
        return []
    head = [f"{asked['kind']}, expected", "time", "algbw", "busbw", "by", "", "bound by"]
    body = [
        [
            _binary(row["size_bytes"]),
            show(row["time_s"], "time"),
            *(show(row[name], "bandwidth", unit="GB/s") for name in ("algbw", "busbw")),
            *(row[name] for name in ("algorithm", "protocol", "bottleneck")),
        ]
        for row in asked["by_size"]
    ]
    return table([head, *body], ">>>><<<")


def _binary(size_bytes: float) -> str:
    """Return a size in the largest binary unit that keeps it at least 1.

    >>> _binary(1024.0), _binary(2.0**34)
    ('1 KiB', '16 GiB')
    """
    unit = ("KiB", "MiB", "GiB")[min(2, int(log2(size_bytes)) // 10 - 1)]
    return show(size_bytes, "size", unit=unit)


def _after_loss(result: Result) -> list[str]:
    if not result.get("after_loss"):
        return []
    rows = [
        [each["lost"], each["name"], "job stops" if each["remaining"] is None else percent(each["remaining"])]
        for each in result["after_loss"]
    ]
    return table([["Bus bandwidth left after one loss", "", ""], *rows], "<<>")


def _groups(result: Result) -> list[str]:
    """Return the spread of the job's groups: hashed flows collide, and the slowest group holds up the step."""
    if not result["groups"]:
        return []
    head = ["Bus bandwidth of the job's own groups", "slowest", "median", "fastest"]
    rows = [
        [dimension, *(show(rates[name], "bandwidth", unit="GB/s") for name in head[1:])]
        for dimension, rates in result["groups"].items()
    ]
    return table([head, *rows], "<>>>")


def _bill_of_materials(result: Result) -> list[str]:
    head = ["Bill of materials", "", "count", "W each", "USD each", "USD"]
    body = [
        [
            line["item"],
            line["name"],
            show_count(line["count"]),
            f"{line['power_w']:,.1f}",
            "-" if line["price_usd"] is None else f"{line['price_usd']:,.0f}",
            "-" if line["price_usd"] is None else f"{line['price_usd'] * line['count']:,.0f}",
        ]
        for line in result["bom"]
    ]
    return table([head, *body], "<<>>>>") if body else []
