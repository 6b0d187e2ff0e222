"""Arguments and options that commands share."""

from pathlib import Path
from typing import Annotated

import typer

ScenarioArgument = Annotated[str, typer.Argument(metavar="SCENARIO", help="A preset's name or a TOML file.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a dotted key of the scenario.")
]
TraceOption = Annotated[Path | None, typer.Option("--trace", metavar="FILE", help="Write a Chrome trace (Perfetto).")]
PictureOption = Annotated[Path | None, typer.Option("--picture", metavar="FILE", help="Draw the pipeline (SVG).")]
ForceOption = Annotated[bool, typer.Option("--force", help="Replace an existing output.")]
PluginsOption = Annotated[
    bool, typer.Option("--allow-plugins", help='Let a topology "module:function" run code from outside.')
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a report.")]
