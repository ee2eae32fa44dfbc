"""Names for values from outside."""

from __future__ import annotations

from keys.case import API, SAME, key
from keys.seen import checked, sent

BEARER = {f"{API}.authentication": {"type": "bearer", "token": "{{env.TOKEN}}"}}
ENTRY = {"namespace": "env", "keys": {"TOKEN": "KEYS_TOKEN"}}
SENT = (sent("authorization"), "Bearer s3cret")

CASES = [
    case
    for place in ("binds", "capability.binds")
    for case in (
        key(place, [ENTRY], "Declares the variables that the document may read.", *SENT, also=BEARER),
        key(
            f"{place}.0.namespace",
            SAME,
            "What stands before the dot in `{{namespace.NAME}}`.",
            *SENT,
            also={**BEARER, f"{place}.0": ENTRY},
        ),
        key(
            f"{place}.0.keys",
            SAME,
            "The names, and what each is called where its value comes from.",
            *SENT,
            also={**BEARER, f"{place}.0": ENTRY},
        ),
        key(
            f"{place}.0.location",
            "file:secrets.json",
            "Where the values come from: a file. Without it, from the environment.",
            sent("authorization"),
            "Bearer from-a-file",
            also={**BEARER, f"{place}.0": ENTRY},
            files={"secrets.json": '{"KEYS_TOKEN": "from-a-file"}'},
        ),
        *(
            key(
                f"{place}.0.{name}",
                "./more.yaml",
                "Not built yet: takes the entry from another file. Its variables are not declared.",
                lambda it: len(checked("not-built-import")(it)),
                1,
                also={f"{place}.0": ENTRY},
            )
            for name in ("import", "from")
        ),
        key(
            f"{place}.0.as",
            "other",
            "Not built yet: what an imported entry is called here.",
            lambda it: any("'other'" in line for line in checked("not-built-import")(it)),
            True,
            also={f"{place}.0": {"from": "./more.yaml", "import": "env"}},
        ),
        key(
            f"{place}.0.description",
            "from the console",
            "Shown wherever `cap` says where a value comes from, or that it is not set.",
            checked("unset-variable"),
            ["TOKEN has no value: environment variable KEYS_UNSET (from the console) is not set"],
            also={**BEARER, f"{place}.0": {"namespace": "env", "keys": {"TOKEN": "KEYS_UNSET"}}},
        ),
    )
]
