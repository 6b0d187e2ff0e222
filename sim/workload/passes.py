"""Kernels of a pass, and what makes them: products and their gradients, memory-bound passes, casts."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from sim.catalog.records import SoftwareProfile
from sim.workload.kernels import ELEMENT_BYTES
from sim.workload.transformer import ACTIVATION_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """One kernel of one GPU for one microbatch: a matrix product, an attention core or a memory-bound pass.

    kind: gemm (m, n, k, batch, accumulate), grouped (batch products of m, n, k, each with weights of its own),
    attention (flash, backward or not) or memory (size_bytes). useful: the part of its FLOP that are model FLOP;
    repeated: it only repeats a forward kernel (recomputation); weight: it makes a weight gradient; wide: it stays in
    16 bit. launches: how many the host launches for it, for each of groups where a stack has a kernel for each expert.
    """

    kind: str
    name: str
    m: int = 0
    n: int = 0
    k: int = 0
    batch: int = 1
    useful: float = 1.0
    accumulate: bool = False
    backward: bool = False
    size_bytes: float = 0.0
    repeated: bool = False
    weight: bool = False
    wide: bool = False
    launches: int = 1
    groups: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PassKernels:
    """The kernels of a pass, and the collectives in between.

    collectives: of the tensor group, in units of one of a layer's: an all-gather or reduce-scatter with sequence
    parallelism, an all-reduce without. exchanges: of keys and values in the context group. dispatches: of tokens in the
    expert group, to their experts; combines: back. gathers: of a GPU's routed tokens in the expert-tensor group.
    """

    kernels: tuple[Kernel, ...] = ()
    collectives: float = 0.0
    exchanges: int = 0
    dispatches: int = 0
    combines: int = 0
    gathers: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A forward product y[m, n] = x[m, k] w[k, n], or `groups` of them with weights each.

    cast: what makes its low-precision input: "norm" (the normalisation before it writes that), "pass" (a pass of its
    own), "done" (another product's), "wide" (none: it stays in 16 bit).
    """

    name: str
    m: int
    n: int
    k: int
    groups: int = 0
    useful: float = 1.0
    cast: str = "pass"

    @property
    def rows(self) -> int:
        """Rows of all groups."""
        return self.m * max(1, self.groups)


def forward_kernel(product: Product) -> Kernel:
    """Return the kernel of a forward product."""
    return Kernel(
        kind="grouped" if product.groups else "gemm",
        name=product.name,
        m=product.m,
        n=product.n,
        k=product.k,
        batch=max(1, product.groups),
        useful=product.useful,
        wide=product.cast == "wide",
        groups=max(1, product.groups),
    )


def gradient_kernels(product: Product, software: SoftwareProfile) -> tuple[Kernel, ...]:
    """Return the input-gradient and weight-gradient products of a forward product."""
    fused, forward = software.fused_gradient_accumulation, forward_kernel(product)
    inputs = replace(forward, n=product.k, k=product.n)
    weights = replace(forward, m=product.n, n=product.k, k=product.m, accumulate=fused, weight=True)
    if fused:
        return inputs, weights
    # Read the 16-bit gradient, read and write the main gradient.
    size = (ACTIVATION_BYTES + 2 * software.gradient_bytes) * product.n * product.k * max(1, product.groups)
    return inputs, weights, Kernel(kind="memory", name="accumulate", size_bytes=size, weight=True)


def input_casts(products: Iterable[Product], precision: str, scaling: str) -> tuple[Kernel, ...]:
    """Return the passes that make inputs of products in 8 bit or less, none in 16 bit.

    The weight gradient reads its inputs transposed, or scaled along the other side, so that each tensor is written
    twice (Micikevicius et al. arXiv 2209.05433; Transformer Engine, "Using FP8"). A normalisation before the product
    writes the first copy itself; elsewhere a pass reads 16 bit and writes both. Current scaling of whole tensors needs
    their largest element first: the normalisation cannot write, and every other tensor is read once more.
    """
    size = ELEMENT_BYTES[precision]
    if size >= ACTIVATION_BYTES:
        return ()
    passed = ACTIVATION_BYTES + 2 * size
    first = precision == "fp8" and scaling == "current"
    per_element = {"norm": passed if first else 2 * size, "pass": passed + (ACTIVATION_BYTES if first else 0.0)}
    return tuple(
        kernel
        for product in products
        if product.cast in per_element
        for kernel in memory("cast", per_element[product.cast] * product.k, product.rows, groups=max(1, product.groups))
    )


def gradient_casts(products: Iterable[Product], precision: str, scaling: str) -> tuple[Kernel, ...]:
    """Return the passes that read the 16-bit gradients of products' outputs and write both copies, as above."""
    size = ELEMENT_BYTES[precision]
    if size >= ACTIVATION_BYTES:
        return ()
    first = precision == "fp8" and scaling == "current"
    per_element = (2 if first else 1) * ACTIVATION_BYTES + 2 * size
    return tuple(
        kernel
        for product in products
        if product.cast != "wide"
        for kernel in memory("cast", per_element * product.n, product.rows, groups=max(1, product.groups))
    )


def memory(
    name: str, bytes_per_token: float, tokens: float, count: int = 1, launches: int = 1, groups: int = 1
) -> tuple[Kernel, ...]:
    """Return memory-bound passes over so many tokens."""
    size = bytes_per_token * tokens
    return (Kernel(kind="memory", name=name, size_bytes=size, launches=launches, groups=groups),) * count


def again(kernels: Iterable[Kernel]) -> tuple[Kernel, ...]:
    """Return forward kernels as a backward pass repeats them."""
    return tuple(replace(kernel, repeated=True) for kernel in kernels)
