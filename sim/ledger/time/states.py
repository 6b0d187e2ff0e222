"""The states of a GPU, all of them, and the numbers that stand for them in columns."""

from sim.ledger.time.trace import JOB_STATES, OUTSIDE_STATES, RECLASSIFIED_STATES
from sim.workload.profile import STEP_STATES

STATES = (*STEP_STATES, "step", *JOB_STATES, *OUTSIDE_STATES, *RECLASSIFIED_STATES)
"""All states of a row. "step" is the step as a whole, where its time was given and no model says what is in it."""

STEPPING = (*STEP_STATES, "step")
"""States inside a step."""

IN_JOB = (*STEPPING, *JOB_STATES, *RECLASSIFIED_STATES)
"""States of a GPU that the job holds."""

OUTSIDE_PHASE = -1
"""Phase of a row outside the job."""

CODES = {state: code for code, state in enumerate(STATES)}
"""The number that stands for a state in a row."""
