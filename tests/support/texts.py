"""Texts for property tests: everything that an editor may contain, and edits to them."""

from __future__ import annotations

from hypothesis import strategies as st

from dgls.text.spans import Edit, Span

CHARACTERS = "ab_1 \t()[]{}:=,.#'\"\\\n\réß→\u2028\x0c😀🐍\ufeff"
"""ASCII, two, three and four bytes in UTF-8, pairs in UTF-16, and all possible line ends."""

PIECES = (
    *CHARACTERS,
    "\r\n",
    "\n    ",
    '"""',
    "def f(a):\n",
    "    return a\n",
    "class A:\n    ",
    "if x:",
    "else:\n",
    "# TODO\n",
    "pass",
    "...",
    "f'{a}'",
    "lambda",
)

texts = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)
"""Short texts, many of them broken code with line ends of all kinds."""

long_texts = st.builds(str.__mul__, texts, st.integers(1, 60))
"""Repeated texts, long enough to cross the blocks of indexes."""


@st.composite
def edits_of(draw: st.DrawFn, text: str, most: int = 3) -> list[Edit]:
    """Some edits with disjoint spans in `text`, in any order."""
    count = draw(st.integers(1, most))
    bounds = sorted(
        draw(st.lists(st.integers(0, len(text)), min_size=2 * count, max_size=2 * count))
    )
    # Most edits remove little, because a large one leaves little text to test.
    most_cut = draw(st.sampled_from([0, 1, 8, len(text)]))
    starts, ends = bounds[::2], bounds[1::2]
    spans = [
        Span(start, min(end, start + most_cut)) for start, end in zip(starts, ends, strict=True)
    ]
    edits = [Edit(span, draw(st.sampled_from(PIECES) | texts)) for span in spans]
    return draw(st.permutations(edits)) if len(set(spans)) == count else edits
