"""Finite fields of prime-power order, for graphs that are built on them."""

from dataclasses import dataclass
from itertools import count, product

Digits = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field of `order` = prime^degree elements.

    An element is the integer whose digits to the base `prime`, lowest first, are the coefficients of a polynomial.
    powers: of a primitive element, from 1 on, order - 1 of them; logs: the place of each element but 0 there.
    """

    prime: int
    degree: int
    powers: tuple[int, ...]
    logs: dict[int, int]

    @property
    def order(self) -> int:
        """Elements."""
        return len(self.powers) + 1

    def plus(self, one: int, other: int) -> int:
        """Return the sum, digit by digit."""
        return self._by_digit(one, other, 1)

    def minus(self, one: int, other: int) -> int:
        """Return the difference, digit by digit."""
        return self._by_digit(one, other, -1)

    def times(self, one: int, other: int) -> int:
        """Return the product."""
        if one == 0 or other == 0:
            return 0
        return self.powers[(self.logs[one] + self.logs[other]) % len(self.powers)]

    def _by_digit(self, one: int, other: int, sign: int) -> int:
        if self.degree == 1:
            return (one + sign * other) % self.prime
        digits = zip(_digits(one, self.prime, self.degree), _digits(other, self.prime, self.degree), strict=True)
        return _number([(a + sign * b) % self.prime for a, b in digits], self.prime)


def field(order: int) -> Field | None:
    """Return a field of that many elements; None where there is none, its order being no prime power.

    Multiplication is modulo a primitive polynomial x^n - r(x), the first that is found.

    >>> four = field(4)
    >>> four.plus(2, 3), four.times(2, 2), four.times(2, 3)  # x + (x + 1) = 1, x^2 = x + 1, x (x + 1) = 1
    (1, 3, 1)
    >>> field(6) is None
    True
    """
    root = prime_power(order)
    if root is None:
        return None
    prime, degree = root
    candidates = product(range(prime), repeat=degree)
    for reduction in candidates:
        powers = _powers(prime, degree, reduction, order)
        if powers is not None:
            return Field(
                prime=prime, degree=degree, powers=powers, logs={element: log for log, element in enumerate(powers)}
            )
    raise AssertionError("every field has a primitive polynomial")


def prime_power(order: int) -> tuple[int, int] | None:
    """Return the prime and the exponent of a prime power, None for any other number.

    >>> prime_power(27), prime_power(13), prime_power(28)
    ((3, 3), (13, 1), None)
    """
    if order < 2:
        return None
    prime = next(each for each in range(2, order + 1) if order % each == 0)
    exponent = 0
    while order % prime == 0:
        order //= prime
        exponent += 1
    return (prime, exponent) if order == 1 else None


def nearest_orders(order: int) -> str:
    """Return the prime powers from 3 on that lie nearest below and above, in words.

    >>> nearest_orders(28), nearest_orders(6)
    ('27 and 29', '5 and 7')
    """
    below = next((each for each in range(order - 1, 2, -1) if prime_power(each)), None)
    above = next(each for each in count(max(order + 1, 3)) if prime_power(each))
    return f"{above}" if below is None else f"{below} and {above}"


def _powers(prime: int, degree: int, reduction: Digits, order: int) -> tuple[int, ...] | None:
    """Return the powers of x modulo x^degree - reduction(x), None where they do not reach every element but 0.

    For a prime field x is a number, the constant of the reduction.
    """
    element: Digits = (1,) + (0,) * (degree - 1)
    seen: dict[int, None] = {}
    for _ in range(order - 1):
        number = _number(element, prime)
        if number == 0 or number in seen:
            return None
        seen[number] = None
        carry = element[-1]
        shifted = (0, *element[:-1])
        element = tuple((low + carry * own) % prime for low, own in zip(shifted, reduction, strict=True))
    return tuple(seen)


def _digits(number: int, base: int, length: int) -> Digits:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, base)
        digits.append(digit)
    return tuple(digits)


def _number(digits: Digits | list[int], base: int) -> int:
    return sum(digit * base**place for place, digit in enumerate(digits))
