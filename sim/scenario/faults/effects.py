"""What a cause does that neither stops the job at once nor takes a part of the network out.

found: it goes unnoticed for so long (silent corruption, a loss that diverges, bad data), and all work since is lost;
recall: the probability that it is noticed at all; rewind: so much work before it is lost too (a loss spike is rewound
beyond its onset); aborts: the run ends then. planned: it is a planned stop (an update, maintenance) that waits until
all work is saved; nodes that it hits are away for so long. All are keys of [[failures.causes]].
"""

from sim.errors import ScenarioError
from sim.reliability.records import Law, Silent
from sim.scenario.laws import LawForm, law


def silent_of(
    found: LawForm | None, recall: float | None, rewind: float | None, aborts: bool, where: str
) -> Silent | None:
    """Return what a failure that is noticed late does, None for others. Raises ScenarioError for keys nothing reads."""
    if found is None:
        for name, value in (("recall", recall), ("rewind", rewind), ("aborts", aborts or None)):
            if value is not None:
                raise ScenarioError(
                    f"{where}: got {name} and no found; expected after how long it is found, or neither"
                )
        return None
    return Silent(
        found_after=law(found),
        recall=1.0 if recall is None else recall,
        rewind_s=rewind or 0.0,
        aborts=aborts,
    )


def planned_of(planned: LawForm | None, component: str, replace: bool | None, where: str) -> Law | None:
    """Return how long what is maintained is away, None where nothing is planned."""
    if planned is None:
        return None
    if replace:
        raise ScenarioError(f"{where}: got both planned, after which nodes come back, and replace; expected one")
    away = law(planned)
    if component == "job" and away.mean_s:
        raise ScenarioError(f"{where}: planned of a job takes no node away; expected '0 s', or a component of nodes")
    return away
