"""The texts of `tidings score --explain-html` as one HTML page that needs nothing else."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path

from classifier.explain import MOST_WORDS, Explanation
from tidings.errors import ConfigError
from tidings.highlight import highlight_html, say_weight
from tidings.types import Prediction

AddText = Callable[[Prediction, Explanation], None]

_HEAD = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tidings: the words that moved the scores</title>
<style>
:root { color-scheme: light dark }
body { margin: 2em auto; max-width: 50em; padding: 0 1em; font: 16px/1.5 Helvetica, Arial, sans-serif }
article { border-top: 1px solid rgba(128,128,128,.4); padding: .7em 0; overflow-wrap: anywhere }
p { margin: 0; white-space: pre-wrap }
small { opacity: .75 }
</style></head>
<body>
<h1>The words that moved the scores</h1>
<article><small>Red moved the sentiment down, green up; the stronger, the more. Point at a word for its number.
Of a text of more than {most} words one passage is explained.</small></article>
"""


@contextmanager
def explain_page(path: Path | None) -> Iterator[AddText]:
    """Gives a function that adds a text; the file appears under its name when all are in. None writes nothing."""
    if path is None:
        yield lambda _prediction, _explanation: None
        return
    part = path.with_name(f".{path.name}.part")
    try:
        out = part.open("w", encoding="utf-8", errors="replace")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror}); check --explain-html") from None
    with out:
        out.write(_HEAD.replace("{most}", str(MOST_WORDS)))
        yield lambda prediction, explanation: print(_article(prediction, explanation), file=out)
        out.write("</body>\n</html>\n")
    part.replace(path)


def _article(prediction: Prediction, explanation: Explanation) -> str:
    marked = highlight_html(explanation.text, explanation.top(MOST_WORDS))
    score = f"{prediction.sentiment_label} {say_weight(prediction.sentiment)} · {prediction.topic}"
    return f"<article><p>{marked}</p><small>{escape(f'{score} · {explanation.say()}')}</small></article>"
