"""Texts that the model cannot read are flagged; English ones, however odd, are not."""

import csv
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.data import data_folder, read_train
from classifier.language import flag_of
from classifier.language_words import ENGLISH, PARTICLES, foreign_words
from tidings.errors import ConfigError
from tidings.text import normalise

FOREIGN = Path(__file__).parents[1] / "data" / "foreign_texts.tsv"


def _foreign() -> list[tuple[str, str]]:
    with FOREIGN.open(encoding="utf-8", newline="") as stream:
        return [(row[0], row[1]) for row in csv.reader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)]


def test_foreign_headlines_and_posts_are_flagged() -> None:
    texts = _foreign()
    flagged = Counter(language for language, text in texts if flag_of(normalise(text)) == "language")
    counts = Counter(language for language, _ in texts)
    assert len(counts) >= 20
    assert min(counts.values()) >= 10
    assert flagged.total() / counts.total() > 0.97
    assert {language: count for language, count in flagged.items() if count < 0.8 * counts[language]} == {}


@pytest.mark.parametrize(
    "text",
    [
        "Societe Generale Q3 EBITDA EUR 1.2bn",
        "Société Générale, Crédit Agricole, Nestlé: Q3",
        "Banca Monte dei Paschi di Siena SpA",
        "Banco Bilbao Vizcaya Argentaria, Banco de Sabadell Q3 2012",
        "Petroleo Brasileiro SA Petrobras; Companhia Vale do Rio Doce",
        "Deutsche Bank AG, Bayerische Motoren Werke",
        "Deutsche to do everything to avoid forced recapitalization: CEO",
        "El Pollo Loco Holdings, La Quinta, Los Gatos",
        "Rio de Janeiro, São Paulo",
        "Nokia Oyj",
        "Toyota (トヨタ自動車) shares fall on recall",
        "$TSLA to da moon!! 🚀🚀🚀",
        "YOLO $GME calls, diamond hands 💎🙌",
        "lol no way",
        "$ABCD 🚀🚀🚀",
        "#bullish",
        "\u03b1-fund seeks \u03b2",
        "Déjà vu: café chain's résumé of failure",
        "BUY EN SE ES",
        "CPI 3.2%",
        "@elonmusk wrong",
        "EA$T SIDE TILL I DIE",
        'Traders say "por que no" as the peso falls',
        "New iPhone ❤️",
    ],
)
def test_english_and_names_are_scored(text: str) -> None:
    assert flag_of(normalise(text)) == ""


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "🚀🚀🚀",
        "3.2% 4.5%",
        "?!",
        "https://example.com/a",
        "@a @b 😂",
        "-",
        "$100",
        "1,000 → 2,000",
        "❤️",
    ],
)
def test_texts_without_words(text: str) -> None:
    assert flag_of(normalise(text)) == "no_words"


def test_a_cashtag_hides_no_language() -> None:
    assert flag_of("$TSLA $AAPL $NVDA $MSFT 今天又跌了") == "language"


def test_shouted_foreign_headlines_are_flagged() -> None:
    assert flag_of("LAS ACCIONES DE LA EMPRESA CAEN TRAS LOS RESULTADOS") == "language"


@given(st.text(max_size=2000))
def test_any_text_gets_a_flag(text: str) -> None:
    assert flag_of(text) in ("", "language", "no_words")


def test_no_word_speaks_for_both_sides() -> None:
    assert not foreign_words() & (ENGLISH | PARTICLES)


@pytest.mark.data
def test_english_training_texts_are_hardly_ever_flagged() -> None:
    try:
        rows = read_train(data_folder())
    except ConfigError as error:
        pytest.skip(str(error))
    by_source = {
        source: [flag_of(row.text) for row in rows if row.source == source]
        for source in {row.source for row in rows} - {"tfns"}
    }
    for source, flags in by_source.items():
        assert flags.count("language") / len(flags) < 0.001, source
    # Some 30 of the tfns rows are headlines in other languages; the tests cannot quote them.
    tfns = [flag_of(row.text) for row in rows if row.source == "tfns"]
    assert tfns.count("language") / len(tfns) < 0.004
