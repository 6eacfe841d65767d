"""Highlighted texts: any text is escaped, and without its tags it is the text again."""

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from tidings.highlight import highlight_html, say_words
from tidings.types import Word

MINUS = "\N{MINUS SIGN}"
PIECES = ["<b>", "</span>", "<!--", "&amp;", "&lt", "&#60;", "<script>x</script>", '"', "'", " loss ", "😀"]
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=8).map("".join)
WORDS = st.lists(
    st.builds(Word, st.text(), st.integers(-5, 40), st.integers(-5, 80), st.floats(-2, 2)), max_size=6
)


class Reader(HTMLParser):
    """What a browser would show, and the tags it would see."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.shown, self.tags = "", set[str]()
        self.feed(page)
        self.close()

    def handle_data(self, data: str) -> None:
        self.shown += data

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)


@given(TEXTS, WORDS)
def test_without_its_tags_it_is_the_text(text: str, words: list[Word]) -> None:
    read = Reader(highlight_html(text, words))
    assert read.shown == text
    assert read.tags <= {"span"}


def test_marks_say_direction_strength_and_number() -> None:
    text = "Loss <b>narrows</b>"
    page = highlight_html(text, [Word("narrows", 8, 15, 0.2), Word("Loss", 0, 4, -0.8)])
    loss, narrows = page.split("</span>")[:2]
    style = "background-color:rgba(229,57,53,0.36);border-radius:2px"
    assert loss == f'<span style="{style}" title="{MINUS}0.80">Loss'
    assert narrows.startswith(' &lt;b&gt;<span style="background-color:rgba(46,160,67,0.20)')
    assert 'title="+0.20"' in narrows


def test_words_in_a_line_the_strongest_first() -> None:
    assert (
        say_words([Word("up", 0, 2, 0.2), Word("plunge", 3, 9, -0.614)]) == f"plunge {MINUS}0.61 · up +0.20"
    )
    assert say_words([]) == ""
