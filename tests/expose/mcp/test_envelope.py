"""What is one MCP request, which era it belongs to, and the checks of a modern one."""

from __future__ import annotations

import base64

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

MODERN = "2026-07-28"
META = "io.modelcontextprotocol/"
JSON_BODY = ("content-type", "application/json")
OWN = {META + "protocolVersion": MODERN, META + "clientCapabilities": {}}


@pytest.fixture(scope="module")
def face(kit):
    return kit.one()


def b64(text):
    return f"=?base64?{base64.b64encode(text.encode()).decode()}?="


def ask(method="tools/list", id_=1, **params):
    return msgspec.json.encode({"jsonrpc": "2.0", "id": id_, "method": method, "params": params})


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        pytest.param(b"", 400, -32700, id="nothing"),
        pytest.param(b"{", 400, -32700, id="half an object"),
        pytest.param(b"{} {}", 400, -32700, id="two documents"),
        pytest.param(b"\xff{}", 400, -32700, id="no UTF-8"),
        pytest.param(
            b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":"\xff"}}', 400, -32700, id="no UTF-8 inside"
        ),
        pytest.param(
            b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":"a\nb"}}', 400, -32700, id="a raw line end"
        ),
        pytest.param(
            rb'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":"\ud800!"}}', 400, -32700, id="half a pair"
        ),
        pytest.param(b'{"jsonrpc":"2.0","id":1,"method":"ping","params":' + b"[" * 100_000, 400, -32700, id="deep"),
        pytest.param(b"\xef\xbb\xbf{}", 400, -32700, id="a byte order mark"),
        pytest.param(b"[]", 400, -32600, id="empty batch"),
        pytest.param(b'"ping"', 400, -32600, id="text"),
        pytest.param(b"{}", 400, -32600, id="an empty object"),
        pytest.param(b'{"id":1,"method":"ping"}', 400, -32600, id="no jsonrpc"),
        pytest.param(b'{"jsonrpc":"1.0","id":1,"method":"ping"}', 400, -32600, id="another jsonrpc"),
        pytest.param(b'{"jsonrpc":"2.0","id":1}', 400, -32600, id="no method"),
        pytest.param(b'{"jsonrpc":"2.0","id":1,"method":5}', 400, -32600, id="a number as method"),
        pytest.param(b'{"jsonrpc":"2.0","id":null,"method":"ping"}', 400, -32600, id="null as id"),
        pytest.param(b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}', 400, -32600, id="a fraction as id"),
        pytest.param(b'{"jsonrpc":"2.0","id":true,"method":"ping"}', 400, -32600, id="a boolean as id"),
        pytest.param(b'{"jsonrpc":"2.0","id":{},"method":"ping"}', 400, -32600, id="an object as id"),
        pytest.param(b'{"jsonrpc":"2.0","id":1,"result":{}}', 400, -32600, id="a posted result"),
        pytest.param(b'{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"x"}}', 400, -32600, id="a posted error"),
    ],
)
@pytest.mark.parametrize("version", [None, "2025-11-25", MODERN])
def test_what_is_not_one_request_is_refused_in_every_era(face, version, body, status, code):
    headers = [("content-type", "application/json")] + ([("mcp-protocol-version", version)] if version else [])
    got = face.send(body, headers)

    assert (status, code, None) == (got.status, got.code, got.json["id"])


@pytest.mark.parametrize("version", ["2025-11-25", "2025-06-18", MODERN, "2027-01-01"])
def test_a_batch_is_refused_in_every_version_that_has_none(face, version):
    body = b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]'
    got = face.send(body, [JSON_BODY, ("mcp-protocol-version", version)])

    assert (400, -32600, None) == (got.status, got.code, got.json["id"])


def ping(id_, **more):
    return {"jsonrpc": "2.0", "id": id_, "method": "ping", **more}


BATCHES = pytest.mark.parametrize("headers", [[], [("mcp-protocol-version", "2025-03-26")]], ids=["none", "2025-03-26"])


@BATCHES
def test_a_batch_is_answered_with_a_list_where_the_version_has_batches(face, headers):
    calls = [
        ping("a"),
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "list"}},
        {"jsonrpc": "2.0", "id": 3, "method": "tools/list"},
    ]
    got = face.send(b" " + msgspec.json.encode(calls), [JSON_BODY, *headers])

    assert (got.status, got.headers["content-type"]) == (200, "application/json")
    assert [each["id"] for each in got.json] == ["a", 2, 3]
    assert got.json[0]["result"] == {}
    assert got.json[1]["result"]["structuredContent"]["object"] == "list"
    assert [tool["name"] for tool in got.json[2]["result"]["tools"]] == ["list"]


@BATCHES
def test_each_message_of_a_batch_fails_for_itself(face, headers):
    calls = [
        ping(1),
        5,
        {"id": 2, "method": "ping"},
        {"jsonrpc": "2.0", "id": 3, "method": "nothing"},
        {"jsonrpc": "2.0", "id": 4, "method": "tools/call", "params": {"name": "lost"}},
        {"jsonrpc": "2.0", "id": 5, "method": "initialize", "params": {"protocolVersion": "2025-03-26"}},
        [ping(6)],
        ping(7),
    ]
    got = face.send(msgspec.json.encode(calls), [JSON_BODY, *headers])

    assert got.status == 200
    codes = [(each["id"], each.get("error", {}).get("code")) for each in got.json]
    assert codes == [
        (1, None),
        (None, -32600),
        (None, -32600),
        (3, -32601),
        (4, -32602),
        (5, -32600),
        (None, -32600),
        (7, None),
    ]


@BATCHES
def test_a_batch_of_notifications_has_no_answer(face, headers):
    body = msgspec.json.encode([{"jsonrpc": "2.0", "method": "notifications/initialized"}] * 2)
    got = face.send(body, [JSON_BODY, *headers])

    assert (got.status, got.body) == (202, b"")


@BATCHES
@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"[]", -32600),
        (b"[1", -32700),
        (b'["\xff"]', -32700),
        (rb'["\ud800"]', -32700),
        (msgspec.json.encode([ping(n) for n in range(51)]), -32600),
        (b"[" * 100_000, -32700),
    ],
)
def test_what_is_no_batch_is_refused_as_a_whole(face, headers, body, code):
    got = face.send(body, [JSON_BODY, *headers])

    assert (got.status, got.code, got.json["id"]) == (400, code, None)


def test_a_batch_stops_where_its_answers_are_too_large(kit):
    from cap_core.plugins.exposure import Limits

    calls = []

    async def run(values, context):
        calls.append(context)
        return await kit.reply(b'"%b"' % (b"x" * 100))(values, context)

    face = kit.one(run, limits=Limits(answer=300))
    body = [{"jsonrpc": "2.0", "id": n, "method": "tools/call", "params": {"name": "list"}} for n in range(5)]
    got = face.send(msgspec.json.encode(body), [JSON_BODY])

    assert len(got.json) == 5
    assert 0 < len(calls) < 5
    assert "send it alone" in got.json[-1]["error"]["message"]


def test_an_unforeseen_failure_in_a_batch_leaves_the_others(kit):
    async def run(values, context):
        raise KeyError("inner")

    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "list"}}
    got = kit.one(run).send(msgspec.json.encode([call, ping(2)]), [JSON_BODY])

    assert [each.get("error", {}).get("code") for each in got.json] == [-32603, None]
    assert "inner" not in got.body.decode()


@pytest.mark.parametrize(
    "text", [rb"\ud800", rb"\ud800!", rb"\ud800\n", rb"\udc00", rb"\ud83d\ud83d", rb"a\\\udfff", rb"\uD83D\u0041"]
)
def test_half_a_character_is_refused_in_plain_words(face, text):
    got = face.send(b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":"%b"}}' % text, [JSON_BODY])

    assert (got.status, got.code) == (400, -32700)
    assert "half of a character" in got.json["error"]["message"]


def test_a_whole_pair_and_an_escaped_backslash_are_not_blamed_for_another_fault(face):
    got = face.send(
        rb'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":"\ud83d\ude00","y":"\\ud800"}', [JSON_BODY]
    )

    assert got.code == -32700
    assert "half of a character" not in got.json["error"]["message"]


@pytest.mark.parametrize("id_", [1, 0, -7, 2**53, 123456789012345678901234567890, "", "a", "ü\n\\"])
def test_ids_come_back_as_they_were(face, id_):
    got = face.send(ask("ping", id_), [("content-type", "application/json")])

    assert id_ == got.json["id"]
    assert got.result == {}


HEADERS = {
    "content-type": "application/json",
    "mcp-protocol-version": MODERN,
    "mcp-method": "tools/call",
    "mcp-name": "list",
}


def changed(drop=(), **headers):
    both = HEADERS | {name.replace("_", "-"): value for name, value in headers.items()}
    return [(name, value) for name, value in both.items() if name not in drop]


LADDER = [
    # (case, headers, params beside _meta, _meta, status, code; code None is a result)
    ("all there", changed(), {"name": "list"}, OWN, 200, None),
    ("blanks around values", changed(mcp_name=" list\t", mcp_method=" tools/call"), {"name": "list"}, OWN, 200, None),
    ("the name in base64", changed(mcp_name=b64("list")), {"name": "list"}, OWN, 200, None),
    ("client info and more", changed(), {"name": "list"}, {**OWN, META + "clientInfo": {}, "x": 1}, 200, None),
    ("a progress token", changed(), {"name": "list"}, {**OWN, "progressToken": 5}, 200, None),
    ("null arguments", changed(), {"name": "list", "arguments": None}, OWN, 200, None),
    ("no _meta", changed(), {"name": "list"}, None, 400, -32602),
    ("_meta is null", changed(), {"name": "list", "_meta": None}, None, 400, -32602),
    ("_meta is text", changed(), {"name": "list", "_meta": "x"}, None, 400, -32602),
    ("an empty _meta", changed(), {"name": "list"}, {}, 400, -32602),
    ("no capabilities", changed(), {"name": "list"}, {META + "protocolVersion": MODERN}, 400, -32602),
    ("capabilities are a list", changed(), {"name": "list"}, {**OWN, META + "clientCapabilities": []}, 400, -32602),
    ("no version in _meta", changed(), {"name": "list"}, {META + "clientCapabilities": {}}, 400, -32602),
    ("a number as version", changed(), {"name": "list"}, {**OWN, META + "protocolVersion": 2026}, 400, -32602),
    ("no version header", changed(drop=["mcp-protocol-version"]), {"name": "list"}, OWN, 400, -32020),
    ("another version header", changed(mcp_protocol_version="2027-01-01"), {"name": "list"}, OWN, 400, -32020),
    ("an empty version header", changed(mcp_protocol_version=""), {"name": "list"}, OWN, 400, -32020),
    ("no method header", changed(drop=["mcp-method"]), {"name": "list"}, OWN, 400, -32020),
    ("another method header", changed(mcp_method="tools/list"), {"name": "list"}, OWN, 400, -32020),
    ("the method in capitals", changed(mcp_method="TOOLS/CALL"), {"name": "list"}, OWN, 400, -32020),
    ("no name header", changed(drop=["mcp-name"]), {"name": "list"}, OWN, 400, -32020),
    ("another name header", changed(mcp_name="lists"), {"name": "list"}, OWN, 400, -32020),
    ("another name in base64", changed(mcp_name=b64("lists")), {"name": "list"}, OWN, 400, -32020),
    ("base64 that is none", changed(mcp_name="=?base64?bGl!c3Q=?="), {"name": "list"}, OWN, 400, -32020),
    ("base64 without padding", changed(mcp_name="=?base64?bGlzdA?="), {"name": "list"}, OWN, 400, -32020),
    ("base64 with stray bits", changed(mcp_name="=?base64?bGlzdB==?="), {"name": "list"}, OWN, 400, -32020),
    ("base64 of no UTF-8", changed(mcp_name="=?base64?/w==?="), {"name": "list"}, OWN, 400, -32020),
    ("a name in raw bytes", changed(mcp_name="lüst".encode()), {"name": "lüst"}, OWN, 400, -32020),
    ("no name at all", changed(drop=["mcp-name"]), {}, OWN, 400, -32602),
    ("a number as name", changed(), {"name": 5}, OWN, 400, -32602),
    ("arguments are a list", changed(), {"name": "list", "arguments": []}, OWN, 400, -32602),
    ("arguments are text", changed(), {"name": "list", "arguments": "{}"}, OWN, 400, -32602),
    ("an unknown tool", changed(mcp_name="lost"), {"name": "lost"}, OWN, 400, -32602),
    (
        "a version to come",
        changed(mcp_protocol_version="2027-01-01"),
        {"name": "list"},
        {**OWN, META + "protocolVersion": "2027-01-01"},
        400,
        -32022,
    ),
    (
        "a legacy version in _meta alone",
        changed(),
        {"name": "list"},
        {**OWN, META + "protocolVersion": "2025-11-25"},
        400,
        -32020,
    ),
]


@pytest.mark.parametrize(
    ("headers", "params", "meta", "status", "code"), [row[1:] for row in LADDER], ids=[r[0] for r in LADDER]
)
def test_a_modern_request_climbs_the_ladder(face, headers, params, meta, status, code):
    got = face.send(ask("tools/call", **params, **({"_meta": meta} if meta is not None else {})), headers)

    assert status == got.status
    assert got.json["id"] == 1
    assert code == got.json.get("error", {}).get("code")


@pytest.mark.parametrize("name", ["mcp-protocol-version", "mcp-method", "mcp-name"])
@pytest.mark.parametrize("era", ["modern", "legacy"])
def test_a_routing_header_that_comes_twice_is_refused_in_both_eras(face, kit, era, name):
    value = "2025-11-25" if era == "legacy" else HEADERS[name]
    got = face.call("list", era=era, headers=[(name, value), (name, value)])

    assert (got.status, got.code) == (400, -32020)


def test_other_headers_may_come_twice(face):
    got = face.call("list", headers=[("via", "a"), ("via", "b")])

    assert got.status == 200


def test_a_version_not_served_is_told_which_are(face):
    meta = {**OWN, META + "protocolVersion": "2027-01-01"}
    got = face.send(ask("tools/call", name="list", _meta=meta), changed(mcp_protocol_version="2027-01-01"))

    expected = {"supported": ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26"], "requested": "2027-01-01"}
    assert expected == got.json["error"]["data"]


@pytest.mark.parametrize(
    "method", ["initialize", "ping", "logging/setLevel", "resources/subscribe", "prompts/get", "x" * 5000]
)
def test_a_method_that_the_modern_era_does_not_have_is_404(face, method):
    got = face.modern(method)

    assert (got.status, got.code) == (404, -32601)
    assert len(got.body) < 400


@pytest.mark.parametrize(
    "method", ["server/discover", "logging/setLevel", "resources/read", "prompts/get", "notifications/x"]
)
def test_a_method_that_the_legacy_era_does_not_have_is_an_error_with_200(face, method):
    got = face.legacy(method)

    assert (got.status, got.code) == (200, -32601)


@pytest.mark.parametrize("version", ["2024-11-05", "2027-01-01", MODERN, ""])
def test_initialize_agrees_on_a_legacy_version_whatever_its_header_says(face, version):
    got = face.legacy(
        "initialize", {"protocolVersion": "2025-06-18"}, headers=[("mcp-protocol-version", version)], version=None
    )

    assert (got.status, got.result["protocolVersion"]) == (200, "2025-06-18")


@pytest.mark.parametrize("version", ["2024-11-05", "2027-01-01", "", "x" * 500])
@pytest.mark.parametrize("method", ["ping", "tools/list", "tools/call", "nothing"])
def test_any_other_request_of_an_unknown_version_is_told_which_are_served(face, method, version):
    params = {"name": "list"} if method == "tools/call" else {}
    got = face.legacy(method, params, headers=[("mcp-protocol-version", version)], version=None)

    assert (got.status, got.code) == (400, -32022)
    assert got.json["error"]["data"]["supported"] == ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26"]
    assert got.json["error"]["data"]["requested"] == version[:100]


WRONG_TYPES = [
    ("progressToken", True),
    ("progressToken", {}),
    ("progressToken", None),
    (META + "logLevel", 5),
    (META + "logLevel", "loud"),
    ("traceparent", 5),
    ("traceparent", None),
    ("tracestate", []),
    ("baggage", {}),
]


@pytest.mark.parametrize(("name", "value"), WRONG_TYPES)
@pytest.mark.parametrize("method", ["tools/list", "tools/call", "server/discover"])
def test_a_modern_meta_of_a_wrong_type_is_refused(face, method, name, value):
    params = {"name": "list"} if method == "tools/call" else {}
    got = face.modern(method, params, meta={**OWN, name: value})

    assert (got.status, got.code) == (400, -32602)
    assert name.rpartition("/")[2] in got.json["error"]["message"]


@pytest.mark.parametrize(
    ("name", "value"), [("inputResponses", []), ("inputResponses", "x"), ("requestState", 5), ("requestState", {})]
)
def test_answers_to_questions_of_a_wrong_type_are_refused(face, name, value):
    got = face.modern("tools/call", {"name": "list", name: value})

    assert (got.status, got.code) == (400, -32602)


@pytest.mark.parametrize(
    "meta",
    [
        {"progressToken": 1},
        {"progressToken": "a"},
        {META + "logLevel": "debug"},
        {"traceparent": "nonsense", "tracestate": "a=b", "baggage": "c=d"},
    ],
)
def test_a_modern_meta_of_the_right_types_is_taken(face, meta):
    assert face.modern("tools/call", {"name": "list"}, meta={**OWN, **meta}).status == 200


@pytest.mark.parametrize("version", ["2025-11-25", "2025-06-18", "2025-03-26", None])
def test_a_legacy_version_header_or_none_is_the_legacy_era(face, version):
    got = face.call("list", era="legacy", version=version)

    assert "resultType" not in got.result


def test_a_legacy_version_header_wins_over_a_modern_meta(face):
    got = face.legacy("tools/call", {"name": "list", "_meta": OWN})

    assert "resultType" not in got.result


def test_a_progress_token_alone_does_not_make_a_request_modern(face):
    got = face.legacy("tools/call", {"name": "list", "_meta": {"progressToken": 1}}, version=None)

    assert "resultType" not in got.result


def test_modern_meta_without_the_header_is_a_header_mismatch(face):
    got = face.legacy("tools/call", {"name": "list", "_meta": OWN}, version=None)

    assert (got.status, got.code) == (400, -32020)


def test_legacy_params_that_do_not_fit_are_an_error_with_200(face):
    got = face.legacy("tools/call", {"name": 5})

    assert (got.status, got.code) == (200, -32602)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([], 202),
        ([("mcp-protocol-version", "2025-06-18")], 202),
        ([("mcp-protocol-version", MODERN)], 202),
        ([("mcp-protocol-version", "1999-01-01")], 400),
    ],
)
@pytest.mark.parametrize("method", ["notifications/initialized", "notifications/cancelled", "tools/call", "anything"])
def test_a_notification_is_taken_and_dropped(face, method, headers, status):
    body = msgspec.json.encode({"jsonrpc": "2.0", "method": method})
    got = face.send(body, [("content-type", "application/json"), *headers])

    assert status == got.status
    assert status == 400 or (got.body == b"" and "content-type" not in got.headers)


@pytest.mark.parametrize("method", ["GET", "DELETE", "HEAD", "PUT", "OPTIONS"])
def test_every_other_http_method_is_405(face, method):
    got = face.send(b"", method=method)

    assert (got.status, got.headers["allow"]) == (405, "POST")
    assert (method == "HEAD") == (got.body == b"")


@pytest.mark.parametrize(
    ("value", "status"),
    [
        (None, 415),
        ("text/plain", 415),
        ("application/jsonx", 415),
        ("application/json", 200),
        ("Application/JSON; charset=utf-8", 200),
    ],
)
def test_the_body_must_say_that_it_is_json(face, value, status):
    got = face.send(ask("ping"), [("content-type", value)] if value else [])

    assert status == got.status


@pytest.mark.parametrize(("coding", "status"), [("gzip", 415), ("br, gzip", 415), ("identity", 200), ("Identity", 200)])
def test_a_compressed_body_is_415(face, coding, status):
    got = face.send(ask("ping"), [("content-type", "application/json"), ("content-encoding", coding)])

    assert status == got.status
    assert status == 200 or got.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("value", "status"),
    [
        (None, 200),
        ("", 200),
        ("*/*", 200),
        ("application/json, text/event-stream", 200),
        ("text/event-stream", 200),
        ("application/json;q=0.5, */*;q=0", 200),
        ("application/json; q=0", 406),
        ("application/*;q=0.000, text/html", 406),
        ("text/event-stream, */*;q=0", 406),
    ],
)
def test_only_an_accept_header_that_rules_json_out_is_refused(face, value, status):
    headers = [("content-type", "application/json")] + ([("accept", value)] if value is not None else [])
    got = face.send(ask("ping"), headers)

    assert status == got.status


def test_a_body_over_the_limit_is_413(kit):
    from cap_core.plugins.exposure import Limits

    got = kit.one(limits=Limits(body=100)).call("list", {"x": "y" * 100})

    assert (got.status, got.code) == (413, -32600)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
_near = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.just("2.0") | _json,
        "id": st.integers() | st.text(max_size=4) | _json,
        "method": st.sampled_from(["initialize", "ping", "tools/list", "tools/call", "server/discover"])
        | st.text(max_size=8),
        "params": st.fixed_dictionaries(
            {},
            optional={
                "name": st.just("list") | _json,
                "arguments": _json,
                "cursor": _json,
                "protocolVersion": _json,
                "_meta": st.just(OWN) | _json,
            },
        )
        | _json,
    },
)
_headers = st.lists(
    st.tuples(
        st.sampled_from(["mcp-protocol-version", "mcp-method", "mcp-name", "traceparent", "accept"]),
        st.sampled_from([MODERN, "2025-11-25", "2025-03-26", "tools/call", "tools/list", "list"])
        | st.binary(max_size=8),
    ),
    max_size=5,
)


@settings(max_examples=400, deadline=None)
@given(body=st.binary(max_size=200) | _near.map(msgspec.json.encode) | _json.map(msgspec.json.encode), headers=_headers)
def test_any_body_under_any_headers_gives_a_json_rpc_answer_and_never_a_failure(face, body, headers):
    got = face.send(body, [("content-type", "application/json"), *headers])

    assert got.status in (200, 202, 400, 404, 406)
    if got.status == 202:
        assert got.body == b""
        return
    for answer in got.json if isinstance(got.json, list) else [got.json]:
        assert answer["jsonrpc"] == "2.0"
        assert ("result" in answer) != ("error" in answer)
        assert answer.get("error", {}).get("code") != -32603
