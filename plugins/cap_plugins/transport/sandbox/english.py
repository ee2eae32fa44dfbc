"""The English that paths are written in: words, singular and plural, verbs and their participles."""

from __future__ import annotations

import re
from typing import Final


def _word_set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_VERSION: Final = re.compile(r"v?\d+([._]\d+)*(alpha|beta|rc)?\d*", re.IGNORECASE)

_SINGULAR: Final = {
    "people": "person",
    "children": "child",
    "men": "man",
    "women": "woman",
    "aliases": "alias",
    "biases": "bias",
    "caches": "cache",
    "movies": "movie",
    "cookies": "cookie",
    "quizzes": "quiz",
}
# Nouns without a singular of their own.
_UNCOUNTABLE: Final = _word_set(
    "analytics aws config configuration credentials details dns gps https news preferences series settings sms species"
    " statistics stats tls yes"
)
# Several consonants before "es" belong to the plural: matches, wishes, boxes, addresses, statuses.
_ES_PLURAL: Final = re.compile(r"(?<=ch|sh|ss|us)es$|(?<=x)es$")

VERBS: Final = _word_set(
    "accept acknowledge activate add apply approve archive assign attach authorize ban block call cancel capture charge"
    " claim clear clone close commit complete confirm connect convert copy create deactivate decline delete deploy"
    " detach disable disconnect dismiss enable end enroll execute expire finish follow generate import insert install"
    " invite invoke join launch leave link lock login logout make mark merge move mute notify open pause pay perform"
    " post publish purge push put reactivate reboot refresh refund register reject release reload remove rename renew"
    " reopen replay reply rerun resend reset resolve restart restore resume retry revoke rollback rotate run save"
    " schedule send set share sign start stop submit subscribe suspend swap sync terminate transfer trigger unarchive"
    " unassign unblock undo unfollow unlink unlock unpublish unsubscribe update upgrade upload upsert validate verify"
    " void withdraw"
)
"""Verbs that change a resource. They decide only where a path's structure leaves a choice."""

SEARCH_VERBS: Final = _word_set("browse fetch filter find get list lookup query retrieve search")
"""Verbs that look for resources and change nothing."""

CONTENT_NOUNS: Final = _word_set("content contents download export file log logs output outputs raw stream transcript")
"""Nouns for the content or the output of a resource, rather than for a fact about it."""

# A word with such an ending is a noun, also where it stands alone below an item.
_NOUN: Final = re.compile(r"(tion|sion|ment|ness|ance|ence|ity|id|ing)$")

_PARTICIPLES: Final = {
    "build": "built",
    "cancel": "cancelled",
    "commit": "committed",
    "do": "done",
    "find": "found",
    "get": "fetched",
    "hold": "held",
    "leave": "left",
    "login": "logged_in",
    "logout": "logged_out",
    "make": "made",
    "pay": "paid",
    "put": "put",
    "read": "read",
    "reset": "reset",
    "run": "run",
    "send": "sent",
    "set": "set",
    "submit": "submitted",
    "take": "taken",
    "transfer": "transferred",
    "withdraw": "withdrawn",
    "write": "written",
}
_DOUBLES_CONSONANT: Final = re.compile(r"[^aeiou]*[aeiou][^aeiouwxy]")


def split_words(text: str) -> list[str]:
    """`add_line_items`, `addLineItems` and `add-line-items` are the same three words."""
    return [word.lower() for word in _WORD.findall(text)]


def is_version(text: str) -> bool:
    """Whether a segment is a version (`v1`, `2.0`) and no name."""
    return _VERSION.fullmatch(text) is not None


def singular(word: str) -> str:
    """The singular of a plural; any other word as it is."""
    if word in _SINGULAR:
        return _SINGULAR[word]
    if not word.endswith("s") or word.endswith(("ss", "us", "is")) or word in _UNCOUNTABLE or len(word) < 3:
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    return _ES_PLURAL.sub("", word) if _ES_PLURAL.search(word) and word != "uses" else word[:-1]


def is_plural(text: str) -> bool:
    """Whether the last word of a name is a plural."""
    found = split_words(text)
    return bool(found) and singular(found[-1]) != found[-1]


def is_uncountable(text: str) -> bool:
    """Whether a name is of something that exists once, such as settings."""
    return bool(_UNCOUNTABLE.intersection(split_words(text)[-1:]))


def is_noun(text: str) -> bool:
    """Whether a name is a noun: a plural, or a word with a noun's ending, and no verb in front."""
    found = split_words(text)
    return not is_verb(text) and (is_plural(text) or (bool(found) and _NOUN.search(found[-1]) is not None))


def is_verb(text: str) -> bool:
    """Whether a name begins with a verb that changes a resource."""
    return split_words(text)[:1] != [] and split_words(text)[0] in VERBS


def is_search_verb(text: str) -> bool:
    """Whether a name begins with a verb that looks for resources."""
    return split_words(text)[:1] != [] and split_words(text)[0] in SEARCH_VERBS


def noun(text: str) -> str:
    """The name of one item of a collection: `boxes` holds a `box`, `lineItems` a `line_item`."""
    found = split_words(text)
    return "_".join([*found[:-1], singular(found[-1])]) if found else ""


def participle(text: str) -> str:
    """The participle of the verb in a name, which is an item's status after the action: `cancel` gives `cancelled`."""
    found = split_words(text)
    verb = next((word for word in found if word in VERBS), found[0] if found else "do")
    for prefix in ("", "re", "un"):
        if verb.startswith(prefix) and verb[len(prefix) :] in _PARTICIPLES:
            return prefix + _PARTICIPLES[verb[len(prefix) :]]
    if verb.endswith("e"):
        return verb + "d"
    if verb.endswith("y") and verb[-2:-1] not in "aeiou":
        return verb[:-1] + "ied"
    return verb + verb[-1] + "ed" if _DOUBLES_CONSONANT.fullmatch(verb) else verb + "ed"
