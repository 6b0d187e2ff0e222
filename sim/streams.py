"""Named random streams: what is drawn depends on a seed and a name, never on the order of calls.

A stream is a PCG64DXSM generator whose 256 bits of state and increment are the BLAKE2b hash of (seed, names).
Hashing makes streams independent for all practical purposes: names that differ in one character give unrelated
states. The k-th uniform of a stream costs one 64-bit word, so any element can be reached without the others.
"""

from collections.abc import Sequence
from hashlib import blake2b
from operator import index as as_integer
from typing import Any, cast

import numpy as np
from numpy.random import PCG64DXSM, Generator, SeedSequence
from numpy.random.bit_generator import ISeedSequence
from numpy.typing import NDArray


class _Key(ISeedSequence):
    """The 32 bytes that seed one bit generator, handed over as they are."""

    __slots__ = ("digest",)

    def __init__(self, digest: bytes) -> None:
        self.digest = digest

    def generate_state(self, n_words: int, dtype: Any = np.uint32) -> NDArray[np.uint32 | np.uint64]:
        # Little-endian by name: the numbers must not depend on the machine.
        words: NDArray[np.uint32 | np.uint64] = np.frombuffer(self.digest, np.dtype(dtype).newbyteorder("<"))
        return words[:n_words]


def _name_bytes(seed: int, names: tuple[str | int, ...]) -> bytes:
    """Encode a name so that no two different names share an encoding: type, length, text, part by part."""
    parts = [f"{as_integer(seed)};"]
    for name in names:
        tag, text = ("s", name) if isinstance(name, str) else ("i", str(as_integer(name)))
        parts.append(f"{tag}{len(text)}:{text}")
    return "".join(parts).encode()


def _bits(seed: int, names: tuple[str | int, ...]) -> PCG64DXSM:
    key = _Key(blake2b(_name_bytes(seed, names), digest_size=32).digest())
    # Any ISeedSequence will do; numpy's type hints name its own class only.
    return PCG64DXSM(cast(SeedSequence, key))


def stream(seed: int, *names: str | int) -> Generator:
    """Return the random generator of a name.

    The same seed and names give the same numbers on every machine and in every release of this project.

    >>> float(stream(1, "failure", "gpu", 0).random()) == float(stream(1, "failure", "gpu", 0).random())
    True
    >>> float(stream(1, "failure", "gpu", 0).random()) == float(stream(1, "failure", "gpu", 1).random())
    False
    """
    return Generator(_bits(seed, names))


def uniforms(seed: int, *names: str | int, count: int) -> NDArray[np.float64]:
    """Return the first `count` uniforms in [0, 1) of a stream; element i never depends on `count`.

    >>> a, b = uniforms(1, "failure", "gpu", 0, count=3), uniforms(1, "failure", "gpu", 0, count=5)
    >>> bool((a == b[:3]).all())
    True
    """
    return stream(seed, *names).random(count)


def uniform_at(seed: int, *names: str | int, index: int) -> float:
    """Return element `index` of `uniforms`, without drawing those before it.

    A double takes the upper 53 bits of one 64-bit word: u = (word >> 11) / 2**53. Raises ValueError for index < 0.

    >>> uniform_at(1, "failure", "gpu", 0, index=2) == uniforms(1, "failure", "gpu", 0, count=3).tolist()[2]
    True
    """
    if index < 0:
        raise ValueError(f"index must be at least 0, got {index}")
    bits = _bits(seed, names)
    bits.advance(index)
    return (int(bits.random_raw()) >> 11) * 2.0**-53


class Elements:
    """The uniforms of a stream one at a time, in any order: one generator that moves back and forth.

    Elements are those of `uniform_at`; only the first of them costs the making of a generator.

    >>> elements = Elements(1, "failure", "gpu", 0)
    >>> [elements.at(index) for index in (2, 0)] == uniforms(1, "failure", "gpu", 0, count=3)[[2, 0]].tolist()
    True
    """

    __slots__ = ("_advance", "_next", "_raw")

    def __init__(self, seed: int, *names: str | int) -> None:
        bits = _bits(seed, names)
        self._advance, self._raw = bits.advance, bits.random_raw
        # The element that the generator's next word is.
        self._next = 0

    def at(self, index: int) -> float:
        """Return element `index`, of 0 or more, in [0, 1)."""
        self._advance(index - self._next)
        self._next = index + 1
        return (int(self._raw()) >> 11) * 2.0**-53


def named_uniforms(seed: int, *names: str | int, members: Sequence[str]) -> NDArray[np.float64]:
    """Return a uniform in [0, 1) for each member by its name, whoever else is there and in whatever order.

    The first 53 bits of the BLAKE2b hash of (seed, names, member).

    >>> one, two = named_uniforms(1, "failure", "leaf", 0, members=["leaf-0", "leaf-1"])
    >>> bool(two == named_uniforms(1, "failure", "leaf", 0, members=["leaf-1"])[0]), bool(one == two)
    (True, False)
    """
    start = blake2b(_name_bytes(seed, names), digest_size=8)
    words = []
    for member in members:
        hashed = start.copy()
        hashed.update(f"m{len(member)}:{member}".encode())
        words.append(hashed.digest())
    bits = np.array([int.from_bytes(word, "little") for word in words], dtype=np.uint64)
    return np.asarray((bits >> np.uint64(11)) * 2.0**-53, dtype=np.float64)
