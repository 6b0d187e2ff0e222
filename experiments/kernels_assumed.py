"""Kernel curves that nobody measured, and the accelerator and precision that each is taken from, with why."""

Key = tuple[str, str]
"""Accelerator and precision."""

Assumptions = tuple[tuple[Key, Key, str], ...]
"""Curves that are taken from another accelerator or precision, and why."""


def capped_level(cap_w: float, limit_w: float, idle_w: float) -> float:
    """Return the clock under a lower power cap over that under the usual limit, where both are what holds it back.

    Power above idle goes with clock x voltage squared, and voltage with the clock: level = ((cap - idle) / (limit -
    idle)) ** (1/3), whatever share of the power the memory takes. Assumed. A100 at 300 of its 400 W, 60 idle:

    >>> round(capped_level(300, 400, 60), 2)
    0.89
    """
    return float(((cap_w - idle_w) / (limit_w - idle_w)) ** (1 / 3))


LEVELS = {
    "h100-96gb-500w": capped_level(500, 700, 70),
    "mi300x": (668.4 / 1300) / (794.5 / 989),
}
"""Asymptotes of what an accelerator takes over those of where it comes from; 1 where none is given.

MI300X: the best products that a search found on it and on H100, over their peaks (kernels.json: max_achievable).
"""

_CAPPED = "capped at 500 W: asymptotes at 0.88, the cube root of the power above idle over that of 700 W"
_AMD = (
    "asymptotes at 0.64: best product found on it over that on H100, 0.51 to 0.80 of their peaks; nothing else is known"
)
_NO_KERNEL = "no kernel was measured on it: each precision at the same fraction of its own peak"
_GB300 = "the SMs of B200, each precision at the same fraction of its own peak"


NVFP4_LEVEL = 0.43 / 0.51
"""Fraction of its own peak that nvfp4 reaches, over that of fp8: fits of whole steps (reference README, item 4)."""

_NVFP4 = "no nvfp4 product was measured: fp8 at 0.84 of its level, from fits of whole steps"
_MXFP8 = "fp8 with a scale per 32: one product was measured, 0.63 of peak at 8192 cubed, in a burst"

UNSEEN: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    ("p100-sxm2", "a100-80gb-sxm", ("fp16",), _NO_KERNEL),
    ("v100-32gb-sxm2", "a100-80gb-sxm", ("fp16",), _NO_KERNEL),
    ("v100-32gb-sxm3", "a100-80gb-sxm", ("fp16",), _NO_KERNEL),
    ("b100", "b200", ("bf16", "fp16", "fp8", "mxfp8", "nvfp4"), _GB300),
    ("mi300x", "h100-sxm", ("bf16", "fp16", "fp8"), _AMD),
    ("tpu-v3", "a100-80gb-sxm", ("bf16",), _NO_KERNEL),
    ("tpu-v4", "a100-80gb-sxm", ("bf16",), _NO_KERNEL),
    ("tpu-v5e", "a100-80gb-sxm", ("bf16",), _NO_KERNEL),
    ("tpu-v5p", "a100-80gb-sxm", ("bf16",), _NO_KERNEL),
    ("tpu-v6e", "h100-sxm", ("bf16",), _NO_KERNEL),
    ("trainium1", "a100-80gb-sxm", ("bf16", "fp16"), _NO_KERNEL),
    ("trainium2", "h100-sxm", ("bf16", "fp16", "fp8"), _NO_KERNEL),
)
"""Accelerators of which little but peaks is known, what all their curves are taken from, and in which precisions."""


_NO_FP32 = "no kernel was measured on it, and none in fp32: each precision at the same fraction of its own peak"

FP32: Assumptions = ((("p100-sxm2", "fp32"), ("a100-80gb-sxm", "fp16"), _NO_FP32),)
"""The one accelerator that trained in 32 bit, which had no tensor cores."""


def unseen(precisions: frozenset[str]) -> Assumptions:
    """Return the curves of unseen accelerators in some precisions, each taken from the same of the relative."""
    return tuple(
        ((name, precision), (relative, precision), note)
        for name, relative, known, note in UNSEEN
        for precision in known
        if precision in precisions
    )


WIDE = frozenset({"bf16", "fp16"})
NARROW = frozenset({"fp8", "mxfp8", "nvfp4"})


ASSUMED_GEMM: Assumptions = (
    (("h200-sxm", "bf16"), ("h100-sxm", "bf16"), "the SMs of H100"),
    (("h200-sxm", "fp16"), ("h100-sxm", "fp16"), "the SMs of H100"),
    (("h200-sxm", "fp8"), ("h100-sxm", "fp8"), "the SMs of H100; its rows are in the fit"),
    (("h800-sxm", "bf16"), ("h100-sxm", "bf16"), "the SMs of H100"),
    (("h800-sxm", "fp16"), ("h100-sxm", "fp16"), "the SMs of H100"),
    (("b200", "fp16"), ("b200", "bf16"), "fp16 runs as bf16"),
    (("b200", "mxfp8"), ("b200", "fp8"), _MXFP8),
    (("b200", "nvfp4"), ("b200", "fp8"), _NVFP4),
    (("gb200", "bf16"), ("b200", "bf16"), "the same GPU"),
    (("gb200", "fp16"), ("b200", "bf16"), "the same GPU; fp16 runs as bf16"),
    (("gb200", "fp8"), ("b200", "fp8"), "the same GPU"),
    (("gb200", "mxfp8"), ("b200", "fp8"), f"the same GPU; {_MXFP8}"),
    (("gb200", "nvfp4"), ("b200", "fp8"), f"the same GPU; {_NVFP4}"),
    (("gb300", "bf16"), ("b200", "bf16"), _GB300),
    (("b300", "bf16"), ("b200", "bf16"), _GB300),
    (("gb300", "fp16"), ("b200", "bf16"), f"{_GB300}; fp16 runs as bf16"),
    (("b300", "fp16"), ("b200", "bf16"), f"{_GB300}; fp16 runs as bf16"),
    (("gb300", "fp8"), ("b200", "fp8"), _GB300),
    (("b300", "fp8"), ("b200", "fp8"), _GB300),
    (("gb300", "mxfp8"), ("b200", "fp8"), f"{_GB300}; {_MXFP8}"),
    (("b300", "mxfp8"), ("b200", "fp8"), f"{_GB300}; {_MXFP8}"),
    (("gb300", "nvfp4"), ("b200", "fp8"), f"{_GB300}; {_NVFP4}"),
    (("b300", "nvfp4"), ("b200", "fp8"), f"{_GB300}; {_NVFP4}"),
    (("a100-40gb-sxm", "bf16"), ("a100-80gb-sxm", "bf16"), "the SMs of A100 80 GB"),
    (("a100-40gb-sxm", "fp16"), ("a100-80gb-sxm", "fp16"), "the SMs of A100 80 GB"),
    (("h100-96gb-500w", "bf16"), ("h100-sxm", "bf16"), _CAPPED),
    (("h100-96gb-500w", "fp16"), ("h100-sxm", "fp16"), _CAPPED),
    (("h100-96gb-500w", "fp8"), ("h100-sxm", "fp8"), _CAPPED),
    *unseen(WIDE | NARROW),
    *FP32,
)

FP8_GROUPED = "the dense fp8 curve with what grouping costs in bf16; no grouped fp8 was measured"
"""What is to be known of grouped fp8 on Blackwell."""

ASSUMED_GROUPED: Assumptions = (
    *(((gpu, "fp8"), ("h800-sxm", "fp8"), "the SMs of H800") for gpu in ("h100-sxm", "h200-sxm")),
    *(((gpu, p), ("h100-sxm", p), "the SMs of H100") for gpu in ("h200-sxm", "h800-sxm") for p in ("bf16", "fp16")),
    *((("h100-96gb-500w", p), ("h100-sxm", p), _CAPPED) for p in ("bf16", "fp16")),
    (("h100-96gb-500w", "fp8"), ("h800-sxm", "fp8"), _CAPPED),
    *((("a100-40gb-sxm", p), ("a100-80gb-sxm", p), "the SMs of A100 80 GB") for p in ("bf16", "fp16")),
    (("b200", "fp16"), ("b200", "bf16"), "fp16 runs as bf16"),
    (("b200", "mxfp8"), ("b200", "fp8"), FP8_GROUPED),
    (("b200", "nvfp4"), ("b200", "fp8"), f"{FP8_GROUPED}; {_NVFP4}"),
    *(
        ((gpu, p), ("b200", p if p == "bf16" else "bf16" if p == "fp16" else "fp8"), note)
        for gpu, same in (("gb200", "the same GPU"), ("gb300", _GB300), ("b300", _GB300))
        for p, note in (
            ("bf16", same),
            ("fp16", f"{same}; fp16 runs as bf16"),
            ("fp8", f"{same}; {FP8_GROUPED}"),
            ("mxfp8", f"{same}; {FP8_GROUPED}"),
            ("nvfp4", f"{same}; {FP8_GROUPED}; {_NVFP4}"),
        )
    ),
    *unseen(WIDE | NARROW),
    *FP32,
)

ASSUMED_ATTENTION: Assumptions = (
    (("h200-sxm", "bf16"), ("h100-sxm", "bf16"), "the SMs of H100"),
    (("h200-sxm", "fp16"), ("h100-sxm", "fp16"), "the SMs of H100"),
    (("h800-sxm", "bf16"), ("h100-sxm", "bf16"), "the SMs of H100"),
    (("h800-sxm", "fp16"), ("h100-sxm", "fp16"), "the SMs of H100"),
    (("b200", "fp16"), ("b200", "bf16"), "fp16 runs as bf16"),
    (("gb200", "bf16"), ("b200", "bf16"), "the same GPU"),
    (("gb200", "fp16"), ("b200", "bf16"), "the same GPU; fp16 runs as bf16"),
    (("gb300", "bf16"), ("b200", "bf16"), f"{_GB300}; its exponentials are twice as fast, which is not counted"),
    (("b300", "bf16"), ("b200", "bf16"), f"{_GB300}; its exponentials are twice as fast, which is not counted"),
    (("gb300", "fp16"), ("b200", "bf16"), f"{_GB300}; its exponentials are twice as fast, which is not counted"),
    (("b300", "fp16"), ("b200", "bf16"), f"{_GB300}; its exponentials are twice as fast, which is not counted"),
    (("a100-40gb-sxm", "bf16"), ("a100-80gb-sxm", "bf16"), "the SMs of A100 80 GB"),
    (("a100-40gb-sxm", "fp16"), ("a100-80gb-sxm", "fp16"), "the SMs of A100 80 GB"),
    (("h100-96gb-500w", "bf16"), ("h100-sxm", "bf16"), _CAPPED),
    (("h100-96gb-500w", "fp16"), ("h100-sxm", "fp16"), _CAPPED),
    *unseen(WIDE),
    *FP32,
)

ASSUMED_HBM = (
    ("h800-sxm", "h100-sxm", "the memory of H100"),
    ("b200", "h200-sxm", "HBM3e as in H200; no copy was measured (a simulator's input says 0.67)"),
    ("gb200", "h200-sxm", "HBM3e as in H200; no copy was measured"),
    ("gb300", "h200-sxm", "HBM3e as in H200; no copy was measured"),
    ("b300", "h200-sxm", "HBM3e as in H200; no copy was measured"),
    ("a100-40gb-sxm", "a100-80gb-sxm", "HBM2 beside HBM2e: the same fraction of its own bandwidth"),
    ("h100-96gb-500w", "h100-sxm", "the memory controllers of H100, with slower HBM2e"),
    *(
        (name, "h200-sxm" if name == "b100" else relative, "the same fraction of its own bandwidth")
        for name, relative, *_ in UNSEEN
    ),
)
