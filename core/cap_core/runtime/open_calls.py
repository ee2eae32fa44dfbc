"""Opens each call of a plan: compiles its requests, their sending and the reading of answers to one function."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping

from cap_core.errors import CapError, OptionError, Refusal
from cap_core.logging.lazy_logger import get_logger
from cap_core.logging.redaction import MASK
from cap_core.plan.call import Call
from cap_core.plan.flow import CallStep, Composed
from cap_core.plan.input_types import InputType
from cap_core.plan.plan import CapabilityPlan
from cap_core.plan.request import Request
from cap_core.plan.values import Binding, Value, leaves
from cap_core.plugins.context import Run, Send
from cap_core.plugins.guard import Source
from cap_core.plugins.interception import Interceptor
from cap_core.plugins.registry import Registry
from cap_core.runtime import output_format
from cap_core.runtime.concealment import Conceal, compile_conceal, credentials_of
from cap_core.runtime.connections import Connection, Connector
from cap_core.runtime.execute import OpenedStep, compile_composed, compile_flow
from cap_core.runtime.interception import intercepted_run, intercepted_send
from cap_core.runtime.options import OpenOptions
from cap_core.runtime.reading import Reader, Reading
from cap_core.runtime.refusals import not_set, refusing, unprotected
from cap_core.runtime.request import compile_request
from cap_core.runtime.send import Sending, compile_send
from cap_core.runtime.values import compile_json
from cap_core.runtime.workers import Workers

_log = get_logger("cap.open")


class CallOpener:
    """Opens the calls of one capability, with the values of its variables."""

    def __init__(
        self,
        plan: CapabilityPlan,
        values: Mapping[Binding, str],
        registry: Registry,
        options: OpenOptions,
        connector: Connector,
        workers: Workers,
    ) -> None:
        self._plan = plan
        self._values = values
        self._registry = registry
        self._options = options
        self._connector = connector
        self._workers = workers
        self._warned: set[str] = set()
        # Most operations of an upstream have the same credentials, and the function that hides them costs to make.
        self._conceals: dict[tuple[frozenset[str], str], Conceal] = {}

    async def open(self, call: Call) -> Run:
        """The function that runs a call. If something is not configured, it refuses every call.

        Raises `CapError` for an option that its format refuses.
        """
        result = call.flow.result
        run = self._composed(call, result) if isinstance(result, Composed) else await self._flow(call)
        wrappers = [
            (source, f"wrap_call of the interceptor {interceptor.key}", functools.partial(interceptor.wrap_call, call))
            for source, interceptor in self._interceptors()
        ]
        return intercepted_run(call, run, wrappers)

    def _interceptors(self) -> Iterator[tuple[Source | None, Interceptor]]:
        """The interceptors and whose they are (None: the core's own), the innermost first."""
        for interceptor in reversed(self._registry.interceptors):
            yield self._registry.sources.get(f"interceptor {interceptor.key}"), interceptor

    def _composed(self, call: Call, result: Composed) -> Run:
        unset = [binding for binding in _bindings(result.value) if binding not in self._values]
        if unset:
            return refusing(not_set(unset, self._plan))
        return compile_composed(compile_json(result.value, self._values, _types(call)), result.outputs)

    async def _flow(self, call: Call) -> Run:
        steps: list[OpenedStep] = []
        for step in call.flow.steps:
            opened = await self._step(call, step)
            if isinstance(opened, Refusal):
                return refusing(opened)
            steps.append(opened)
        run = compile_flow(steps, limit=self._options.limits.answer)
        media_type = output_format.media_type(steps[-1].step.request.operation) if call.identity else None
        return run if media_type is None else output_format.named(run, media_type)

    async def _step(self, call: Call, step: CallStep) -> OpenedStep | Refusal:
        """The opened step, or the refusal if it cannot be run."""
        request, values = step.request, self._values
        connection = await self._connector.connect(request.operation.consumed)
        if isinstance(connection, Refusal):
            return connection
        unset = [binding for field in request.fields for binding in _bindings(field.value) if binding not in values]
        if connection.local:
            values = {**values, **dict.fromkeys(unset, MASK)}
        elif unset:
            return not_set(list(dict.fromkeys(unset)), self._plan)
        elif (refusal := unprotected(request, connection.base, values, self._options)) is not None:
            self._warn_once(request, refusal)
            return refusal
        reads = step.decode is not None
        upstream = self._options.upstream(request.operation.consumed)
        origin = connection.base.text.removesuffix(connection.base.path)
        send = compile_send(
            request.operation,
            compile_request(
                request, _types(call), connection.base.path, connection.credentials, values, identity=not reads
            ),
            Sending(
                send=self._intercepted(request, connection),
                sender=connection.sender,
                origin=origin,
                conceal=self._concealing(credentials_of(request, connection.credentials, values), origin),
                workers=self._workers,
                total=self._options.collecting if upstream.timeouts.total is None else None,
            ),
            reads=reads,
            limit=self._options.limits.answer,
        )
        return OpenedStep(step, send, self._reader(call, step))

    def _concealing(self, secrets: frozenset[str], origin: str) -> Conceal:
        found = self._conceals.get((secrets, origin))
        if found is None:
            found = self._conceals[secrets, origin] = compile_conceal(secrets, origin)
        return found

    def _warn_once(self, request: Request, refusal: Refusal) -> None:
        """Log once why a namespace's calls are refused."""
        namespace = request.operation.consumed.key
        if namespace not in self._warned:
            self._warned.add(namespace)
            _log.warning(f"{refusal.detail}; every such call answers 503; {refusal.hint}")

    def _reader(self, call: Call, step: CallStep) -> Reader | None:
        if step.decode is None:
            return None
        operation = step.request.operation
        last = step is call.flow.steps[-1]
        reading = Reading(
            mapper=self._registry.output_mappers[step.decode.format],
            options=step.decode.options,
            operation=operation,
            outputs=call.outputs if last else step.outputs,
            strict=last and self._options.strict_outputs,
        )
        try:
            return Reader(reading, self._workers)
        except OptionError as error:
            at = operation.marks.get(error.option, operation.at)
            raise CapError(error.what, at=at, hint=error.hint, code="bad-format-option") from None

    def _intercepted(self, request: Request, connection: Connection) -> Send:
        wrappers = [
            (
                source,
                f"wrap_send of the interceptor {interceptor.key}",
                functools.partial(interceptor.wrap_send, request.operation),
            )
            for source, interceptor in self._interceptors()
        ]
        return intercepted_send(connection.send, [*connection.flow, *wrappers])


def _bindings(value: Value) -> list[Binding]:
    return [leaf for leaf in leaves(value) if isinstance(leaf, Binding)]


def _types(call: Call) -> Mapping[str, InputType]:
    return {item.name: item.of for item in call.inputs.items}
