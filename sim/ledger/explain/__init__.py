"""Why a bill is what it is: pure functions of what a run used and of its cost ledger, exact to the micro-dollar."""
