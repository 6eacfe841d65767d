"""Training settings as files: the shipped ones fit the script, and a wrong one says what is wrong."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from classifier.recipes import NAMES, read_recipe
from tidings.errors import ConfigError


@dataclass(frozen=True)
class Settings:
    base: str = "small"
    epochs: int = 2
    learning_rate: float = 1e-4
    teachers: tuple[str, ...] = ()
    limit: int | None = None


def test_a_file_gives_its_settings(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('epochs = 3\nlearning_rate = 1\nteachers = ["a", "b"]\nlimit = 5\n')
    settings = Settings(**read_recipe(str(path), Settings))
    assert settings == Settings(epochs=3, learning_rate=1, teachers=("a", "b"), limit=5)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("epoch = 3\n", "epoch: no such setting; there are base, epochs"),
        ('epochs = "three"\n', "epochs: 'three' is not of the kind of 2"),
        ("learning_rate = true\n", "learning_rate: True is not"),
        ("epochs =\n", "not a TOML file"),
        (None, "give a TOML file, or one of"),
    ],
)
def test_a_wrong_file_says_what_is_wrong(tmp_path: Path, content: str | None, message: str) -> None:
    path = tmp_path / "mine.toml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError, match=message):
        read_recipe(str(path), Settings)


@pytest.mark.train
@pytest.mark.parametrize("name", NAMES)
def test_shipped_recipes_fit_the_training_script(name: str) -> None:
    from classifier.train import TrainSettings

    TrainSettings(**read_recipe(name, TrainSettings))
