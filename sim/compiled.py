"""Modules compiled to C by `make compile`, used as long as their sources are what was compiled.

mypyc compiles the typed Python as it stands: there is one source, and the results are the same. What is compiled lies
in a folder of its own beside the modules, by version of Python, with the hashes of all sources that it was made of;
where one has changed, Python reads the modules themselves.
"""

import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from hashlib import blake2b
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parent

COMPILED = {
    "engine/plain": ("calls", "durations", "lives", "places", "run", "seats", "shop", "steps", "tiers", "turning")
}
"""Compiled modules by their package, from the folder `sim`."""

_FOLDER, _MANIFEST = "_compiled", "sources.json"


def paths(package: Path) -> list[str]:
    """Return where else a package finds its modules: compiled ones, where these are of the present sources.

    >>> paths(Path("nowhere"))
    []
    """
    folder = package / _FOLDER / _tag()
    try:
        sources = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        fresh = isinstance(sources, dict) and all(_digest(ROOT / name) == digest for name, digest in sources.items())
    except (OSError, ValueError):
        return []
    return [str(folder)] if fresh and sources else []


def compile_all() -> list[Path]:
    """Compile all modules of COMPILED, from the root of the repository; return their folders.

    Needs mypy, setuptools and a C compiler, and raises what these do where they fail; nothing is replaced then.
    """
    return [_compile(package, modules) for package, modules in COMPILED.items()]


def _compile(package: str, modules: Sequence[str]) -> Path:
    from mypyc.build import mypycify
    from setuptools import Distribution  # type: ignore[import-untyped]
    from setuptools.command.build_ext import build_ext  # type: ignore[import-untyped]

    name = "sim." + package.replace("/", ".")
    files = [f"sim/{package}/{module}.py" for module in modules]
    target = ROOT / package / _FOLDER / _tag()
    with tempfile.TemporaryDirectory() as scratch:
        extensions = mypycify(files, group_name=f"{name}.compiled", target_dir=f"{scratch}/c")
        command = build_ext(Distribution({"name": "compiled", "ext_modules": extensions}))
        command.build_lib, command.build_temp = f"{scratch}/lib", f"{scratch}/temp"
        command.ensure_finalized()
        command.run()
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(Path(scratch, "lib", *name.split(".")), target)
    manifest = {source: _digest(ROOT / source) for source in _sources(name, modules)}
    (target / _MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    return target


def _sources(package: str, modules: Sequence[str]) -> list[str]:
    """Return compiled modules, and the project's modules that they know: those that are loaded with them."""
    for module in modules:
        import_module(f"{package}.{module}")
    loaded = [module for name, module in sys.modules.items() if name.split(".")[0] == "sim"]
    files = {Path(file) for module in loaded if (file := getattr(module, "__file__", None))}
    known = {str(file.relative_to(ROOT)) for file in files if file.suffix == ".py"}
    return sorted(known | {f"{package.removeprefix('sim.').replace('.', '/')}/{module}.py" for module in modules})


def _digest(file: Path) -> str:
    return blake2b(file.read_bytes(), digest_size=16).hexdigest()


def _tag() -> str:
    return f"{sys.implementation.cache_tag}"
