"""What of an accelerator was not measured as it stands: kernel curves taken from elsewhere, fits, and its steps."""

from sim.catalog.records import Accelerator

_WIDE = ("fp32", "bf16", "fp16")
_UNMEASURED = ("assumed", "fitted")
OUT_OF_CLAIMS = "no measured step of its generation scores it: it stays out of accuracy claims"
"""What is to be known of an accelerator whose generation was never measured."""


def scored(accelerator: Accelerator) -> bool:
    """Return whether measured steps of an accelerator's generation set the level of its kernels, and score it.

    >>> from sim import catalog
    >>> scored(catalog.accelerator("h100-sxm")), scored(catalog.accelerator("tpu-v4"))
    (True, False)
    """
    return bool(accelerator.sustained)


def curves_used(accelerator: Accelerator, precision: str, *, grouped: bool) -> tuple[str, ...]:
    """Return the curves that a step in a precision uses, as fields of the accelerator; grouped: it has experts.

    The LM head and attention stay in 16 bit or more, whatever the layers do.

    >>> from sim import catalog
    >>> curves_used(catalog.accelerator("h100-sxm"), "fp8", grouped=False)
    ('gemm.fp8', 'gemm.bf16', 'attention.bf16', 'hbm_efficiency')
    """
    wide = precision if precision in _WIDE else "bf16"
    names = [f"gemm.{precision}", *([f"grouped.{precision}"] if grouped else [])]
    names += [f"gemm.{wide}", f"attention.{wide}", "hbm_efficiency"]
    return tuple(name for name in dict.fromkeys(names) if name in accelerator.sources)


def unmeasured(accelerator: Accelerator, precision: str, *, grouped: bool) -> tuple[str, ...]:
    """Return what of a step is assumed or fitted, assumed first: field, kind, and what to know of it.

    Its kernel curves; before them the accelerator itself where no measured step scores it.

    >>> from sim import catalog
    >>> unmeasured(catalog.accelerator("gb200"), "fp8", grouped=False)[0]
    'gemm.fp8: assumed: from b200 fp8: the same GPU'
    """
    used = [(name, accelerator.sources[name]) for name in curves_used(accelerator, precision, grouped=grouped)]
    found = [(name, source) for kind in _UNMEASURED for name, source in used if source.kind == kind]
    curves = (": ".join(filter(None, (name, source.kind, source.note))) for name, source in found)
    return (*(() if scored(accelerator) else (f"{accelerator.name}: assumed: {OUT_OF_CLAIMS}",)), *curves)
