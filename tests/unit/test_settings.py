"""Settings: TOML, environment overrides, and errors that name the field and never a secret."""

import dataclasses
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.errors import ConfigError
from tidings.settings import Settings, load_settings, read_secret

SECRET = "hunter2-do-not-show"


def _load(tmp_path: Path, text: str, env: dict[str, str] | None = None) -> Settings:
    file = tmp_path / "tidings.toml"
    file.write_text(text, encoding="utf-8")
    return load_settings(file, env or {})


def test_without_file_and_environment_the_defaults_hold() -> None:
    assert load_settings(None, {}) == Settings()


def test_toml_is_read_into_its_types(tmp_path: Path) -> None:
    settings = _load(
        tmp_path,
        """
        clock = "stream"
        [kafka]
        bootstrap_servers = ["a:9092", "b:9092"]
        [store]
        folder = "data/here"
        secure = true
        [webhook]
        timeout_seconds = 3
        [alerts]
        rules = "rules.yaml"
        """,
    )
    assert settings.clock == "stream"
    assert settings.kafka.bootstrap_servers == ("a:9092", "b:9092")
    assert settings.kafka.group == "tidings"
    assert settings.store.folder == Path("data/here")
    assert settings.store.secure is True
    assert isinstance(settings.webhook.timeout_seconds, float)
    assert settings.alerts.rules == Path("rules.yaml")


def test_an_empty_optional_path_means_none(tmp_path: Path) -> None:
    assert _load(tmp_path, '[alerts]\nrules = ""').alerts.rules is None


def test_the_environment_wins_and_is_typed(tmp_path: Path) -> None:
    environment = {
        "TIDINGS_CLOCK": "stream",
        "TIDINGS_STORE_PORT": "9440",
        "TIDINGS_STORE_SECURE": "true",
        "TIDINGS_KAFKA_TOPICS": "one, two,",
        "TIDINGS_WEBHOOK_TIMEOUT_SECONDS": "2.5",
        "TIDINGS_CLASSIFIER_MODEL": "models/mine",
        "TIDINGS_STORE_PASSWORD": "1234",
        "PATH": "/bin",
        "TIDINGS_DATA": "/data",
        "TIDINGS_CONFIG": "tidings.toml",
    }
    settings = _load(tmp_path, '[store]\nport = 1\nhost = "db"', environment)
    assert settings.clock == "stream"
    assert (settings.store.host, settings.store.port, settings.store.secure) == ("db", 9440, True)
    assert settings.kafka.topics == ("one", "two")
    assert settings.webhook.timeout_seconds == 2.5
    assert settings.classifier.model == Path("models/mine")
    assert settings.store.password == "1234"


def test_every_setting_can_come_from_the_environment() -> None:
    environment = {}
    for part in fields(Settings):
        value = getattr(Settings(), part.name)
        for f in fields(value) if is_dataclass(value) else ():
            given_value = getattr(value, f.name)
            text = ",".join(given_value) if isinstance(given_value, tuple) else str(given_value or "")
            if isinstance(given_value, bool | int | float):
                text = str(given_value)
            environment[f"TIDINGS_{part.name}_{f.name}".upper()] = text
    assert load_settings(None, environment) == Settings()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[store]\nhosst = "x"', r"tidings\.toml: unknown key store\.hosst; did you mean host\?"),
        ("[stor]\nport = 1", r"unknown key stor; did you mean store\?"),
        ("[store]\nzzzzzz = 1", r"unknown key store\.zzzzzz; known: alternative_hosts, "),
        ('[store]\nport = "9000"', r"store\.port must be a whole number, not a text"),
        ("[store]\nport = true", r"store\.port must be a whole number, not bool"),
        ("[store]\nport = 1.5", r"store\.port must be a whole number, not float"),
        ("[store]\nport = -1", r"store\.port must be finite and not negative"),
        ("[webhook]\ntimeout_seconds = nan", r"webhook\.timeout_seconds must be finite"),
        ("[webhook]\ntimeout_seconds = inf", r"webhook\.timeout_seconds must be finite"),
        ("[store]\nsecure = 1", r"store\.secure must be true or false, not int"),
        ('[store]\nbackend = "redis"', r"store\.backend must be one of embedded, server; it is 'redis'"),
        ("[store]\nfolder = 3", r"store\.folder must be a path, not int"),
        ("[alerts]\nrules = 3", r"alerts\.rules must be a path, not int"),
        ("[kafka]\ntopics = [1]", r"kafka\.topics must be a list of texts"),
        ('store = "x"', r"store must be a table: write \[store\]"),
        ("[store", r"tidings\.toml: not valid TOML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        _load(tmp_path, text)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        (
            "TIDINGS_STORE_PROT",
            "1",
            r"unknown variable TIDINGS_STORE_PROT; did you mean TIDINGS_STORE_PORT\?",
        ),
        ("TIDINGS_STORE_PORT", "many", r"environment: store\.port must be a whole number, not a text"),
        ("TIDINGS_STORE_SECURE", "yes", r"environment: store\.secure must be true or false, not a text"),
        ("TIDINGS_WEBHOOK_TIMEOUT_SECONDS", "nan", "must be finite"),
        ("TIDINGS_CLOCK", "sun", r"environment: clock must be one of wall, stream"),
    ],
)
def test_what_is_wrong_in_the_environment_is_named(name: str, value: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load_settings(None, {name: value})


def test_a_missing_or_unreadable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml: cannot be read .*check --config"):
        load_settings(tmp_path / "nowhere.toml", {})
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"binary\.toml: not valid TOML"):
        load_settings(tmp_path / "binary.toml", {})


def test_secrets_are_not_in_the_repr(tmp_path: Path) -> None:
    settings = _load(
        tmp_path,
        f'[store]\npassword = "{SECRET}"\n[email]\npassword = "{SECRET}"\n'
        f'[webhook]\nurl = "https://hooks.example/{SECRET}"\nsecret = "{SECRET}"',
    )
    assert settings.webhook.secret == SECRET
    assert SECRET not in repr(settings)


@pytest.mark.parametrize(
    "text",
    [
        f'[store]\nport = "{SECRET}"',
        f'[store]\npasswort = "{SECRET}"',
        f'[store]\nsecure = "{SECRET}"',
        f'[store]\npassword = ["{SECRET}"]',
        f'[kafka]\ntopics = [["{SECRET}"]]',
        f'email = "{SECRET}"',
        f'[store]\npassword = "{SECRET}',
    ],
)
def test_a_secret_in_the_wrong_place_is_not_shown(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        _load(tmp_path, text)
    assert SECRET not in str(caught.value)
    with pytest.raises(ConfigError) as caught:
        load_settings(None, {"TIDINGS_STORE_PORT": SECRET})
    assert SECRET not in str(caught.value)


def test_a_secret_comes_from_its_file_first(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(f"  {SECRET}\n")
    assert read_secret("other", file) == SECRET
    assert read_secret("other", None) == "other"


def test_a_secret_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="gone: secret file cannot be read"):
        read_secret("", tmp_path / "gone")
    (tmp_path / "key").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="key: secret file is not UTF-8"):
        read_secret("", tmp_path / "key")


def test_settings_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().store.host = "x"  # type: ignore[misc]  # that is what is tested


NAMES = st.text(alphabet="ABCDEFGHIJKLMNOPQRSTUVWXYZ_", max_size=12).map(lambda name: f"TIDINGS_{name}")


@given(environment=st.dictionaries(NAMES, st.text(max_size=20), max_size=3))
def test_any_environment_gives_settings_or_one_clear_line(environment: dict[str, str]) -> None:
    message = "environment: "
    try:
        load_settings(None, environment)
    except ConfigError as error:
        message = str(error)
    assert message.startswith("environment: ")


@given(port=st.one_of(st.integers(), st.floats(), st.text(max_size=8)))
def test_a_number_is_a_whole_number_or_an_error(port: object) -> None:
    try:
        settings = load_settings(None, {"TIDINGS_STORE_PORT": str(port)})
    except ConfigError:
        return
    assert type(settings.store.port) is int
    assert settings.store.port >= 0
