"""A value is found in every spelling in which something may write it, and mixtures of them."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Callable
from urllib.parse import quote, quote_plus, urlencode
from xml.sax.saxutils import quoteattr

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cap_core.logging.redaction import MASK, Redaction

SPELLINGS: dict[str, Callable[[str], str]] = {
    "as-it-is": str,
    "url": lambda text: quote(text, safe=""),
    "url-path": lambda text: quote(text, safe="-._~!$&'()*+,=:@"),
    "url-query": lambda text: quote(text, safe="-._~!$'()*,:@/"),
    "url-lower-case": lambda text: re.sub("%..", lambda found: found[0].lower(), quote(text, safe="")),
    "url-twice": lambda text: quote(quote(text, safe=""), safe=""),
    "form": lambda text: urlencode({"": text})[1:],
    "form-in-a-url": lambda text: quote(quote_plus(text)),
    "json": lambda text: json.dumps(text)[1:-1],
    "json-in-unicode": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "json-with-slashes": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "json-in-json": lambda text: json.dumps(json.dumps(text))[3:-3],
    "xml": lambda text: quoteattr(text)[1:-1],
    "html": html.escape,
    "html-in-html": lambda text: html.escape(html.escape(text)),
    "html-in-numbers": lambda text: "".join(f"&#{ord(c)};" if not c.isalnum() else c for c in text),
    "html-in-hex": lambda text: "".join(f"&#x{ord(c):X};" if not c.isalnum() else c for c in text),
    "python": lambda text: repr(text)[1:-1],
    "yaml": lambda text: yaml.dump(text, default_style='"', width=10_000).strip()[1:-1],
    "lower-case": str.lower,
    "upper-case": lambda text: "".join(c.upper() if c.isascii() else c for c in text),
    "read-as-latin-1": lambda text: text.encode().decode("latin-1"),
    "url-in-json-in-html": lambda text: html.escape(json.dumps({"u": quote(text)})),
}


@pytest.mark.parametrize("how", SPELLINGS)
@pytest.mark.parametrize(
    "secret",
    [
        "plain0123456789abcdef",
        "sk:live:0123456789+abc=",
        "AAAABBBBCCCC/DDDDEEEE+FFFFGGGG==",
        "a@b!c(d) e",
        "CANARY-k2-äöü",
        "quote\"and'back\\slash<&>",
        "two\nlines\tand a tab",
        "\N{KEY} of the \N{LOCK}",
        "!@#$",
    ],
)
def test_a_secret_is_masked_in_every_spelling(secret: str, how: str) -> None:
    redaction = Redaction()
    redaction.add([secret])
    written = SPELLINGS[how](secret)

    assert redaction.text(f"before <{written}> after").count(MASK) == 1
    assert written not in redaction.text(f"before <{written}> after")


WORDS = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=5, max_size=9)
BETWEEN = st.text(st.sampled_from(" !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~äß€\N{KEY}\n\t"), min_size=1, max_size=3)


@given(
    words=st.lists(WORDS, min_size=1, max_size=4),
    between=st.lists(BETWEEN, min_size=4, max_size=4),
    how=st.lists(st.sampled_from(sorted(SPELLINGS)), min_size=1, max_size=2),
)
def test_no_word_of_a_secret_stands_in_any_text(words: list[str], between: list[str], how: list[str]) -> None:
    secret = between[0].join(words) + between[1]
    redaction = Redaction()
    redaction.add([secret])
    # Two at most, as far as one writes what the other reads: an escape of letters is no spelling of a credential.
    written = SPELLINGS[how[0]](secret)
    if len(how) == 2 and how[1] in ("url", "html", "json", "lower-case") and how[0] in ("as-it-is", "url", "html"):
        written = SPELLINGS[how[1]](written)
    shown = redaction.text(f"[{written}]").lower()

    assert [word for word in words if word in shown] == []


@given(secret=st.text(min_size=8, max_size=40), before=st.binary(max_size=12))
def test_a_secret_inside_of_base64_is_masked(secret: str, before: bytes) -> None:
    try:
        raw = secret.encode()
    except UnicodeEncodeError:
        return
    redaction = Redaction()
    redaction.add([secret])
    encoded = base64.b64encode(before + raw).decode()
    shown = redaction.text(f"Basic {encoded}")

    assert MASK in shown
    kept = re.sub(r"[^A-Za-z0-9+/]", "", shown.removeprefix("Basic ").partition(MASK)[0])
    assert len(kept) * 6 // 8 <= len(before)


@pytest.mark.parametrize("at", [1990, 1995, 1999, 2000, 2001])
def test_an_excerpt_ends_before_a_secret_or_after_its_mask(at: int) -> None:
    secret = "plain0123456789abcdef"
    redaction = Redaction()
    redaction.add([secret])
    text = "x" * (at - len(secret)) + secret + "y" * 5000

    shown = redaction.excerpt(text, 2000)

    assert len(shown) <= 2000
    assert "plain" not in shown
    assert not re.search("x[pla]", shown)


def test_an_excerpt_of_many_secrets_shows_the_start_of_none() -> None:
    redaction = Redaction()
    redaction.add(["correct-horse-battery-staple"])

    shown = redaction.excerpt("correct-horse-battery-staple " * 1000, 2000)

    assert "corr" not in shown
    assert shown.startswith(f"{MASK} {MASK} ")


def test_no_more_values_are_kept_than_are_of_use() -> None:
    redaction = Redaction()
    redaction.add(f"token-number-{n:05}" for n in range(1200))

    assert redaction.text("token-number-00001") == "token-number-00001"
    assert redaction.text("token-number-01199") == MASK
