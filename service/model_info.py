"""`tidings model info`: one model, or two side by side."""

from typing import Any

from rich.table import Table

from classifier.manifest import Manifest


def size_mb(manifest: Manifest, role: str) -> float:
    """The file's size in megabytes; 0 when the model has none of this role."""
    file = manifest.files.get(role)
    return (manifest.folder / file).stat().st_size / 1e6 if file else 0.0


def info_table(manifest: Manifest) -> Table:
    """What there is to know about one model."""
    table = Table(show_header=False, box=None)
    table.add_row("model", manifest.version)
    table.add_row("folder", str(manifest.folder))
    table.add_row("licence", manifest.licence)
    table.add_row("trained on", str(manifest.record["training"]["licence"]))
    table.add_row("tokens at most", str(manifest.max_tokens))
    for role, file in manifest.files.items():
        checked = f"sha256 {manifest.sha256[role][:16]}… verified"
        table.add_row(role, f"{file}, {size_mb(manifest, role):.1f} MB, {checked}")
    for name, row in manifest.record["metrics"].items():
        if "pass_rate" in row:
            table.add_row(name, f"pass rate {row['pass_rate']:.3f}, {row['cases']:,} cases")
        else:
            table.add_row(
                name, f"accuracy {row['accuracy']:.3f}, macro-F1 {row['macro_f1']:.3f}, {row['rows']:,} rows"
            )
    return table


def differences(model: Manifest, against: Manifest) -> dict[str, dict[str, Any]]:
    """What two models do not share: `settings` of their training as [model, against], and `figures` that both
    have, as model minus against."""
    mine, other = (
        m.record["training"].get("settings", {}) | {"data": m.record["training"].get("data")}
        for m in (model, against)
    )
    settings = {
        key: [mine.get(key), other.get(key)]
        for key in [*mine, *(key for key in other if key not in mine)]
        if mine.get(key) != other.get(key)
    }
    ours, theirs = _metrics(model, against), _metrics(against, model)
    figures = {
        name: {
            key: round(ours[name][key] - theirs[name][key], 4)
            for key in ("accuracy", "macro_f1", "calibration_error", "pass_rate")
            if key in ours[name] and key in theirs[name]
        }
        for name in ours
        if name in theirs and all(ours[name].get(key) == theirs[name].get(key) for key in ("rows", "cases"))
    }
    return {"settings": settings, "figures": figures}


def against_table(model: Manifest, against: Manifest) -> Table:
    """Two models side by side: the model, the other, and the difference where it is a number."""
    table = Table("", model.version, against.version, "difference")
    for name, one, two in (
        ("folder", str(model.folder), str(against.folder)),
        ("licence", model.licence, against.licence),
        ("trained on", *(str(m.record["training"]["licence"]) for m in (model, against))),
        ("tokens at most", str(model.max_tokens), str(against.max_tokens)),
    ):
        table.add_row(name, one, two, "" if one == two else "differs")
    for role in dict.fromkeys((*model.files, *against.files)):
        first, second = size_mb(model, role), size_mb(against, role)
        table.add_row(f"{role}, MB", f"{first:.1f}", f"{second:.1f}", f"{first - second:+.1f}")
    differ = differences(model, against)
    table.add_section()
    ours, theirs = _metrics(model, against), _metrics(against, model)
    for name in dict.fromkeys((*ours, *theirs)):
        row = ours.get(name) or theirs[name]
        keys = ("pass_rate",) if "pass_rate" in row else ("accuracy", "macro_f1")
        change = differ["figures"].get(name, {})
        table.add_row(
            f"{name}: {'pass rate' if len(keys) == 1 else 'accuracy / macro-F1'}",
            *(" / ".join(f"{m[name][key]:.3f}" for key in keys) if name in m else "" for m in (ours, theirs)),
            " / ".join(f"{change[key]:+.3f}" for key in keys) if change else "",
        )
    table.add_section()
    for key, (one, two) in differ["settings"].items():
        if key != "data":
            table.add_row(
                f"training: {key}", *("" if value is None else str(value) for value in (one, two)), ""
            )
    return table


def _metrics(manifest: Manifest, other: Manifest) -> dict[str, Any]:
    """The figures of a model; also those that `other` recorded of it when it was compared with it."""
    comparison = other.record.get("comparison", {})
    lines = comparison.get("data", []) if comparison.get("against") == manifest.version else []
    recorded = {line["data"]: line["before"] for line in lines if line["before"]["macro_f1"] is not None}
    return {**manifest.record["metrics"], **recorded}
