"""Rules and routes of a file with their names resolved."""

from __future__ import annotations

from collections.abc import Mapping

from softswitch.dialplan.conditions import CONDITIONS, Condition, Names
from softswitch.dialplan.models import RouteModel, RuleModel, ThenModel
from softswitch.dialplan.names import Directory
from softswitch.dialplan.outcome import Outcome
from softswitch.dialplan.plan import Route, RouteStep, Rule, Target, ToEnd
from softswitch.dialplan.source import Part, Source, suggestion
from softswitch.dialplan.step import Reject


class Routes:
    """Resolves what one person or team of a file says; each problem is reported where it stands."""

    def __init__(self, source: Source, directory: Directory, person: str = "") -> None:
        self.source = source
        self.directory = directory
        self.person = person

    def rules(self, written: list[RuleModel], names: Names) -> tuple[Rule, ...]:
        """The `calls` of the person."""
        rules: list[Rule] = []
        above = 0  # the first rule that fits every call, counted from 1
        for index, model in enumerate(written):
            path: tuple[Part, ...] = ("people", self.person, "calls", index)
            if above and above == index:
                self.source.warn(f"from here on no rule can be reached: rule {above} fits every call", *path)
            if not model.conditions and not above:
                above = index + 1
            conditions = self._conditions(model, path, names)
            number = f"rule {index + 1} of {self.person}"
            words = " and ".join(condition.words for condition in conditions)
            rules.append(
                Rule(
                    tuple((c, f"{number} does not fit: the call is not {c.words}") for c in conditions),
                    f"{number} fits: the call is {words}" if words else f"{number} fits every call",
                    self.route(model, path),
                )
            )
        return tuple(rules)

    def route(self, model: RouteModel, path: tuple[Part, ...]) -> Route:
        """The steps of a short or long form."""
        if model.steps is not None:
            if model.ring is not None or model.ring_seconds is not None or model.then is not None:
                self.source.error("steps: says all; write ring, for and then inside of it", *path, "steps")
            steps = enumerate(model.steps)
            return tuple(one for n, step in steps for one in self.route(step, (*path, "steps", n)))
        if model.ring is None:
            if not self.source.has_dropped_from(*path):
                self.source.error("this does not say whom to ring", *path)
            return ()
        targets = tuple(self._targets(model.ring, (*path, "ring")))
        end = next((target.step for target in targets if isinstance(target, ToEnd)), None)
        what = "a rejection" if isinstance(end, Reject) else "what the switch answers itself"
        if end is not None and len(targets) > 1:
            self.source.error(f"{what} stands alone, not beside others to ring", *path, "ring")
        if end is not None and model.then is not None:
            self.source.error_at_key(f"nothing can follow {what}", *path, "then")
        then = self.then(model.then, (*path, "then"))
        words = " and ".join(model.ring)
        return (RouteStep(targets, words, model.ring_seconds, then),) if targets else ()

    def then(self, model: ThenModel | None, path: tuple[Part, ...]) -> Mapping[Outcome, Route]:
        """What follows each outcome; empty routes are left out, their problems are reported."""
        routes: dict[Outcome, Route] = {}
        for word, route_model in model.routes.items() if model else ():
            route = self.route(route_model, (*path, word))
            outcomes = [outcome for outcome in Outcome if word in ("", outcome.value)]
            if not outcomes:
                near = suggestion(word, [outcome.value for outcome in Outcome])
                self.source.error_at_key(f'no outcome "{word}"{near}', *path, word)
            if route:
                routes |= dict.fromkeys(outcomes, route)
        return routes

    def _conditions(self, model: RuleModel, path: tuple[Part, ...], names: Names) -> list[Condition]:
        conditions: list[Condition] = []
        for key, texts in model.conditions.items():
            good: list[str] = []
            for index, text in enumerate(texts):
                try:
                    CONDITIONS[key]([text], names)
                    good.append(text)
                except ValueError as error:
                    self.source.refuse(error, *path, key, index)
            if good:
                conditions.append(CONDITIONS[key](good, names))
        return conditions

    def _targets(self, texts: list[str], path: tuple[Part, ...]) -> list[Target]:
        targets: list[Target] = []
        for index, text in enumerate(texts):
            try:
                targets.append(self.directory.target(text, self.person))
            except ValueError as error:
                self.source.refuse(error, *path, index)
        return targets
