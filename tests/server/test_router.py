"""Routes on raw paths: which template a path finds, what its values are, and who is told to use another method."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote_to_bytes

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cap_core.server.router import Found, Router, WrongMethod
from cap_core.syntax.path_template import balanced, placeholders, shape


def find(templates, path, method="GET"):
    """The template a path finds, with its values."""
    entries = [t if isinstance(t, tuple) else ("GET", t) for t in templates]
    found = Router.build([(m, t, (m, t)) for m, t in entries]).match(method, path.encode("latin-1"))
    if isinstance(found, Found):
        return (found.payload[1], found.params)
    return found and found.allow


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v1/batches", ("/v1/batches", ())),
        ("/v1/batches/b1", ("/v1/batches/{batch-id}", ("b1",))),
        ("/v1/batches/latest", ("/v1/batches/latest", ())),
        ("/v1/batches/b1/cancel", ("/v1/batches/{id}/cancel", ("b1",))),
        ("/v1/batches/latest/cancel", ("/v1/batches/{id}/cancel", ("latest",))),
        ("/v1/batches/latest/now", ("/v1/batches/latest/now", ())),
        ("/v1/batches/", None),
        ("/v1/batches//cancel", None),
        ("/v1/Batches", None),
        ("/", None),
        ("*", None),
        ("", None),
    ],
)
def test_static_text_beats_a_placeholder_and_steps_back_where_it_leads_nowhere(path, expected):
    templates = [
        "/v1/batches/{batch-id}",
        "/v1/batches/{id}/cancel",
        "/v1/batches",
        "/v1/batches/latest",
        "/v1/batches/latest/now",
    ]

    assert expected == find(templates, path)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/events/7.json", ("/events/{id}.json", ("7",))),
        ("/events/7.xml", ("/events/{id}.{format}", ("7", "xml"))),
        ("/events/7", ("/events/{id}", ("7",))),
        ("/events/.json", ("/events/{id}", (".json",))),
        ("/events/a.b.json", ("/events/{id}.json", ("a.b",))),
        ("/people/p1:delete", ("/people/{name}:delete", ("p1",))),
        ("/people/a%3Adelete", ("/people/{name}", ("a:delete",))),
        ("/range(address='A1')", ("/range(address='{a}')", ("A1",))),
        ("/companies(7)/items", ("/companies({id})/items", ("7",))),
        ("/act_9/ads", ("/act_{ad}/ads", ("9",))),
        ("/x/1-2-3", ("/x/{a}-{b}", ("1", "2-3"))),
        ("/x/1-", None),
        ("/y/abc", ("/y/{a}{b}", ("a", "bc"))),
        ("/y/a", None),
    ],
)
def test_partial_segments_take_their_values_out(path, expected):
    templates = [
        "/events/{id}",
        "/events/{id}.{format}",
        "/events/{id}.json",
        "/people/{name}",
        "/people/{name}:delete",
        "/range(address='{a}')",
        "/companies({id})/items",
        "/act_{ad}/ads",
        "/x/{a}-{b}",
        "/y/{a}{b}",
    ]

    assert expected == find(templates, path)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/a/x%2Fy", ("x/y",)),
        ("/a/%C3%A9", ("é",)),
        ("/a/\xc3\xa9", ("é",)),
        ("/a/x%20y", ("x y",)),
        ("/a/x+y", ("x+y",)),
        ("/a/%2562", ("%62",)),
        ("/a/100%", ("100%",)),
        ("/a/%zz", ("%zz",)),
        ("/a/%2e%2e", ("..",)),
        ("/a/..", ("..",)),
        ("/a/{b}", ("{b}",)),
        ("/a/%00", ("\0",)),
    ],
)
def test_a_value_is_decoded_after_the_path_was_split(path, expected):
    assert ("/a/{v}", expected) == find(["/a/{v}"], path)


@pytest.mark.parametrize("path", ["/a/%ff", "/a/\xff", "/a/%c3", "/a/%ED%A0%80", "/a/%C0%AF"])
def test_a_value_that_is_not_utf8_finds_nothing(path):
    assert find(["/a/{v}"], path) is None


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ("/batches", "/%62atches"),
        ("/b%61tches", "/batches"),
        ("/a b", "/a%20b"),
        ("/a%20b", "/a b"),
        ("/é", "/%c3%a9"),
        ("/é", "/\xc3\xa9"),
        ("/100%", "/100%25"),
        ("/~me", "/%7Eme"),
        ("/a|b", "/a|b"),
        ("/a%3ab", "/a%3Ab"),
    ],
)
def test_spellings_of_the_same_static_text_are_one(template, path):
    assert (template, ()) == find([template], path)


@pytest.mark.parametrize(("template", "path"), [("/a:b", "/a%3Ab"), ("/a%2Fb", "/a/b"), ("/a/b", "/a%2fb")])
def test_a_reserved_character_and_its_escape_are_two_things(template, path):
    assert find([template], path) is None


def test_the_text_of_a_partial_segment_is_not_found_inside_an_escape():
    assert find(["/{a}20{b}"], "/x%20y20z") == ("/{a}20{b}", ("x y", "z"))
    assert find(["/{a}20", "/{a}"], "/x%20") == ("/{a}", ("x ",))
    assert find(["/{a}{b}"], "/%20%C3%A9") == ("/{a}{b}", (" ", "é"))


def test_a_trailing_slash_matters():
    assert find(["/a", "/a/", "/a/{x}"], "/a/") == ("/a/", ())
    assert find(["/a", "/a/", "/a/{x}"], "/a") == ("/a", ())
    assert find(["/a/{x}"], "/a/b/") is None


def test_double_braces_are_a_placeholder_too():
    assert find(["/a/{{ id }}"], "/a/1") == ("/a/{{ id }}", ("1",))
    assert placeholders("/a/{{ id }}/x/{b-c}.json") == ("id", "b-c")


def test_a_known_path_with_another_method_names_the_methods_it_takes():
    routes = [("GET", "/a/b"), ("POST", "/a/{x}"), ("DELETE", "/c")]

    assert find(routes, "/a/b", "PUT") == ("GET", "HEAD", "OPTIONS", "POST")
    assert find(routes, "/a/z", "OPTIONS") == ("OPTIONS", "POST")
    assert find([("POST", "/{x}.json")], "/a.json", "PUT") == ("OPTIONS", "POST")
    assert find(routes, "/d", "PUT") is None


def test_a_route_without_the_method_steps_aside_for_one_that_has_it():
    routes = [("POST", "/threads/runs"), ("GET", "/threads/{id}")]

    assert find(routes, "/threads/runs", "GET") == ("/threads/{id}", ("runs",))
    assert find(routes, "/threads/runs", "POST") == ("/threads/runs", ())


def test_head_falls_to_get_of_the_same_template():
    assert find([("HEAD", "/a/{x}"), ("GET", "/a/b")], "/a/b", "HEAD") == ("/a/b", ())
    assert Router.build([("GET", "/a", ("GET", "/a")), ("HEAD", "/a", ("HEAD", "/a"))]).match(
        "HEAD", b"/a"
    ).payload == ("HEAD", "/a")


def test_an_entry_for_every_method_takes_those_that_have_no_own():
    router = Router.build([("*", "/mcp", "any"), ("GET", "/mcp", "get"), ("*", "/{x}/any", "below")])

    assert router.match("GET", b"/mcp").payload == "get"
    assert router.match("HEAD", b"/mcp").payload == "get"
    assert router.match("PURGE", b"/mcp").payload == "any"
    assert router.match("OPTIONS", b"/mcp").payload == "any"
    assert Found("below", ("1",)) == router.match("DELETE", b"/1/any")


def test_of_two_routes_of_one_shape_the_first_counts():
    router = Router.build([("GET", "/a/{x}", 1), ("GET", "/a/{y}", 2)])

    assert router.match("GET", b"/a/b").payload == 1


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("/a/{x}", "/a/{y-z}", True),
        ("/a/{x}", "/a/{{x}}", True),
        ("/a/{x}.json", "/a/{y}.json", True),
        ("/%61/é", "/a/%C3%A9", True),
        ("/a/{x}", "/a/{x}/", False),
        ("/a/{x}", "/a/x", False),
        ("/A", "/a", False),
    ],
)
def test_shape_forgets_the_names_of_placeholders(one, other, same):
    assert same == (shape(one) == shape(other))


@pytest.mark.parametrize(
    ("template", "expected"),
    [("/a/{x}", True), ("/{{x}}/{y}.z", True), ("/{a", False), ("/a}", False), ("/{}", False), ("/{a/b}", False)],
)
def test_braces_are_balanced(template, expected):
    assert expected == balanced(template)


def test_a_segment_full_of_separators_is_answered_quickly():
    router = Router.build([("GET", "/" + "-".join(f"{{p{i}}}" for i in range(9)) + ".json", 1)])

    assert router.match("GET", b"/" + b"-" * 60_000) is None


# --- against every template as a regular expression ------------------------------------------------------------------

_TEXT = st.sampled_from(["a", "b", ".", "-", ":x", "20", "é", "a.b"])
_HOLE = st.sampled_from(["{x}", "{{y}}", "{a-b}"])
_SEGMENT = st.one_of(
    _TEXT,
    _HOLE,
    st.builds("{}{}".format, _TEXT, _HOLE),
    st.builds("{}{}".format, _HOLE, _TEXT),
    st.builds("{}{}{}".format, _HOLE, _TEXT, _HOLE),
    st.builds("{}{}".format, _HOLE, _HOLE),
    st.just(""),
)
_TEMPLATE = st.lists(_SEGMENT, min_size=1, max_size=4).map(lambda parts: "/" + "/".join(parts))
_VALUE = st.text(st.sampled_from("ab.-:x20é/% ")).map(lambda text: quote(text, safe=".-:"))
_PATH_SEGMENT = st.one_of(_VALUE, st.sampled_from(["a", "b", "%61", "a.b", "%C3%A9", "%20", "a:x", "%ff", "a20a"]))
_PATH = st.lists(_PATH_SEGMENT, min_size=1, max_size=4).map(lambda parts: "/" + "/".join(parts))


def _spelled(text: str) -> str:
    """One spelling, worked out the slow way: every byte on its own."""
    out = []
    for byte, escaped in ((int(m[1], 16), True) if m[1] else (m[0].encode("latin-1")[0], False) for m in _BYTE(text)):
        character = chr(byte)
        unreserved = re.fullmatch(r"[A-Za-z0-9._~-]", character)
        plain = unreserved or (not escaped and character in "!$&'()*+,;=:@/")
        out.append(character if plain else f"%{byte:02X}")
    return "".join(out)


def _BYTE(text):
    return re.finditer(r"%([0-9A-Fa-f]{2})|.", text, re.DOTALL)


def _rank(segment: str) -> tuple[int, int, str]:
    literals = re.split(r"\{[^}]*\}+", segment)
    spelled = [_spelled(text.encode().decode("latin-1")) for text in literals]
    if len(literals) == 1:
        return (0, 0, "")
    return (2, 0, "") if literals == ["", ""] else (1, -sum(map(len, spelled)), "\0".join(spelled))


def _pattern(template: str) -> re.Pattern[str]:
    # One unit of a value is a whole escape or one other character.
    value = r"((?:%[0-9A-F]{2}|[^%/])+?)"
    literals = re.split(r"\{[^}]*\}+", template)
    return re.compile(value.join(re.escape(_spelled(text.encode().decode("latin-1"))) for text in literals))


def _brute(templates: list[str], path: str) -> tuple[str, tuple[str, ...]] | None:
    spelled = _spelled(path)
    fitting = [(template, m.groups()) for template in templates if (m := _pattern(template).fullmatch(spelled))]
    if not fitting:
        return None
    template, values = min(fitting, key=lambda fit: [_rank(segment) for segment in fit[0].split("/")])
    try:
        return template, tuple(unquote_to_bytes(value).decode() for value in values)
    except UnicodeDecodeError:
        return None


@settings(max_examples=600, deadline=None)
@given(st.lists(_TEMPLATE, min_size=1, max_size=6), _PATH)
@example(["/{x}20{y}"], "/%20%20")
@example(["/{x}{y}"], "/%20a")
def test_any_table_finds_what_trying_every_template_finds(templates, path):
    unique = list({shape(template): template for template in reversed(templates)}.values())

    assert _brute(unique, path) == find(unique, path)


@settings(max_examples=300, deadline=None)
@given(st.lists(_TEMPLATE, min_size=1, max_size=4), st.binary(max_size=40))
def test_any_bytes_find_something_or_nothing(templates, path):
    router = Router.build([("GET", template, template) for template in templates])

    assert isinstance(router.match("GET", b"/" + path), Found | WrongMethod | None)


@settings(max_examples=300, deadline=None)
@given(_TEMPLATE, st.data())
def test_values_put_into_a_template_come_out_again(template, data):
    names = placeholders(template)
    # No character of any literal, so that only one split fits; one character each where nothing separates two values.
    values = [data.draw(st.sampled_from("ABCé/ ?")) for _ in names]
    path = template
    for value in values:
        path = re.sub(r"\{\{?[^{}]*\}?\}", lambda m, v=value: quote(v, safe=""), path, count=1)

    if all(value != "é" for value in values) or "}{" not in template:
        assert (template, tuple(values)) == find([template], path.encode().decode("latin-1"))
