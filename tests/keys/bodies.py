"""Bodies of upstream requests."""

from __future__ import annotations

from keys.case import MAKE, SAME, key
from keys.seen import Seen, Sees, sent

BODY = f"{MAKE}.body"
PART = f"{BODY}.data.0"
POST = ("POST", "/things")
FILE = {
    "type": "multipart",
    "data": [{"name": "file", "value": "hi", "filename": "a.txt", "contentType": "text/plain"}],
}


def part(text: str) -> Sees:
    """Whether a text is in the body that is sent."""

    def see(it: Seen) -> object:
        body = sent("body", *POST)(it)
        return text in body if isinstance(body, str) else body

    return see


CASES = [
    key(
        f"{BODY}.type",
        "form",
        "How the data is encoded: `json`, `form`, `multipart`, `text`, `xml`, `sparql` or `yaml`.",
        sent("body", *POST, json={"name": "Lamp"}),
        "name=Lamp",
        also={f"{BODY}.data": {"name": "{{tools.name}}"}},
    ),
    key(
        f"{BODY}.data",
        {"name": "{{tools.name}}", "source": "web"},
        "What the body is made of; variables in it are inputs.",
        sent("json", *POST, json={"name": "Lamp"}),
        {"name": "Lamp", "source": "web"},
        also={f"{BODY}.type": "json"},
    ),
    key(f"{PART}.name", SAME, "The name of a part of a multipart body.", part('name="file"'), True, also={BODY: FILE}),
    key(f"{PART}.value", SAME, "What is in the part.", part("\r\n\r\nhi\r\n"), True, also={BODY: FILE}),
    key(
        f"{PART}.filename",
        SAME,
        "Makes the part a file of this name.",
        part('filename="a.txt"'),
        True,
        also={BODY: FILE},
    ),
    key(
        f"{PART}.contentType",
        SAME,
        "The media type of the part.",
        part("Content-Type: text/plain"),
        True,
        also={BODY: FILE},
    ),
    key(
        f"{PART}.encoding",
        "base64",
        "`base64`: the value stands for bytes, which are sent.",
        part("\r\n\r\nhi\r\n"),
        True,
        also={BODY: FILE, f"{PART}.value": "aGk="},
    ),
]
