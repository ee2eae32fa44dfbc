"""Each call of a plan as a function that runs it: its request, its sending and its answer compiled together."""

from __future__ import annotations

from collections.abc import Mapping

from cap_core.errors import CapError, OptionError, Refusal
from cap_core.logging.lazy_logger import get_logger
from cap_core.logging.redaction import MASK
from cap_core.plan.call import Call
from cap_core.plan.plan import CapabilityPlan
from cap_core.plan.values import Binding, leaves
from cap_core.plugins.context import Run, Send
from cap_core.plugins.registry import Registry
from cap_core.runtime import output_format
from cap_core.runtime.connections import Connection
from cap_core.runtime.execute import Decode, compile_run
from cap_core.runtime.options import OpenOptions
from cap_core.runtime.refusals import not_set, refusing, unprotected
from cap_core.runtime.request import compile_request
from cap_core.runtime.send import compile_send

_log = get_logger("cap.open")


class CallOpener:
    """Opens the calls of one capability, with the values of its variables."""

    def __init__(
        self, plan: CapabilityPlan, values: Mapping[Binding, str], registry: Registry, options: OpenOptions
    ) -> None:
        self._plan = plan
        self._values = values
        self._registry = registry
        self._options = options
        self._warned: set[str] = set()

    def open(self, call: Call, connection: Connection | Refusal) -> Run:
        """The function behind a call; one that refuses where something is not configured.

        Raises `CapError` for an option of its format that does not fit.
        """
        run = refusing(connection) if isinstance(connection, Refusal) else self._run(call, connection)
        for interceptor in reversed(self._registry.interceptors):
            run = interceptor.wrap_call(call, run)
        return run

    def _run(self, call: Call, connection: Connection) -> Run:
        values = self._values
        used = [leaf for field in call.fields for leaf in leaves(field.value) if isinstance(leaf, Binding)]
        unset = list(dict.fromkeys(binding for binding in used if binding not in values))
        if connection.local:
            values = {**values, **dict.fromkeys(unset, MASK)}
        elif unset:
            return refusing(not_set(unset, self._plan))
        elif (refusal := unprotected(call, connection.base, values, self._options)) is not None:
            self._warn_once(call, refusal)
            return refusing(refusal)
        limit = self._options.limits.answer
        step = compile_send(
            call.operation,
            compile_request(call, connection.base.path, connection.credentials, values),
            self._intercepted(call, connection.send),
            origin=connection.base.text.removesuffix(connection.base.path),
            reads=not call.identity,
            limit=limit,
        )
        decode = None if call.identity else self._decoder(call)
        run = compile_run(call, step, decode, limit=limit, strict=self._options.strict_outputs)
        media_type = output_format.media_type(call.operation) if call.identity else None
        return run if media_type is None else output_format.named(run, media_type)

    def _warn_once(self, call: Call, refusal: Refusal) -> None:
        """Log why a namespace's calls are refused."""
        namespace = call.operation.consumed.key
        if namespace not in self._warned:
            self._warned.add(namespace)
            _log.warning(f"{refusal.detail}; every such call answers 503; {refusal.hint}")

    def _decoder(self, call: Call) -> Decode:
        try:
            return output_format.decoder(self._registry.output_mappers[call.operation.format], call)
        except OptionError as error:
            at = call.operation.marks.get(error.option, call.operation.at)
            raise CapError(error.what, at=at, hint=error.hint, code="bad-format-option") from None

    def _intercepted(self, call: Call, send: Send) -> Send:
        for interceptor in reversed(self._registry.interceptors):
            send = interceptor.wrap_send(call.operation, send)
        return send
