"""Which kernel curves of an accelerator were not measured as they stand: those taken from elsewhere, and the fits."""

from sim.catalog.records import Accelerator

_WIDE = ("bf16", "fp16")
_UNMEASURED = ("assumed", "fitted")


def curves_used(accelerator: Accelerator, precision: str, *, grouped: bool) -> tuple[str, ...]:
    """Return the curves that a step in a precision uses, as fields of the accelerator; grouped: it has experts.

    The LM head and attention stay in 16 bit, whatever the layers do.

    >>> from sim import catalog
    >>> curves_used(catalog.accelerator("h100-sxm"), "fp8", grouped=False)
    ('gemm.fp8', 'gemm.bf16', 'attention.bf16', 'hbm_efficiency')
    """
    wide = precision if precision in _WIDE else "bf16"
    names = [f"gemm.{precision}", *([f"grouped.{precision}"] if grouped else [])]
    names += [f"gemm.{wide}", f"attention.{wide}", "hbm_efficiency"]
    return tuple(name for name in dict.fromkeys(names) if name in accelerator.sources)


def unmeasured(accelerator: Accelerator, precision: str, *, grouped: bool) -> tuple[str, ...]:
    """Return the curves of a step that are assumed or fitted, assumed ones first: field, kind, and what to know of it.

    >>> from sim import catalog
    >>> unmeasured(catalog.accelerator("gb200"), "fp8", grouped=False)[0]
    'gemm.fp8: assumed: from b200 fp8: the same GPU'
    """
    used = [(name, accelerator.sources[name]) for name in curves_used(accelerator, precision, grouped=grouped)]
    found = [(name, source) for kind in _UNMEASURED for name, source in used if source.kind == kind]
    return tuple(": ".join(filter(None, (name, source.kind, source.note))) for name, source in found)
