"""The table of diagnostic codes: what each means, how severe it is, and what would help."""

from __future__ import annotations

from typing import Literal

import msgspec

Severity = Literal["info", "warning", "error"]


class Code(msgspec.Struct, frozen=True):
    """One row of the table of codes: what a diagnostic means and what would help."""

    name: str
    severity: Severity
    meaning: str
    remedy: str
    once: bool = False
    """Whether it is reported once for a file, with how often: a way of writing, which an author has throughout."""


CODES: dict[str, Code] = {}
"""Every code there is. Other modules read it; only this module and offers of diagnostic rules write it."""


def declare(code: Code) -> None:
    """Add a plugin's row to the table. Raises `ValueError` where its name already means something else."""
    if CODES.setdefault(code.name, code) != code:
        raise ValueError(f"the code {code.name!r} already means something else")


def _define(name: str, severity: Severity, meaning: str, remedy: str, *, once: bool = False) -> None:
    CODES[name] = Code(name, severity, meaning, remedy, once)


# Documents and dialects
_define("not-yaml", "error", "The file is not a YAML document.", "correct the syntax at this place")
_define(
    "unreadable",
    "error",
    "The document cannot be compiled, for a reason that is not its author's.",
    "report it, with the document; --log-level debug says more",
)
_define("too-large", "error", "The document is larger or deeper than a capability document can be.", "split it")
_define("several-documents", "error", "The file holds more than one document.", "give each a file of its own")
_define("merge-key", "error", "A mapping has a merge key, which YAML 1.2 does not know.", "write the keys out")
_define("duplicate-key", "error", "A mapping has the same key twice.", "keep one of the two")
_define(
    "not-a-capability", "error", "The file has no dialect key at its root.", "start it with 'naftiko: 1.0.0-alpha2'"
)
_define("unknown-version", "error", "The dialect version is not one we know.", "use a published version")
_define(
    "older-version",
    "warning",
    "A version that was never published, and that texts name; it is read as the first that was.",
    "write the published version",
)
_define(
    "newer-version",
    "warning",
    "The version is newer than the newest we know; it is read as that one.",
    "check it against the published versions",
)
_define(
    "wrong-type",
    "warning",
    "A value has another type than this key takes; what cannot do without it is left out.",
    "correct the value",
)
_define("missing-key", "warning", "A key that is needed is not there; what cannot do without it is left out.", "add it")
_define(
    "misplaced-key",
    "warning",
    "A key that is read elsewhere, and has no effect where it stands.",
    "move it; mostly it is indented too much or too little",
)
_define("unknown-key", "warning", "A key this engine does not act upon.", "remove it or correct its spelling")
_define(
    "respelled-source",
    "warning",
    "A value in 'with' is another spelling of an input, and is read as that input.",
    "write 'rest.name' or 'tools.name'",
)
_define(
    "misspelt-restriction",
    "warning",
    "A key that would restrict is misspelt, or stands where it is not read; what uses what it stands on is left out.",
    "correct its spelling or its place",
)
_define(
    "not-acted-on",
    "info",
    "A key of the published schemas that has no effect here, said once for each file.",
    "",
    once=True,
)
_define(
    "beyond-schema",
    "info",
    "What published documents write and no published schema has; it is acted upon.",
    "",
    once=True,
)
# What is consumed
_define("repeated-entry", "warning", "An entry stands in the document twice; it is read once.", "remove one of the two")
_define("no-base-uri", "warning", "A consumes entry names no baseUri.", "give one with --base-uri")
_define(
    "bad-base-uri",
    "warning",
    "A baseUri is not an http or https address; what calls it is left out.",
    "use an http(s) address without userinfo",
)
_define(
    "plaintext",
    "warning",
    "A credential would go over plain http to another machine.",
    "use https, or --allow-plaintext",
)
_define("unknown-auth", "warning", "No plugin offers this authentication type.", "see 'cap plugins'")
_define(
    "bad-auth",
    "warning",
    "An authentication option is wrong or missing; what needs it is left out.",
    "correct the option",
)
_define(
    "auth-supplies",
    "info",
    "A parameter is supplied by the authentication: it is no input, and what else names it has no effect.",
    "",
)
_define(
    "unbound-variable", "warning", "A variable is declared by no bind.", "declare it under binds, or give it with --set"
)
_define("unset-variable", "info", "A declared variable has no value.", "set it before serving")
_define("unknown-location", "error", "No plugin reads binds from this kind of location.", "see 'cap plugins'")
_define("bad-template", "warning", "A template is malformed.", "balance the braces; sections and {{{ are not templates")
_define(
    "loose-value",
    "warning",
    "A value of another type than its key takes, which can mean only one thing.",
    "write true, false or a number without quotes",
)
_define("no-method", "warning", "An operation names no method.", "name one")
_define(
    "unknown-method",
    "warning",
    "A method we do not know; it is used as it is written, or left out where HTTP cannot have it.",
    "use GET, POST, PUT, PATCH or DELETE",
)
_define(
    "guessed-place",
    "warning",
    "A consumed parameter does not say where it goes, or names no such place; it was guessed.",
    "write in: query, path, header, cookie or body",
)
_define(
    "unknown-type",
    "warning",
    "A parameter has a type we do not know; any value is taken.",
    "use string, integer, number, boolean, array or object",
)
_define("nameless-parameter", "warning", "A parameter without a name; it is never sent.", "name it, or remove it")
_define(
    "duplicate-parameter",
    "warning",
    "A parameter stands twice in one list; the last counts, or each place has the one value.",
    "keep one of the two",
)
_define("repeated-placeholder", "warning", "A path has a placeholder twice; both get one value.", "correct the path")
_define(
    "odd-slashes",
    "warning",
    "A path starts without a slash, or has two in a row.",
    "start it with one slash, and put one between segments",
)
_define("empty-resource", "warning", "A consumed resource has no operations.", "give it operations, or remove it")
# Calls
_define(
    "dangling-call",
    "warning",
    "A call names an operation that is not consumed here.",
    "name an operation of a consumes entry",
)
_define("malformed-call", "warning", "A call is not of the form namespace.operation.", "write namespace.operation")
_define(
    "ambiguous-call", "warning", "Several operations have the called name; one was chosen.", "give each its own name"
)
_define("undecidable-call", "warning", "Several operations have the called name and none fits best.", "rename them")
_define("no-call", "warning", "An exposed operation calls nothing.", "add call: namespace.operation")
_define(
    "lost-identifier",
    "warning",
    "An identifier of the caller would reach nothing.",
    "give it a place in the called operation",
)
_define("unbalanced-path", "warning", "A path has unbalanced braces, a fragment or a query.", "correct the path")
_define(
    "duplicate-route", "warning", "Two operations have the same method and path; the first is served.", "change one"
)
_define(
    "bad-input-place",
    "warning",
    "An exposed input would come from a place that no request has.",
    "use query, path, header, cookie or body",
)
_define("duplicate-name", "warning", "Two tools have the same name; the first is served.", "rename one")
_define(
    "unknown-parameter",
    "warning",
    "A 'with' key or input that the called operation does not declare.",
    "declare it on the called operation",
)
_define("empty-with", "warning", "A 'with' key has no value; nothing is sent.", "give it one, or remove it")
_define(
    "literal-source",
    "warning",
    "What looks like an input is plain text, by its spelling or because it stands inside a list or a mapping.",
    "write '{{tools.name}}' for the input of that name",
)
_define("inferred-input", "info", "An input taken from the called operation.", "")
_define("normalized-name", "info", "Two spellings of one name were matched.", "")
_define(
    "paired-placeholder",
    "info",
    "Placeholders of both paths were paired in order.",
    "write a 'with' to choose otherwise",
)
_define("bad-mapping", "warning", "An output mapping is not a JSONPath we can follow.", "correct the path")
_define(
    "outputs-of-bytes",
    "warning",
    "Outputs beside an outputRawFormat that is no data; they have no effect, and the caller gets the bytes.",
    "remove the outputs, or name the format of the data",
)
_define("unknown-format", "warning", "No plugin decodes this outputRawFormat.", "see 'cap plugins'")
_define(
    "bad-format-option",
    "warning",
    "What stands beside an outputRawFormat is wrong, missing, or means nothing to it.",
    "correct or remove it",
)
_define("bad-step", "warning", "A step that cannot be run as it is written.", "give it a name, and a call")
_define(
    "bad-output-value",
    "warning",
    "A fixed answer is not of the type of its output.",
    "write a value of that type, or correct the type",
)
# What the dialects have and this engine does not run yet
_define(
    "not-built-steps",
    "warning",
    "A step that looks something up or runs a script, which is not run yet.",
    "call operations instead",
)
_define(
    "not-built-mappings",
    "warning",
    "Mappings of what steps gave, which are not applied yet.",
    "map the answer of one call, with outputParameters",
)
_define(
    "not-built-ref",
    "warning",
    "A reference to an aggregate, which is not followed yet.",
    "call the operation that the aggregate calls",
)
_define(
    "not-built-aggregates",
    "warning",
    "Aggregates, which are not read yet; what refers to them is left out.",
    "write the calls where they are exposed",
)
_define(
    "not-built-mock",
    "warning",
    "A fixed value beside a call, which is not given yet.",
    "map the answer, or leave out the call for a fixed answer",
)
_define("not-built-const", "warning", "A constant that answers are not compared with yet.", "remove it")
_define(
    "not-built-input-value",
    "warning",
    "A fixed value of an exposed input, or a path to it in the body, which is not read yet.",
    "write a fixed value under 'with', a member of the body as an input of its name",
)
_define(
    "not-built-forward",
    "warning",
    "A resource that forwards requests, which is not done yet.",
    "write its operations out",
)
_define(
    "not-built-responses", "warning", "Declared responses, which are not kept to yet.", "remove them to serve without"
)
_define(
    "not-built-response-binary",
    "warning",
    "A declared binary response, which is not kept to yet.",
    "remove it to serve the upstream's answer as it is",
)
_define(
    "not-built-binary-limit",
    "warning",
    "A limit for binary answers over REST, which is not kept to yet.",
    "remove it",
)
_define(
    "not-built-import",
    "warning",
    "Something that stands in another file, which is not read yet.",
    "copy it into this document",
)
_define(
    "not-built-standalone",
    "warning",
    "What a file offers for others to import, which is not read yet.",
    "write it under 'capability'",
)
_define("unknown-protocol", "warning", "A consumes entry of another type than http.", "consume it over http")
_define("not-built-tunnel", "warning", "A tunnel to an upstream, which is not gone through yet.", "reach it directly")
_define("not-built-resources", "warning", "MCP resources, which are not served yet.", "offer what they hold as tools")
_define("not-built-prompts", "warning", "MCP prompts, which are not served yet.", "leave them to the client")
_define("not-built-stdio", "warning", "MCP over stdio, which is not served yet.", "connect over HTTP")
_define("not-built-skill", "warning", "A skill exposure, which is not served yet.", "expose tools of type mcp")
_define("not-built-control", "warning", "A control exposure, which is not served yet.", "use the pages of the gateway")
_define(
    "unsupported-body",
    "warning",
    "A body type this engine does not encode, or data that does not fit it.",
    "use json, form, multipart, text, xml, sparql or yaml",
)
_define("reserved-header", "warning", "A declared header that the gateway sets itself; it is no input.", "remove it")
_define(
    "alias-key",
    "warning",
    "A key is spelled as no published schema spells it; it is read as the schema's.",
    "use the schema's spelling",
    once=True,
)
_define(
    "alias-option",
    "warning",
    "An authentication is spelled as no published schema spells it; it is read as the schema's.",
    "use the schema's spelling",
    once=True,
)
_define(
    "alias-body",
    "warning",
    "A body type is spelled as no published schema spells it; it is read as the schema's.",
    "use json, text, xml, sparql, form or multipart",
    once=True,
)
_define(
    "literal-credential",
    "warning",
    "A credential stands in the document itself.",
    "bind it: '{{env.NAME}}', with NAME under binds",
)
_define(
    "base-uri-braces",
    "warning",
    "A variable of a base URI is not written {{NAME}}; it is read as one.",
    "write {{NAME}}",
    once=True,
)
_define(
    "bad-pattern",
    "warning",
    "A pattern is not a regular expression, or vast; the input is not checked by it.",
    "correct the pattern",
)
_define(
    "local-pattern",
    "warning",
    "A pattern is checked here, but clients cannot compile it (ECMA-262); it is not shown to them.",
    "write it without what only some programs know, such as (?i)",
)
_define(
    "bad-style",
    "warning",
    "A parameter has a style that its place does not have; it is written in the usual way.",
    "use form, spaceDelimited, pipeDelimited or deepObject in a query or a form, and simple elsewhere",
)
_define("empty-value", "warning", "A parameter has an empty value; it is not sent.", "give it one, or remove it")
_define(
    "bad-enum",
    "warning",
    "An allowed value is not of the type of its input, so nobody can give it.",
    "correct the value or the type",
)
_define(
    "bad-default",
    "warning",
    "A default is not a value that its input may have; it is neither sent nor shown.",
    "correct the default",
)
_define(
    "bad-header-name",
    "warning",
    "A consumed header has a name that HTTP does not allow; what sends it is left out.",
    "use letters, digits and hyphens",
)
_define(
    "uncovered-parameter",
    "warning",
    "A 'with' says nothing of a parameter the called operation requires; it is an input of its own.",
    "name it in 'with'",
)
_define(
    "respelled-key",
    "warning",
    "A 'with' key is another spelling of the called operation's parameter.",
    "spell both alike",
)
_define(
    "operation-path",
    "warning",
    "An operation has a path of its own, which the published schemas do not know; it follows the resource's.",
    "make it a resource",
    once=True,
)
_define(
    "body-and-parameters",
    "warning",
    "Beside a body template stand 'in: body' parameters; they only type its variables.",
    "leave one of them out",
    once=True,
)
# What is exposed
_define(
    "no-description",
    "info",
    "A tool that nothing describes; a model chooses tools by their descriptions.",
    "say in its 'description' what it does and when to use it",
)
_define("no-namespace", "warning", "An exposure has no namespace; its type is used.", "name one")
_define("bad-hints", "warning", "The hints of a tool cannot be read; they are derived instead.", "correct them")
_define(
    "contradicting-hints",
    "warning",
    "A tool is said to be both read-only and destructive.",
    "keep one of the two",
)
_define(
    "empty-exposure",
    "warning",
    "An exposure exposes nothing.",
    "give it operations, or remove it",
)
_define(
    "renamed-property",
    "warning",
    "MCP clients refuse the name of an input; they see another, and the original is accepted too.",
    "use letters, digits, '_', '.' and '-', at most 64",
)
_define("unknown-exposure", "error", "No plugin offers this exposure type.", "see 'cap plugins'")
_define(
    "no-port",
    "warning",
    "An exposure names no port; the default of its type is used.",
    "name a port, or serve with --port",
)
_define(
    "foreign-address",
    "warning",
    "An exposure names an address off loopback; --host decides.",
    "serve with --host to listen there",
)
_define("unknown-transport", "warning", "An MCP transport we do not know; HTTP is used.", "write http")
_define("bad-tool-name", "warning", "A tool name that MCP clients refuse.", "use letters, digits, - and _, at most 64")
_define(
    "long-tool-name", "warning", "A tool name over 48 characters; clients that prefix it may refuse it.", "shorten it"
)
_define(
    "shortened-tool-name",
    "warning",
    "Two tools have one name, and what would tell them apart makes it too long; it is shortened.",
    "give the tool a name of its own, or shorten the names of the file and the namespace",
)
_define(
    "bare-delete",
    "warning",
    "A tool deletes something and takes no input that says what; a model may call it without more ado.",
    "leave the tool out, or give the called operation a placeholder or a parameter",
)
_define(
    "opaque-body",
    "info",
    "A tool takes a body of which nothing is declared; a model has to guess what it holds.",
    "declare its members as 'in: body' parameters of the called operation",
)
_define(
    "untyped-member",
    "info",
    "A tool takes an input that may be of any type; some clients refuse such tools.",
    "give it a type",
)
_define(
    "cut-description",
    "info",
    "A description ends in the middle, at a length at which catalogues cut texts.",
    "write it to its end",
)
_define("nothing-live", "error", "Nothing in the document can be served.", "add an exposes entry with operations")
