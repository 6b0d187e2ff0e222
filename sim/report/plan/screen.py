"""The screen of `plan`: the answer in its first lines, then what binds, what it costs, what is assumed."""

from sim.quantities import show
from sim.report.plan.words import amount, billions, counts_words, lasting, layout_words, left_words, model_words
from sim.report.text import Result, percent, short, short_usd, signed, table, wrapped


def plan_report(answer: Result) -> str:
    """Return the report of a plan from its JSON."""
    blocks = [_verdict(answer), _facts(answer["plan"]), _limits(answer), _nearest(answer), _compared(answer)]
    return "\n\n".join("\n".join(block) for block in [*blocks, _notes(answer)] if block)


def _verdict(answer: Result) -> list[str]:
    plan = answer["plan"]
    verdict = "Yes" if answer["feasible"] else "No, not within these limits"
    loss = "" if plan["loss"] is None else f", loss {plan['loss']:.3f}"
    lines = wrapped(f"{verdict}: {model_words(plan)} on {billions(plan['tokens'])} tokens{loss}")
    return [*lines, *wrapped(_done(plan)[:1].upper() + _done(plan)[1:])]


def _done(plan: Result) -> str:
    return (
        f"done in {lasting(plan['days']['mean'])} for {short_usd(plan['cost_usd']['mean'])} on {plan['gpus']:,} GPUs "
        f"({plan['node']})"
    )


def _facts(plan: Result) -> list[str]:
    memory, days, cost = plan["memory"], plan["days"], plan["cost_usd"]
    items = sorted(plan["cost"].items(), key=lambda item: -item[1])
    facts = [
        f"Layout    {layout_words(plan['layout'])}",
        f"Step      {show(plan['step_time_s'], 'time')} simulated, {show(plan['step_estimate_s'], 'time')} estimated "
        f"without stragglers ({signed(plan['step_estimate_s'] / plan['step_time_s'] - 1)})",
        f"MFU       {percent(plan['mfu'])} of the step, {percent(plan['effective_mfu'])} with failures and spares",
        f"Memory    {memory['peak_bytes'] / 1e9:.1f} of {memory['capacity_bytes'] / 1e9:.1f} GB a GPU",
        f"Runs      {len(plan['seeds'])}: {lasting(days['least'])} to {lasting(days['most'])}, "
        f"{short_usd(cost['least'], 4)} to {short_usd(cost['most'], 4)}, {plan['interruptions']:.0f} interruptions",
        f"Held      {short(plan['gpu_hours'])} GPU-h with {plan['spare_gpus']:,} spare GPUs, "
        f"{show(plan['power_w'], 'power')} at the meter",
        "Bill      " + ", ".join(f"{item} {short_usd(usd)}" for item, usd in items if usd >= 1),
        f"Rates     {short_usd(plan['usd_per_trillion_tokens'])} per 1T tokens, "
        f"{short_usd(plan['usd_per_useful_pflop_day'])} per useful PFLOP-day, {plan['compute_flop']:.3g} FLOP (6ND)",
    ]
    return [line for fact in facts for line in wrapped(fact, " " * 10)]


def _limits(answer: Result) -> list[str]:
    lines = []
    if answer["limits"]:
        rows = [["Limit", "asked", "used", ""]]
        rows += [
            [each["name"], amount(each["limit"], each["unit"]), amount(each["used"], each["unit"]), _kept(each)]
            for each in answer["limits"]
        ]
        lines += table(rows, "<>><")
    words = [_binds(each) for each in answer["binds"]]
    return [*lines, *wrapped(f"Binds: {'; '.join(words) if words else 'nothing that was asked for'}")]


def _kept(limit: Result) -> str:
    return percent(limit["used"] / limit["limit"]) if limit["met"] else "exceeded"


def _binds(row: Result) -> str:
    name, share = row["name"], row["share"]
    if name == "memory":
        return f"memory (rules out a layout that could be up to {percent(share)} faster)"
    if name == "network":
        return f"network ({percent(share)} of the step waits for it)"
    if name == "failures":
        return f"failures ({percent(share)} of the GPU time held is lost to them, with spares)"
    used = f"{share:,.3g} times what was asked for" if share >= 2 else f"{percent(share)} used"
    return f"{name} ({used})" if name != "GPUs" else "the number of GPUs"


def _nearest(answer: Result) -> list[str]:
    if answer["feasible"]:
        return []
    missing = [f"{amount(each['amount'], each['unit'])} of {each['name']}" for each in answer["missing"]]
    lines = wrapped(f"Missing: {', '.join(missing)}. With that much more the plan above is met.")
    near = answer["nearest"]
    if near is None:
        return lines
    loss = "" if near["loss"] is None else f", loss {near['loss']:.3f}"
    lines += wrapped(
        f"Nearest that keeps the limits: {model_words(near)} on {billions(near['tokens'])} tokens{loss}, {_done(near)}"
    )
    return lines


def _compared(answer: Result) -> list[str]:
    if len(answer["compared"]) < 2:
        return []
    rows = [["Node", "GPUs", "model", "tokens", "loss", "takes", "cost", "MFU"]]
    rows += [_compared_row(each) for each in answer["compared"]]
    return ["Kinds of nodes, one run each before tokens are fitted to the limits:", *table(rows, "<>>>>>>>")]


def _compared_row(plan: Result) -> list[str]:
    return [
        plan["node"],
        f"{plan['gpus']:,}",
        billions(plan["parameters"]),
        billions(plan["tokens"]),
        "-" if plan["loss"] is None else f"{plan['loss']:.3f}",
        lasting(plan["days"]["mean"]),
        short_usd(plan["cost_usd"]["mean"]),
        percent(plan["mfu"]),
    ]


def _notes(answer: Result) -> list[str]:
    law, search = answer["law"], answer["plan"]["search"]
    lines = wrapped(
        f"Law: {law['name']} ({law['source'].split(',')[0]}, {law['date']}), efficiency {law['efficiency']:g}"
    )
    lines += wrapped(f"{law['beyond'][:1].upper()}{law['beyond'][1:]}") if law["beyond"] else []
    lines += wrapped(f"Searched {counts_words(search)}")
    lines += [line for words in left_words(search) for line in wrapped(words)]
    return lines + [line for words in answer["assumed"] for line in wrapped(f"Assumed: {words}")]
