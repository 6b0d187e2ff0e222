"""The stated rules by which measured rows become scenarios: experiments/reference/training_rules.toml."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from sim.analysis.measurements import Measured

BLANKS: Mapping[str, str] = {
    "micro_batch": "blank micro-batch: 1",
    "vpp": "blank interleaving: none before 2023; after, the most chunks up to 8 that divide a stage's layers",
    "recompute": "blank recomputation: the least that fits beside 16-bit gradients (none, attention core, cheap "
    "modules, whole layers); none on GB200 and GB300, whose activations can go to the host over NVLink-C2C",
    "vocab": "blank vocabulary: 51,200",
    "network": "blank NIC: the node's own",
    "sequence_parallel": "blank sequence parallelism: with tensor parallelism, from 2022",
    "domain": "groups that would straddle racks of 72 GPUs: a job takes 64 of each",
    "selective": "selective recomputation of an FSDP stack: half of the layers as a whole",
    "routing": "experts evenly loaded",
    "expert_tensor": "blank expert tensor parallelism: 1 where a source's recipes set it, else that of attention",
}
"""Rules for what rows leave open, in words."""


AMBIGUOUS = 0.08
"""Difference between full and causal attention above which a time derived by an unstated convention says little."""

ALIGNED = 8
"""Elements of 16 bit in the 16 bytes that tensor cores load at once (NVIDIA, Matrix Multiplication Background)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The tables of the file."""

    tables: Mapping[str, Any]

    def precision(self, name: str, gpu: str) -> str | None:
        """Return a scenario's precision, None for a name that no rule knows.

        Hopper has no block-scaled formats, so that FP8 of any recipe is fp8 there.
        """
        listed = ((text, str(ours)) for text, ours in self.tables["precision"])
        # The empty text stands for a blank cell; it is contained in every name.
        found = next((ours for text, ours in listed if (text in name.lower() if text else not name)), None)
        return "fp8" if found == "mxfp8" and not gpu.startswith(("B", "GB")) else found

    def software(self, row: Measured) -> str:
        """Return the software profile by source, sharding or year."""
        source, sharding = row.text("source"), row.text("fsdp_zero")
        tables = ((self.tables["software"], source), (self.tables["sharding_software"], sharding))
        for table, text in tables:
            for pattern, profile in table:
                if re.search(pattern, text):
                    return str(profile)
        # A year as such, else that of a preprint's number or of a release such as 25.02.
        years = re.findall(r"\b20(\d\d)\b", source) or re.findall(r"\b(\d\d)(?:0\d|1[0-2])\.\d{5}\b", source)
        years = years or re.findall(r"\b(2\d)\.(?:0\d|1[0-2])\b", source)
        if not years:
            return str(self.tables["default_software"])
        return str(next(profile for year, profile in self.tables["year"] if 2000 + int(years[-1]) <= year))

    def facts(self, model: str) -> dict[str, Any]:
        """Return what is known of a model beyond the columns."""
        facts: dict[str, Any] = {}
        for entry in self.tables["models"]:
            if re.search(entry["name"], model):
                facts |= entry["facts"]
        return facts

    def noted(self, row: Measured, kind: str) -> dict[str, Any]:
        """Return what the notes set: fields of the `software` or the `model`."""
        found: dict[str, Any] = {}
        for entry in self.tables["notes"]:
            if _noted(entry, row):
                found |= entry.get(kind, {})
        return found

    def profile_noted(self, row: Measured) -> str | None:
        """Return the software profile that the notes name."""
        entries = (entry for entry in self.tables["notes"] if "profile" in entry)
        return next((str(entry["profile"]) for entry in entries if _noted(entry, row)), None)

    def node(self, gpu: str) -> str | None:
        """Return the node of a GPU, None for one that no rule knows."""
        found = self.tables["nodes"].get(gpu)
        return None if found is None else str(found)

    def excluded(self, row: Measured) -> str | None:
        """Return why a row is shown apart, None if it is not."""
        listed = (str(entry["reason"]) for entry in self.tables["exclude"] if _matches(entry, row))
        return next(listed, None) or self._unaligned(row) or _ambiguous(row)

    def _unaligned(self, row: Measured) -> str | None:
        """Return why heads of an odd width are another case: tensor cores want 16 bytes at once, and none is measured.

        BLOOM's log has it: heads of 108 take 40 % longer than of 144 or 216 at the same layout.
        """
        hidden, heads = row.number("hidden"), row.number("heads")
        if not hidden or not heads:
            return None
        width = self.facts(row.text("model")).get("head_dim", hidden / heads)
        if width % ALIGNED == 0:
            return None
        return f"heads of {width:g} elements are no multiple of {ALIGNED}: kernels off tensor-core alignment"


def _noted(entry: Mapping[str, Any], row: Measured) -> bool:
    """Return whether an entry speaks of a row: patterns of its notes, its source and its model."""
    columns = {"text": "notes", "source": "source", "models": "model", "precision": "precision"}
    return all(re.search(entry.get(key, ""), row.text(column)) for key, column in columns.items())


def _matches(entry: Mapping[str, str], row: Measured) -> bool:
    """Return whether a row is one of an entry: by the start of its name, its notes, its sharding, a blank cell."""
    return (
        row.text("id").startswith(entry.get("id", ""))
        and entry.get("notes", "") in row.text("notes")
        and entry.get("sharding", "") in row.text("fsdp_zero")
        and not row.text(entry.get("blank", ""))
    )


def _ambiguous(row: Measured) -> str | None:
    """Return what is open where a time was derived from TFLOP/s of which attention's share is not stated."""
    full, causal = row.number("calc_flops_per_token_full"), row.number("calc_flops_per_token_causal")
    derived = row.number("step_time_s") is None and row.text("flop_convention").endswith("?")
    if not derived or not full or not causal or full / causal - 1 <= AMBIGUOUS:
        return None
    return f"derived from TFLOP/s of an unstated convention: {100 * (full / causal - 1):.0f} % between full and causal"


@cache
def rules() -> Rules:
    """Return the rules that ship with the project."""
    text = (files("experiments") / "reference" / "training_rules.toml").read_text(encoding="utf-8")
    return Rules(tables=tomllib.loads(text))
