"""Builds companies.csv from the public lists of S&P 500 and Nasdaq companies (ODC-PDDL) and aliases.csv.

python -m ingest.build_companies FOLDER    where FOLDER holds sp500_constituents.csv and nasdaq_listed.csv

Columns: name (canonical), symbols (space separated), variants (how texts write it, separated by |),
careful (variants that are everyday words too, which count only inside a sentence or before Inc, Corp, …) and
well_known (yes or empty: for the rest, one word of a longer name is not taken for the company).
aliases.csv is written by hand and comes first: it names the well-known, their short and their former names.
"""

import csv
import re
import sys
from pathlib import Path

from ingest.vocabulary import LEGAL, common_words

HERE = Path(__file__).parent
# Listed, but not companies: funds, and rights to buy shares.
_NOT_COMPANIES = re.compile(
    r"\b(ETFs?|ETNs?|Funds?|Warrants?|Rights?|Units?|Notes?|Trust Preferred|Preferred|Bonds?|Portfolio|"
    r"Index|Leveraged|Acquisitions?|SPAC|2X|3X|Debentures?|"
    r"QQQ|Trust,? Series)\b",
    re.IGNORECASE,
)
# Where the share class or kind begins.
_SHARE_KIND = re.compile(
    r"\s*(?:\s-\s|\((?:Class|The)\b|,?\s+(?:Common|Ordinary|Class [A-C]|Series [A-C]|American Depositary|"
    r"ADS|ADR|Depositary|Subordinate|Voting|Capital Stock|New York Registry|Sponsored)\b|\().*$",
    re.IGNORECASE,
)
_LEGAL_END = re.compile(rf"(?:,?\s+(?:{LEGAL})\.?|\s+\(The\))+$", re.IGNORECASE)
# Single words that people, places and other things are called as well.
_UNSAFE = frozenset(
    """
    Hartford Dover Everest Jacobs Waters Williams Cooper Ross Fox Duke Franklin Raymond Aurora Phoenix
    Virginia Columbia Lincoln Jackson Madison Houston Dallas Geneva Siebert Israel Greenland Pacific
    Atlantic Texas Century Liberty Nathan Marcus Rand Morris Taylor Monroe Kelly Kimball Victory Vera
    Vince Perfect Oxford Cambridge Princeton Progressive Tapestry Mosaic Nova Match Playboy Dow Europa
    America American European Asia Asian Africa China Japan India Canada
    """.split()  # noqa: SIM905  (easier to read and to extend than a list)
)


def main(folder: Path) -> None:
    words = common_words()
    entries: dict[str, tuple[set[str], set[str], set[str]]] = {}
    of_symbol: dict[str, str] = {}
    known: set[str] = set()
    well_known: set[str] = set()

    def add(name: str, symbols: list[str], variants: set[str], careful: set[str]) -> None:
        entry = entries.setdefault(name, (set(), set(), set()))
        for symbol in symbols:
            if of_symbol.setdefault(symbol, name) == name:
                entry[0].add(symbol)
        entry[1].update(variants - known)
        entry[2].update(careful - known)
        known.update(variants, careful)

    for row in _rows(HERE / "aliases.csv"):
        variants, careful = (set(filter(None, row[c].split("|"))) for c in ("variants", "careful"))
        add(row["name"], row["symbols"].split(), variants, careful)
        well_known.add(row["name"])
    lists = [("sp500_constituents.csv", "Security"), ("nasdaq_listed.csv", "Security Name")]
    for file, column in lists:
        for row in _rows(folder / file):
            if file.startswith("nasdaq") and _NOT_COMPANIES.search(row[column]):
                continue
            if not row["Symbol"].replace(".", "").isalpha():  # the last line says when the file was made
                continue
            full = _SHARE_KIND.sub("", row[column].replace("\u2019", "'").replace("\u2013", "-")).strip(" ,")
            short = _LEGAL_END.sub("", full).strip(" ,")
            plain = " " in short or not (short.lower() in words or short in _UNSAFE or len(short) < 4)
            # Rarer companies with one everyday word for a name keep their Inc., Corp. and so on.
            full = full.replace(", ", " ").rstrip(".")
            name = of_symbol.get(row["Symbol"]) or (short if plain else full)
            if file.startswith("sp500"):
                well_known.add(name)
            if plain and not short.islower():
                add(name, [row["Symbol"]], {short}, set())
            else:
                add(name, [row["Symbol"]], {full} if " " in full else set(), set())
    with (HERE / "companies.csv").open("w", encoding="utf-8", newline="") as output:
        writer = csv.writer(output, lineterminator="\n")
        writer.writerow(["name", "symbols", "variants", "careful", "well_known"])
        for name, (symbols, *forms) in sorted(entries.items()):
            cells = [" ".join(sorted(symbols)), *("|".join(sorted(form)) for form in forms)]
            writer.writerow([name, *cells, "yes" if name in well_known else ""])


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
