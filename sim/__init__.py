"""Trainwright: a discrete-event simulator of frontier training clusters."""

MODEL_VERSION = "0.4"
"""Version of the models; part of every run_id, raised when a result may change."""
