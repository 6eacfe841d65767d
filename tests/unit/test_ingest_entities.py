"""An item counts under the names it speaks of, each under one spelling. Some names here are invented."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.entities import MAX_ENTITIES, entities_of, mentions_in
from ingest.vocabulary import common_words, companies


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        # one name, however it is written
        ("JP Morgan and J.P. Morgan Chase are JPMorgan", ["JPMorgan Chase"]),
        ("Shares of Bear Stearns Cos plunge", ["Bear Stearns"]),
        ("Rescue of Bear's prime brokerage", ["Bear Stearns"]),
        ("Regulators look at Bear", ["Bear Stearns"]),
        ("Fannie, Freddie need capital", ["Fannie Mae", "Freddie Mac"]),
        ("Citi cuts jobs, BofA follows", ["Bank of America", "Citigroup"]),
        ("GM and GE cut forecasts", ["General Electric", "General Motors"]),
        ("AT&T Inc. wins, P&G loses", ["AT&T", "Procter & Gamble"]),
        ("Britain and the UK", ["United Kingdom"]),
        ("Fed's rate decision", ["Federal Reserve"]),
        # everyday words are names only where they are meant as such
        ("A bear market in oil, a gap in supply", []),
        ("Bear market returns", []),
        ("Target missed by exporters", []),
        ("Discounter Target Corp. misses", ["Target"]),
        ("Profit at Target falls", ["Target"]),
        ("Mind the Gap", []),
        ("Sales at Gap Inc fall", ["Gap"]),
        ("pineapple growers strike; apples rot", []),
        ("Apple's new phone", ["Apple"]),
        # cashtags
        ("$AAPL to $10, says $ZZZQ holder with $USD 5", ["$ZZZQ", "Apple"]),
        ("Selling $brk.b for $5B", ["Berkshire Hathaway"]),
        # names that no list knows
        ("Depositors queue at Meridian Trust", ["Meridian Trust"]),
        ("Halcyon halts withdrawals", ["Halcyon"]),
        ("Shares in Halcyon-backed lender fall", ["Halcyon"]),
        ("Prime Minister Jan Kowalski visits St. Gallen", ["Jan Kowalski", "St. Gallen"]),
        ("Greece's Papandreou resigns", ["Greece", "Papandreou"]),
        ("Bank of Norland raises rates", ["Bank of Norland"]),
        ("Greek bonds fall", ["Greek"]),
        # no names
        ("UPDATE 2-Exclusive: Stocks fall on Monday in March", []),
        ("Scrambling for cash, lenders retreat", []),
        ("CEO says Q3 IPO likely", []),
        ("", []),
    ],
)
def test_names_of_a_headline(title: str, expected: list[str]) -> None:
    assert entities_of(title, "") == tuple(expected)


def test_the_start_of_the_text_counts_and_its_end_does_not() -> None:
    text = (
        "ZURICH (Reuters) - Halcyon Capital ( HALC.S ) said on Friday it lost money. "
        + "It fell. " * 40
        + "Zenith Re rose."
    )
    assert entities_of("Fund loses money", text) == ("Halcyon Capital",)


def test_the_word_that_the_cut_falls_into_is_left_out() -> None:
    text = "x" * 295 + " Halcyon Capital"
    assert entities_of("", text) == ()


def test_a_short_form_joins_the_longer_name_of_the_same_item() -> None:
    assert entities_of("Halcyon halts withdrawals", "Shares of Halcyon Capital fell.") == ("Halcyon Capital",)
    assert entities_of("Kowalski quits", "Chief executive Jan Kowalski quit.") == ("Jan Kowalski",)


def test_an_everyday_word_is_a_name_when_the_text_capitalises_it_again_and_again() -> None:
    assert "Anchor" not in entities_of("Anchor falls", "")
    assert "Anchor" in entities_of("Anchor falls", "Deposits at Anchor fell, and clients of Anchor left.")


def test_in_title_case_only_the_dictionary_is_trusted() -> None:
    title = "Investors Flee Microsoft While Quiet Towns Sleep"
    assert entities_of(title, "") == ("Microsoft",)
    assert entities_of(
        "Panicked Savers Queue Outside Meridian Trust", "Savers queued at Meridian Trust."
    ) == ("Meridian Trust",)


def test_handles_and_links_are_no_names_and_hashtags_are() -> None:
    assert entities_of("", "RT @Kowalski: https://Example.org/Path on #Halcyon") == ("Halcyon",)


def test_a_short_headline_full_of_names_is_not_title_case() -> None:
    assert entities_of("Orion Bank sues Meridian Trust, Halcyon Capital", "") == (
        "Halcyon Capital",
        "Meridian Trust",
        "Orion Bank",
    )


def test_tickers_lead_to_the_same_names() -> None:
    assert entities_of("", "up again", ["AAPL", "ZZZQ", "BRK-B"]) == ("$ZZZQ", "Apple", "Berkshire Hathaway")


def test_the_number_of_names_is_bounded_and_the_first_are_kept() -> None:
    found = entities_of(" and ".join(f"prices fell in Name{chr(65 + n)}" for n in range(20)), "")
    assert len(found) == MAX_ENTITIES
    assert "NameA" in found
    assert list(found) == sorted(found)


def test_the_shipped_list_is_sound() -> None:
    symbols = [symbol for company in companies() for symbol in company.symbols]
    forms = [form for company in companies() for form in (*company.variants, *company.careful)]
    assert len(symbols) == len(set(symbols))
    assert len(forms) == len(set(forms))
    assert not [form for form in forms if form.lower() in ("the", "a", "us", "it", "on", "all", "now")]
    assert not [
        company.name for company in companies() if " ETF" in company.name or "Warrant" in company.name
    ]
    assert len(companies()) > 3000
    assert len(common_words()) > 10_000


def test_mentions_stand_where_the_headline_has_them() -> None:
    assert [
        (m.before, m.name, m.after)
        for m in mentions_in("Fannie, Freddie sink; GM's $AAPL bet hits Jan Kowalski")
    ] == [
        ("", "Fannie Mae", ", "),
        (", ", "Freddie Mac", " sink; "),
        (" sink; ", "General Motors", "'s "),
        ("'s ", "Apple", " bet hits "),
        (" bet hits ", "Jan Kowalski", ""),
    ]
    assert mentions_in("Stocks fall on Monday") == ()


HEADLINE_WORDS = st.sampled_from(
    [
        *(
            "Halcyon",
            "Capital",
            "Halcyon's",
            "Bear",
            "GM",
            "Citi",
            "Target",
            "Corp.",
            "AT&T",
            "$AAPL",
            "$USD",
            "@Citi",
        ),
        *(
            "Britain-based",
            "European",
            "Union",
            "U.S.",
            "St.",
            "Fed's",
            "Jan",
            "Kowalski",
            "Wall",
            "Street's",
            "高盛",
        ),
        *("of", "&", "the", "cuts,", "fall:", "says", "(HALC.S)"),
    ]
)


@settings(deadline=None)  # the first headline loads the names
@given(st.lists(HEADLINE_WORDS, max_size=10))
def test_mentions_are_the_names_of_the_headline(words: list[str]) -> None:
    headline = " ".join(words)
    mentions = mentions_in(headline)
    assert sorted({mention.name for mention in mentions}) == list(entities_of(headline, ""))
    assert [mention.after for mention in mentions[:-1]] == [mention.before for mention in mentions[1:]]
