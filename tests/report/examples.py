"""Results as `run --json`, `step --json` and `topology --json` print them, with numbers that a hand can check."""

from typing import Any

STATES: dict[str, float] = {
    "compute_ideal": 0.36,
    "kernel_inefficiency": 0.28,
    "recompute": 0.0,
    "optimizer": 0.002,
    "bubble": 0.05,
    "comm_tensor": 0.11,
    "comm_context": 0.0,
    "comm_expert": 0.0,
    "comm_pipeline": 0.01,
    "comm_data": 0.06,
    "imbalance": 0.015,
    "straggler": 0.0,
    "input_stall": 0.0,
    "throttle": 0.0,
    "detect": 0.012,
    "diagnose": 0.0,
    "drain": 0.0,
    "replace": 0.02,
    "schedule": 0.0,
    "initialize": 0.013,
    "restore": 0.0003,
    "warm_up": 0.0,
    "checkpoint": 0.009,
    "evaluation": 0.0,
    "wait_for_node": 0.0,
    "spare": 0.01,
    "repair": 0.0017,
    "maintenance": 0.0,
    "idle": 0.0,
    "lost_work": 0.046,
    "in_flight": 0.001,
}
"""Fractions of the GPU-time held; they sum to 1."""

SHARES = {"server": 55, "network": 10, "storage": 5, "facility": 10, "energy": 15, "staff": 5}
"""Percent of every state's cost."""


def run_result(gpu_hours: int = 1_000_000, usd_per_gpu_hour: int = 2) -> dict[str, Any]:
    """Return a run whose bill is the GPU-hours of each state times a price, split over the items by SHARES."""
    states = {state: gpu_hours * fraction for state, fraction in STATES.items()}
    matrix = {
        item: {
            state: round(fraction * 1e4) * share * gpu_hours * usd_per_gpu_hour for state, fraction in STATES.items()
        }
        for item, share in SHARES.items()
    }
    job = gpu_hours * (1 - STATES["spare"] - STATES["repair"])
    return {
        "name": "example",
        "run_id": "0123456789abcdef",
        "seed": 1,
        "model": "llama3-405b",
        "accelerator": "h100-sxm",
        "gpus": 16_576,
        "job_gpus": 16_384,
        "wall_time_s": 54 * 86_400.0,
        "steps": 700_000,
        "tokens": 11_744_051_200_000,
        "step_mfu": 0.36 / 0.887,
        "effective_mfu": 0.36,
        "goodput": 0.887 / 0.9883,
        "allocation": 0.9883,
        "ettr": 0.887 / 0.9883,
        "gpu_hours": float(gpu_hours),
        "job_gpu_hours": job,
        "failures": {"gpu": 150, "nic": 30, "hbm": 70},
        "interruptions": {"gpu": 148, "nic": 29, "hbm": 70},
        "planned_stops": {},
        "aborted": None,
        "interruptions_expected": 240.0,
        "states": states,
        "waterfall": dict(STATES),
        "cost_usd": float(gpu_hours * usd_per_gpu_hour),
        "cost": {item: sum(row.values()) / 1e6 for item, row in matrix.items()},
        "cost_by_state": {state: hours * usd_per_gpu_hour for state, hours in states.items()},
        "micro_usd": matrix,
        "useful_flop": 0.36 * gpu_hours * 3600 * 989.5e12,
        "energy_kwh": 1.1e6,
        "co2e_kg": 390_000.0,
        "pool_usd": 0.0,
        "unpriced": ["energy/demand"],
        "lost_gpu_hour": {"accounting_usd": 3.55, "marginal_usd": 0.12, "opportunity_usd": 2.53},
        "shadow_usd": {},
        "complete": False,
        "phases": [
            {
                "name": name,
                "steps": steps,
                "lost_steps": 5,
                "step_time_s": 6.3,
                "step_mfu": 0.406,
                "goodput": 0.9,
                "job_gpu_hours": job / 2,
            }
            for name, steps in (("short context", 200_000), ("full batch", 500_000))
        ],
        "published": {
            "step_mfu": {"value": 0.41, "unit": "fraction", "source": "Llama Team, arXiv 2407.21783, table 4"},
            "interruptions": {"value": 419, "unit": "", "source": "Llama Team, arXiv 2407.21783, table 5"},
        },
        "published_gap": ["planned maintenance", "evaluation during training"],
        "calibration": None,
    }


def step_result() -> dict[str, Any]:
    """Return a step of two stages, of which the first is the heavier."""
    waterfall = {state: 0.0 for state in STATES if state in _IN_STEP}
    waterfall |= {"compute_ideal": 0.4, "kernel_inefficiency": 0.35, "bubble": 0.1, "comm_tensor": 0.15}
    stages = [
        {"stage": i, "parameters": 6e9, "gradients": 12e9, "optimizer": 1e9, "activations": a, "buffers": 3e9}
        for i, a in enumerate((33e9, 20e9))
    ]
    return {
        "name": "example",
        "model": "llama3-405b",
        "accelerator": "h100-sxm",
        "job_gpus": 16_384,
        "microbatches": 16,
        "step_time_s": 6.32,
        "mfu": 0.4,
        "hfu": 0.41,
        "mfu_full_attention": 0.42,
        "mfu_bf16_peak": 0.4,
        "flops_per_s_per_gpu": 400e12,
        "tokens_per_s_per_gpu": 162.0,
        "bubble_fraction": 0.1,
        "waterfall": waterfall,
        "without_s": {"none": 6.0, "tensor": 5.1, "pipeline": 5.9, "data": 5.7},
        "communication": {
            "tensor": {
                "time_s": 1.2e-3,
                "lower_bound_s": 1e-3,
                "busbw_bytes_per_s": 370e9,
                "algorithm": "ring",
                "bottleneck": "scale-up",
                "load": 1.0,
            }
        },
        "memory": {"peak_bytes": 55e9, "capacity_bytes": 80e9, "fits": True, "stages": stages},
        "assumed": [
            "gemm.fp8: assumed: from h100-sxm fp8: the SMs of H100",
            "hbm_efficiency: assumed: as H100",
            "attention.bf16: fitted: cuDNN",
        ],
        "published": {"mfu": {"value": 0.43, "unit": "fraction", "source": "a paper"}},
        "published_gap": [],
        "calibration": None,
        "step_time_band": {
            "kind": "dense 16-bit",
            "familiarity": "known stack",
            "80": [5.1, 6.6],
            "95": [4.6, 7.9],
        },
    }


_IN_STEP = list(STATES)[:14]


def topology_result() -> dict[str, Any]:
    """Return a fat tree of 4-port switches."""
    return {
        "family": "fat-tree",
        "hosts": 16,
        "gpus": 16,
        "switches": 20,
        "switches_by_tier": {"leaf": 8, "spine": 8, "core": 4},
        "links_total": 48,
        "links_switch_switch": 32,
        "oversubscription": [1.0, 1.0, 1.0],
        "diameter_hops": 6,
        "bisection_bytes_per_s": 400e9,
        "capex_usd": 20 * 30_000 + 48 * 500,
        "power_w": 31_000.0,
        "busbw": {"all-reduce": 45e9},
        "groups": {"data": {"slowest": 20e9, "median": 30e9, "fastest": 50e9}},
        "bom": [
            {"item": "switch", "name": "qm9700", "count": 20, "power_w": 1500.0, "price_usd": 30_000.0},
            {"item": "cable", "name": "dac-400g", "count": 48, "power_w": 0.1, "price_usd": 500.0},
        ],
    }
