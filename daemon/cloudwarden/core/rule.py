"""Rules: pure functions whose signature says what they judge and what they need to know."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Generic, ParamSpec, TypeVar, cast, get_type_hints, overload

from cloudwarden.core.errors import RuleError
from cloudwarden.core.evidence import Evidence
from cloudwarden.core.fingerprint import fingerprint, function_fingerprint
from cloudwarden.core.params import Params
from cloudwarden.core.resource import Resource
from cloudwarden.core.verdict import Violation

R = TypeVar("R", bound=Resource)
P = TypeVar("P", bound=Params)
S = TypeVar("S", bound=Resource)
E = ParamSpec("E")
E1 = TypeVar("E1", bound=Evidence)
E2 = TypeVar("E2", bound=Evidence)
E3 = TypeVar("E3", bound=Evidence)
E4 = TypeVar("E4", bound=Evidence)


@dataclass(frozen=True, kw_only=True)
class Rule(Generic[R, P, E]):
    """A rule, and what its signature says: the kind it judges, its params, its evidence.

    Call it like the function it was: `rule(resource, params, *evidence)`.
    """

    function: Callable[..., Violation | None]
    name: str
    resource: type[R]
    params: type[P]
    evidence: tuple[type[Evidence], ...]

    def __call__(self, resource: R, params: P, /, *evidence: E.args, **named: E.kwargs) -> Violation | None:
        return self.function(resource, params, *evidence, **named)

    def on(self, kind: type[S]) -> Rule[S, P, E]:
        """The same rule for one kind only; for a rule written for every `Resource`."""
        if not issubclass(kind, self.resource):
            raise RuleError(
                f"rule {self.name!r} judges {self.resource.__name__}, which {kind.__name__} is not: "
                f"use a rule written for {kind.__name__} or for Resource"
            )
        return cast("Rule[S, P, E]", replace(self, resource=kind))

    @cached_property
    def fingerprint(self) -> str:
        """Changes when what the rule says may: with its code and all that this reaches, and with its signature."""
        kind = (self.resource.kind, self.resource.__qualname__)
        return fingerprint(function_fingerprint(self.function), kind, self.params, self.evidence)


@overload
def rule(function: Callable[[R, P], Violation | None]) -> Rule[R, P, []]: ...
@overload
def rule(function: Callable[[R, P, E1], Violation | None]) -> Rule[R, P, [E1]]: ...
@overload
def rule(function: Callable[[R, P, E1, E2], Violation | None]) -> Rule[R, P, [E1, E2]]: ...
@overload
def rule(function: Callable[[R, P, E1, E2, E3], Violation | None]) -> Rule[R, P, [E1, E2, E3]]: ...
@overload
def rule(function: Callable[[R, P, E1, E2, E3, E4], Violation | None]) -> Rule[R, P, [E1, E2, E3, E4]]: ...
def rule(function: Callable[..., Violation | None]) -> object:
    """Make a rule of a function `(resource, params, *evidence) -> Violation | None`.

    Raises RuleError, saying what to write, when the signature does not say what to gather.
    """
    name = function.__name__
    try:
        hints = get_type_hints(function)
    except NameError as error:
        raise RuleError(f"rule {name!r}: {error}; import the type that the signature names") from error
    parameters = list(inspect.signature(function).parameters.values())
    if len(parameters) < 2:
        raise RuleError(f"rule {name!r} takes {len(parameters)} parameters: write (resource, params, *evidence)")
    if wrong := [
        p.name for p in parameters if p.kind is not inspect.Parameter.POSITIONAL_OR_KEYWORD or p.default is not p.empty
    ]:
        raise RuleError(f"rule {name!r}: {', '.join(wrong)} must be plain parameters without defaults")
    kinds = [_parameter_type(name, parameter.name, hints) for parameter in parameters]
    if issubclass(kinds[1], Evidence):
        raise RuleError(
            f"rule {name!r} takes no params before its evidence {parameters[1].name!r}; write (resource, params, "
            "*evidence), with a subclass of cloudwarden.Params for params, were it an empty one"
        )
    resource, params, *evidence = kinds
    _expect(name, parameters[0].name, resource, Resource, "a kind of resource, such as ec2.Instance")
    _expect(name, parameters[1].name, params, Params, "a subclass of cloudwarden.Params")
    for parameter, kind in zip(parameters[2:], evidence, strict=True):
        _expect(name, parameter.name, kind, Evidence, "a kind of evidence, such as ec2.Activity or Now")
    return Rule(function=function, name=name, resource=resource, params=params, evidence=tuple(evidence))


def _parameter_type(rule_name: str, parameter: str, hints: dict[str, object]) -> type:
    hint = hints.get(parameter)
    if not isinstance(hint, type):
        raise RuleError(f"rule {rule_name!r}: annotate {parameter!r} with one class (it has {hint!r})")
    return hint


def _expect(rule_name: str, parameter: str, kind: type, wanted: type, description: str) -> None:
    if not issubclass(kind, wanted):
        words = f"parameter {parameter!r} is annotated with {kind.__name__}"
        raise RuleError(f"rule {rule_name!r}: {words}; it must be {description}")
