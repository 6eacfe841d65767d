"""Parts of one process share one model, loaded when it is first needed; alerts can do without it."""

from pathlib import Path

import pytest

from service.wiring import build_explain, lazy_model
from tidings.errors import ModelError
from tidings.settings import AlertSettings, ClassifierSettings, Settings


def test_the_model_is_loaded_once_and_explains_evidence() -> None:
    settings = Settings(classifier=ClassifierSettings(provider="cpu", threads=2))
    model = lazy_model(settings)
    explain = build_explain(settings, model)
    assert explain is not None
    words = explain("Shares plunge after fraud at Northgate Bank")
    assert {"plunge", "fraud"} & {word.word for word in words if word.weight < 0}
    assert len(words) <= 5
    assert model() is model()


def test_nothing_is_loaded_before_it_is_asked_for(tmp_path: Path) -> None:
    settings = Settings(classifier=ClassifierSettings(model=tmp_path / "nowhere"))
    explain = build_explain(settings, lazy_model(settings))
    assert explain is not None
    with pytest.raises(ModelError, match="nowhere"):
        explain("Shares plunge")


def test_explaining_can_be_turned_off() -> None:
    settings = Settings(alerts=AlertSettings(explain=False))
    assert build_explain(settings, lazy_model(settings)) is None
