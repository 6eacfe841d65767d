"""Putting a model where the service reads it: only files that are whole, and only a model that is not worse."""

import shutil
from pathlib import Path

from classifier.manifest import MANIFEST, SHIPPED, Manifest, read_manifest
from tidings.errors import ConfigError, TidingsError


class Refused(TidingsError):
    """The new model is worse than the one it would replace, or nobody has compared them: exit 1."""


def install(candidate: Path, target: Path, current: Path | None, force: bool = False) -> Path | None:
    """Copies the model in `candidate` to `target`; returns where the model that was there lies now.

    What it replaces is the model at `target`, or else the one in use (`current`; None: the shipped one). Raises
    Refused when the comparison that `tidings model train` wrote into the candidate's manifest speaks
    against it, unless `force`.
    """
    new = read_manifest(candidate)
    for role in new.files:
        new.path(role)
    if target.resolve().is_relative_to(SHIPPED.resolve().parent):
        raise ConfigError(
            f"{target}: belongs to the installed package; give --to a folder of your own and set classifier.model to it"
        )
    there = (target / MANIFEST).is_file()
    if target.exists() and not there and any(target.iterdir()):
        raise ConfigError(f"{target}: holds something else than a model; give --to another folder")
    if target.resolve() == candidate.resolve():
        raise ConfigError(f"{target}: is the model itself; give --to another folder")
    reasons = refusal(new, read_manifest(target if there else current))
    if reasons and not force:
        raise Refused(f"not installed: {'; '.join(reasons)}. To install it nonetheless: --force")
    part = target.with_name(f".{target.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    for file in (*new.files.values(), MANIFEST):
        shutil.copy(new.folder / file, part / file)
    previous = target.with_name(f"{target.name}.previous") if there else None
    if previous:
        shutil.rmtree(previous, ignore_errors=True)
        target.rename(previous)
    elif target.exists():
        target.rmdir()
    part.rename(target)
    return previous


def refusal(new: Manifest, current: Manifest) -> list[str]:
    """Why `new` may not replace `current`; nothing when it may."""
    if new.version == current.version:
        return []
    comparison = new.record.get("comparison")
    if comparison is None:
        return [
            f"{new.version} was not compared with {current.version} (`tidings model train --data FILE` does)"
        ]
    if comparison["against"] != current.version:
        return [
            f"{new.version} was compared with {comparison['against']}, not with {current.version}:"
            " run `tidings model train` again with that one as classifier.model"
        ]
    return list(comparison["objections"])
