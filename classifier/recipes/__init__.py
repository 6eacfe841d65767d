"""Training settings as files: what made the shipped model can be repeated by name."""

import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

from tidings.errors import ConfigError

FOLDER = Path(__file__).parent
NAMES = sorted(path.stem for path in FOLDER.glob("*.toml"))


def read_recipe(recipe: str, kind: Any) -> dict[str, Any]:
    """The settings in `recipe`, a name of NAMES or a TOML file, for the dataclass `kind`.

    Raises ConfigError naming the file and the field: not found, not TOML, an unknown setting, a wrong type.
    """
    path = FOLDER / f"{recipe}.toml" if recipe in NAMES else Path(recipe)
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"--recipe {recipe}: {error.strerror}; give a TOML file, or one of {', '.join(NAMES)}"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not a TOML file ({error})") from None
    defaults = {field.name: field.default for field in fields(kind)}
    for name, value in given.items():
        if name not in defaults:
            raise ConfigError(f"{path}: {name}: no such setting; there are {', '.join(sorted(defaults))}")
        default = defaults[name]
        if isinstance(default, tuple) and isinstance(value, list):
            given[name] = tuple(str(each) for each in value)
        elif default is not None and not _fits(value, default):
            raise ConfigError(f"{path}: {name}: {value!r} is not of the kind of {default!r}, its default")
    return given


def _fits(value: object, default: object) -> bool:
    if isinstance(default, float):
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is type(default)
