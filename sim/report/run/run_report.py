"""The screen of `run`: what it cost and where the time went, in 80 columns."""

from sim.report.money.bill import bill_text
from sim.report.run.calibration import calibration_text
from sim.report.run.headline import headline, phases_text, published_text
from sim.report.run.waterfall import waterfall_text
from sim.report.text import Marks, Result, short


def run_report(result: Result, marks: Marks) -> str:
    """Return the report of a run from its JSON; a run without prices (cost_usd None) has no bill.

    Beside the documented keys it reads name, seed, model (None: step time given), accelerator, gpus (all held),
    job_gpus, waterfall by state, cost_by_state in USD, micro_usd by item and state (integers), useful_flop (model FLOP
    of retained steps), phases, interruptions_expected (mean over job-up exposure, or None), published and
    published_gap.
    """
    billed = result["cost_usd"] is not None
    end = "retained steps" if result["step_mfu"] is None else "useful FLOP"
    title = f"Where {short(result['gpu_hours'])} GPU-hours went, from peak to {end}"
    blocks = [
        headline(result),
        phases_text(result),
        calibration_text(result),
        waterfall_text(title, result["waterfall"], marks, result["cost_by_state"] if billed else None),
        bill_text(result) if billed else [],
        published_text(result),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)
