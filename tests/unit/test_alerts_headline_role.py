"""Who suffers in a headline, who speaks, and who acts. Names are found as ingest finds them; headlines are invented."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.headline_role import is_about, is_form_of
from ingest.entities import mentions_in
from tidings.types import Mention

IGNORED = {"Moody's", "Wall Street"}.__contains__


def about(name: str, headline: str) -> bool | None:
    return is_about(name, mentions_in(headline), IGNORED)


@pytest.mark.parametrize(
    ("name", "headline"),
    [
        ("General Motors", "GM shares sink after loss"),
        ("General Motors", "GM to cut 9,000 jobs"),
        ("Goldman Sachs", "Regulator charges Goldman with fraud"),
        ("Goldman Sachs", "Goldman's legal troubles grow"),
        ("Goldman Sachs", "Stocks slide on Goldman worries"),
        ("Goldman Sachs", "Goldman sinks as Citi downgrades it"),
        # one list, whoever stands first in it
        ("Freddie Mac", "Fannie, Freddie shares plummet"),
        ("Freddie Mac", "Fannie and Freddie plummet as Goldman warns"),
        ("Freddie Mac", "Fannie/Freddie plummet"),
        ("Papandreou", "Greece's Papandreou under fire"),
        # names that nobody watches do not count
        ("Spain", "Moody's cuts Spain"),
        ("Citigroup", "Wall Street slides on Citi woes"),
        ("Dubai", "Dubai hits Wall Street"),
        # a clause further on is another's
        ("Alcoa", "Alcoa slumps; China vows calm"),
        ("Alcoa", "Alcoa: says who?"),
        # hyphens, capitals, symbols
        ("Halcyon", "Halcyon-backed lender fails"),
        ("General Motors", "GM SHARES SINK AFTER LOSS"),
        ("General Motors", "Auto Maker GM Loses Money In Grim Quarter"),
        ("Apple", "$AAPL is going to zero"),
    ],
)
def test_the_news_is_about_the_first_name_or_list_of_names(name: str, headline: str) -> None:
    assert about(name, headline) is True


@pytest.mark.parametrize(
    ("name", "headline"),
    [
        ("General Motors", "GM says outlook is grim"),
        ("General Motors", "GM CEO sees weak sales"),
        ("General Motors", "GM SAYS OUTLOOK IS GRIM"),
        ("General Motors", "GM's chief executive says sales are weak"),
        ("Goldman Sachs", "Banks need more capital: Goldman"),
    ],
)
def test_a_headline_is_not_about_who_speaks(name: str, headline: str) -> None:
    assert about(name, headline) is False


@pytest.mark.parametrize(
    ("name", "headline"),
    [
        ("Goldman Sachs", "Goldman cuts General Motors, shares down"),
        ("Goldman Sachs", "Goldman Sues Citi"),
        ("Goldman Sachs", "Goldman urges clients to sell"),
        ("Microsoft", "Microsoft to buy troubled rival"),
        ("Microsoft", "Holders fret over Microsoft bid"),
        ("China", "China raises fuel prices"),
        ("China", "China's central bank may raise rates again"),
        ("China", "Euro falls on China move"),
        ("China", "China vows flexibility"),
        ("Germany", "How will Germany's short selling ban hurt?"),
        ("China", "Analysis: China tightening hurts metals"),
    ],
)
def test_nor_about_who_acts_on_others(name: str, headline: str) -> None:
    assert about(name, headline) is False


@pytest.mark.parametrize(
    ("name", "headline"),
    [
        ("Goldman Sachs", "GM drops to a low, Goldman urges to sell"),
        ("Microsoft", "Yahoo shares fall after Microsoft deal ends"),
        ("General Motors", "Goldman cuts General Motors"),
        ("Goldman Sachs", "GM Falls On Goldman"),
    ],
)
def test_nor_about_who_comes_after_another(name: str, headline: str) -> None:
    assert about(name, headline) is False


def test_a_headline_without_the_name_says_nothing_of_it() -> None:
    assert about("Goldman Sachs", "GM sinks") is None
    assert about("Goldman Sachs", "") is None


def test_where_no_latin_words_stand_between_names_it_is_about_all() -> None:
    chinese = [Mention("雷曼", "受", "破产影响"), Mention("友邦", "破产影响", "股价大跌")]
    assert [is_about(name, chinese, IGNORED) for name in ("雷曼", "友邦")] == [True, True]
    cyrillic = [Mention("Газпром", "", " теряет рынок, "), Mention("Лукойл", " теряет рынок, ", " растёт")]
    assert is_about("Лукойл", cyrillic, IGNORED) is True


@pytest.mark.parametrize(
    ("found", "same"),
    [
        ("Allen Stanford", True),
        ("Stanford", True),
        ("Allen", True),
        ("Stan", False),
        ("Allen Stanford Jr", False),
    ],
)
def test_a_short_form_names_the_longer_one(found: str, same: bool) -> None:
    assert is_form_of(found, "Allen Stanford") is same


SLOW_START = settings(deadline=None)  # the first headline loads the names
WORDS = st.lists(
    st.sampled_from(["says", "cuts", "falls", "GM", "Goldman", ",", "and", "Citi", "高盛", "Moody's"]),
    max_size=8,
)


@SLOW_START
@given(WORDS)
def test_a_headline_says_of_every_name_in_it_whether_it_is_about_it(words: list[str]) -> None:
    mentions = mentions_in(" ".join(words))
    assert all(is_about(mention.name, mentions, IGNORED) is not None for mention in mentions)


@SLOW_START
@given(WORDS, st.sampled_from(["Goldman Sachs", "General Motors", "Citigroup"]))
def test_who_is_ignored_only_ever_gives_the_news_to_others(words: list[str], name: str) -> None:
    mentions = mentions_in(" ".join(words))
    for_all, alone = (
        is_about(name, mentions, lambda _: False),
        is_about(name, mentions, lambda other: other != name),
    )
    assert (alone is None) == (for_all is None)
    assert alone or not for_all


@SLOW_START
@given(WORDS, st.sampled_from(["Goldman Sachs", "General Motors", "Citigroup"]))
def test_capitals_change_nothing(words: list[str], name: str) -> None:
    mentions = mentions_in(" ".join(words))
    loud = [Mention(m.name, m.before.upper(), m.after.upper()) for m in mentions]
    assert is_about(name, loud, IGNORED) == is_about(name, mentions, IGNORED)
