"""How old the nodes of a run are, on the clock on which they fail.

A node ages, or rests; only the failure clock changes that, when the job starts or stops and nodes leave or join.
"""

from collections.abc import Iterable

from sim.engine.clock import IntegerEnvironment


class Ageing:
    """The reading of the failure clock in microseconds, and the age of each node on it.

    Under "calendar" the reading is the time and every node's age is the reading. Under "operating" the reading
    advances only while the job steps or checkpoints, and only nodes in the job and powered spares age; the job's own
    components age with the reading.
    """

    __slots__ = ("calendar", "elapsed_us", "env", "left_us", "running", "shift_us", "since_us")

    def __init__(self, env: IntegerEnvironment, *, calendar: bool, resting: Iterable[int]) -> None:
        self.env = env
        self.calendar = calendar
        self.running = calendar
        self.elapsed_us = 0
        self.since_us = 0
        # Reading at which a node's age was 0, and for nodes that do not age at what reading they stopped.
        self.shift_us: dict[int, int] = {}
        self.left_us: dict[int, int] = {} if calendar else dict.fromkeys(resting, 0)

    def reading_us(self) -> int:
        """Return the reading now."""
        if self.calendar:
            return self.env.now
        return self.elapsed_us + (self.env.now - self.since_us if self.running else 0)

    def start(self) -> None:
        """The job steps."""
        if not self.calendar:
            self.running, self.since_us = True, self.env.now

    def stop(self) -> None:
        """The job no longer steps."""
        if not self.calendar and self.running:
            self.elapsed_us, self.running = self.elapsed_us + self.env.now - self.since_us, False

    def leave(self, node: int) -> None:
        """A node leaves the job."""
        if not self.calendar:
            self.left_us[node] = self.reading_us()

    def join(self, node: int) -> None:
        """A node joins the job."""
        if not self.calendar:
            away_us = self.reading_us() - self.left_us.pop(node)
            self.shift_us[node] = self.shift_us.get(node, 0) + away_us

    def rests(self, node: int) -> bool:
        """Say whether a node does not age at present."""
        return node in self.left_us

    def age_us(self, node: int) -> int:
        """Return the age of a node."""
        if self.calendar:
            return self.env.now
        reading = self.left_us.get(node)
        return (self.reading_us() if reading is None else reading) - self.shift_us.get(node, 0)

    def due_us(self, node: int, age_us: int) -> int:
        """Return the reading at which a node that ages reaches an age."""
        return age_us + self.shift_us.get(node, 0)
