"""Is a headline about a name, or does the name speak, act on others, or stand in another's news there?

Read from the English words around the name; where there are none, as in Chinese, the headline is about every name.
"""

import re
from collections.abc import Callable, Sequence
from itertools import zip_longest

from tidings.types import Mention


def _forms(words: str) -> frozenset[str]:
    """The words, and each as a plural or in the third person."""
    stems = [(word, re.sub(r"(?<![aeiou])y$", "ie", word)) for word in words.split()]
    sibilant = re.compile("(s|sh|ch)$")
    return frozenset(
        form for word, stem in stems for form in (word, stem + ("es" if sibilant.search(stem) else "s"))
    )


# To speak, to govern, to deal, to rate. Not what those in trouble do: cut, plan, seek, sell, warn.
_VERBS = _forms(
    """believe call expect forecast predict say see tell think
    accuse allow announce approve attack back ban bar block boost criticise criticize curb defend demand ease hike
    impose increase intervene lift loosen move okay oppose order pledge praise press probe prod promise propose push
    raise regulate reject tackle threaten tighten try urge vow welcome
    acquire advise bid buy estimate hire invest join launch name offer recommend sue suspend unveil upgrade"""
)
_DEEDS = _forms("ban bid hike intervention move offer policy reform stimulus tightening")
# Who speaks and acts for it, and the small words before a verb.
_PASSED_OVER = _forms(
    """bank boss ceo central cfo chairman chief exec executive government govt minister official pm president
    again could may might now to will would"""
)
_WORD = re.compile(r"[a-z][a-z'-]*")
_CLAUSE_END = re.compile(r"[,;:?!]|\.(?:\s|$)|\s-+\s")
_ONLY_VERB = re.compile(r"\s+[a-z]+s\s+")  # "Goldman cuts GM"
_OF_LIST = re.compile(r"\b(?!(?:and|or|s)\b)[a-z]{2,}")


def is_about(name: str, mentions: Sequence[Mention], ignored: Callable[[str], bool]) -> bool | None:
    """Whether the headline that has these mentions, in their order, is about `name`; None where it is not named.

    It is where the name comes first, alone or in a list ("Fannie, Freddie"), and neither speaks nor acts on others.
    Names that are `ignored` do not come first.
    """
    runs = _runs(mentions)
    others = False
    for run, following in zip_longest(runs, runs[1:], fillvalue=()):
        if any(is_form_of(mention.name, name) for mention in run):
            return not others and not _acts(run, any(not ignored(mention.name) for mention in following))
        others = others or any(not ignored(mention.name) for mention in run)
    return None


def is_form_of(found: str, name: str) -> bool:
    """Whether `found` is the name, or a part that begins or ends it: "Stanford" of "Allen Stanford"."""
    return found == name or name.startswith(f"{found} ") or name.endswith(f" {found}")


def _runs(mentions: Sequence[Mention]) -> list[list[Mention]]:
    """The mentions by lists: no words but "and" and "or" between the names of one."""
    runs: list[list[Mention]] = []
    for mention in mentions:
        if runs and not _OF_LIST.search(mention.before.lower()):
            runs[-1].append(mention)
        else:
            runs.append([mention])
    return runs


def _acts(run: Sequence[Mention], other_follows: bool) -> bool:
    """Whether the names of a list that leads a headline speak or act in it, by the few words after it."""
    after = run[-1].after.lower()
    if not after.strip() and run[0].before.rstrip().endswith(":"):
        return True  # "Banks need more capital: Goldman"
    if other_follows and _ONLY_VERB.fullmatch(after):
        return True
    words = _WORD.findall(_CLAUSE_END.split(after.removeprefix("'s"), maxsplit=1)[0])
    verb = next((word for word in words if word not in _PASSED_OVER), "")
    return verb in _VERBS or not _DEEDS.isdisjoint(words[:3])
