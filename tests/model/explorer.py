"""Every interleaving of some deliveries with some faults, and what may never be seen on the way.

A state is what lies in AWS and at the vendor, and the answers that each delivery has got. States that were seen before
are not looked at again, so the search ends.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from personal_link.aws.ledger import CONTENT_KEY_LIFE
from personal_link.issue_link import MAYBE_MADE
from tests.model.deliveries import LIMIT, START, Answer, Call, Delivery, End, next_of
from tests.model.ledger_table import Item, LedgerTable

FREEZE: Final = 60.0  # seconds: longer than a lease
_NOTHING: Final = {"S": '{"id": "of none"}'}
CLOSING: Final = 150.0  # seconds until the closing delivery


@dataclass(frozen=True, slots=True)
class Scenario:
    """Deliveries of one request, the last of which comes when all others have ended."""

    deliveries: tuple[Delivery, ...]
    faults: int
    made_before: bool = False  # somebody else's record of the contact is there
    item: str = ""  # JSON, of an earlier life
    pauses: tuple[float, ...] = ()  # seconds that may pass between two deliveries
    freeze: float = FREEZE  # seconds for which an environment may be frozen in the middle of one


@dataclass(frozen=True, slots=True)
class World:
    """A state."""

    at: tuple[int | End, ...]  # per delivery: the number of its answers' history, or how it ended
    now: float = START
    item: str = ""  # JSON
    made: str = ""  # whose record CustomerGauge has
    results: tuple[str, ...] = ()  # bodies, `replayed` left out
    late: tuple[Call, ...] = ()  # writes that are still under way although their callers saw them fail
    begun: tuple[tuple[int, float], ...] = ()  # attempts in flight, by delivery, since when
    down: frozenset[int] = frozenset()  # deliveries that DynamoDB answers no more
    early: bool = False  # a result was sent that the ledger did not have
    ledger_faults: int = 0
    spent: int = 0


class Wrong(Exception):
    """What may never be seen."""


class Explorer:
    """Searches a scenario through."""

    def __init__(self, scenario: Scenario, table: LedgerTable) -> None:
        self._scenario = scenario
        self._table = table
        self._deliveries = scenario.deliveries
        self._closing = len(scenario.deliveries) - 1
        self._key = scenario.deliveries[0].key
        self._histories: list[tuple[Answer, ...]] = [()]
        self._numbers: dict[tuple[int, Answer], int] = {}
        self._next: dict[tuple[int, int], Call | End] = {}
        self.states = 0
        self.ends: set[tuple[str, ...]] = set()  # the codes that were told together

    def problems(self) -> Iterator[str]:
        """Yield what is wrong, each with the way that leads to it; `states` and `ends` are whole after the last."""
        start = World(
            at=(0,) * len(self._deliveries),
            item=self._scenario.item,
            made="somebody else" if self._scenario.made_before else "",
        )
        # By hash, since the worlds would fill the memory. Among millions, two of one hash are one chance in a million.
        came_from: dict[int, tuple[int, str] | None] = {hash(start): None}
        to_do = [start]
        while to_do:
            world = to_do.pop()
            try:
                for step, after in self._successors(world):
                    if (mark := hash(after)) not in came_from:
                        came_from[mark] = (hash(world), step)
                        to_do.append(after)
            except Wrong as wrong:
                yield f"{wrong}: {', '.join(_way(came_from, hash(world)))}"
            self.states = len(came_from)

    def _successors(self, world: World) -> Iterator[tuple[str, World]]:
        open_ones = [one for one, at in enumerate(world.at[: self._closing]) if not isinstance(at, End)]
        for number, call in enumerate(world.late):
            rest = replace(world, late=world.late[:number] + world.late[number + 1 :])
            yield f"late {call.to}", self._carried_out(rest, call, -1)[0]
        if not open_ones:
            self._close(world)
            return
        for one in open_ones:
            yield from self._steps(world, one)
        in_flight = [one for one in open_ones if world.at[one] != 0]
        if in_flight and world.spent < self._scenario.faults:
            yield "freeze", replace(world, now=world.now + self._scenario.freeze, spent=world.spent + 1)
        if not in_flight and len(open_ones) < self._closing and world.now == START:
            for pause in self._scenario.pauses:
                yield f"{pause:g} s", replace(world, now=world.now + pause)

    def _steps(self, world: World, one: int) -> Iterator[tuple[str, World]]:
        """Yield what may become of a delivery's next call."""
        number = world.at[one]
        assert isinstance(number, int)
        call, name = self._next_of(one, number), self._deliveries[one].name
        assert isinstance(call, Call)
        if call.to == "ledger" and one in world.down:
            yield f"{name} {call.to} down", self._answered(world, one, "error")
            return
        after, kind, content = self._carried_out(world, call, one)
        yield f"{name} {call.to} {kind}", self._answered(after, one, kind, content)
        if call.to == "start" or world.spent == self._scenario.faults:
            return
        worse = replace(world, spent=world.spent + 1)
        carried_out = replace(after, spent=after.spent + 1)
        yield f"{name} dies after {call.to}", self._ended(carried_out, one, End("dead"))
        match call.to:
            case "ledger":
                worse = replace(worse, ledger_faults=world.ledger_faults + 1)
                lost = replace(carried_out, ledger_faults=world.ledger_faults + 1)
                yield f"{name} ledger fails", self._answered(worse, one, "error")
                yield f"{name} ledger's answer lost", self._answered(lost, one, "error")
                yield f"{name} ledger late", self._answered(replace(worse, late=(*world.late, call)), one, "error")
                down = replace(worse, down=world.down | {one}, ledger_faults=world.ledger_faults + 2)
                yield f"{name} ledger down", self._answered(down, one, "error")
                twice, again, what = self._carried_out(carried_out, call, one)
                yield f"{name} ledger's answer lost, repeated", self._answered(twice, one, again, what)
            case "vendor":
                yield f"{name} vendor 503", self._answered(worse, one, "unavailable")
                yield f"{name} vendor reset", self._answered(worse, one, "no answer")
                yield f"{name} vendor gone", self._answered(worse, one, "gone")
                yield f"{name} vendor late", self._answered(replace(worse, late=(*world.late, call)), one, "no answer")
                if kind == "link":
                    yield f"{name} vendor's answer lost", self._answered(carried_out, one, "no answer")
                    yield f"{name} vendor's link lost", self._answered(carried_out, one, "no link")
            case _:
                yield f"{name} {call.to} fails", self._answered(worse, one, "error")
                yield f"{name} {call.to}'s answer lost", self._answered(carried_out, one, "error")

    def _close(self, world: World) -> None:
        """Deliver once more, undisturbed, and look at what is left."""
        world = replace(world, now=world.now + CLOSING, spent=self._scenario.faults)
        for _ in range(3):
            world = replace(world, at=(*world.at[:-1], 0), now=world.now + CLOSING)
            while not isinstance(at := world.at[-1], End):
                call = self._next_of(self._closing, at)
                assert isinstance(call, Call)
                world, kind, content = self._carried_out(world, call, self._closing)
                world = self._answered(world, self._closing, kind, content)
            if at.how == "told":
                break
        else:
            raise Wrong("it never ends")
        told = [json.loads(body) for body in world.results]
        if not told:
            raise Wrong("no result")
        if self._is_ours(world) and not self._may_be_forgotten(world) and not any(map(_tells_of_a_record, told)):
            raise Wrong("a record was made of which no result tells")
        self.ends.add(tuple(sorted(result.get("error", {"code": "created"})["code"] for result in told)))

    def _carried_out(self, world: World, call: Call, one: int) -> tuple[World, str, str]:
        """Return the world after a call, and what it answers. Raises Wrong."""
        match call.to:
            case "start":
                return world, "start", ""
            case "ledger":
                return self._write(world, call.arguments, one)
            case "vendor":
                if world.made:
                    return world, "duplicate", ""
                name = self._deliveries[one].name if one >= 0 else self._deliveries[0].name
                return replace(world, made=name), "link", name
            case _:
                for body in json.loads(call.arguments):
                    world = self._told(world, json.loads(body))
                return world, "ok", ""

    def _write(self, world: World, write: str, one: int) -> tuple[World, str, str]:
        arguments = json.loads(write)
        item = json.loads(world.item) if world.item else None
        if item is not None and item["pk"] != arguments.get("Key", arguments.get("Item"))["pk"]:
            return world, "refused", ""  # only asked for: the key that the request had in an earlier version
        after = self._table.after(world.item, write)
        if after is None:
            return world, "refused", world.item
        alive = item is not None and "outcome" in item and float(item["expires_at"]["N"]) >= world.now
        if alive and item is not None and json.loads(after).get("outcome") != item["outcome"]:
            raise Wrong("an outcome is overwritten")
        begun = tuple(other for other in world.begun if other[0] != one)
        if "Item" in arguments and one >= 0:
            for other, since in begun:
                if world.now - since < LIMIT:
                    raise Wrong(f"{self._deliveries[other].name} and {self._deliveries[one].name} attempt it at once")
            begun = (*begun, (one, self._started_at(world, one)))
        return replace(world, item=after, begun=begun), "ok", ""

    def _is_ours(self, world: World) -> bool:
        return world.made in {delivery.name for delivery in self._deliveries}

    def _may_be_forgotten(self, world: World) -> bool:
        """Tell whether a key of the content is forgotten although its result was not told.

        Accepted (docs/architecture.md): the environment died before it could send it, or keep what it could not send.
        """
        failed = world.ledger_faults > 0 or End("dead") in world.at
        return not self._key and failed and world.now - START > CONTENT_KEY_LIFE

    def _started_at(self, world: World, one: int) -> float:
        at = world.at[one]
        assert isinstance(at, int)
        return self._histories[at][0].at

    def _told(self, world: World, result: Item) -> World:
        """Return the world with one more result. Raises Wrong if it cannot be told beside the others."""
        body = json.dumps({**result, "replayed": None})  # in its own order: the bytes count
        if body in world.results:
            return world
        stored = json.loads(world.item).get("outcome", _NOTHING)["S"] if world.item else _NOTHING["S"]
        kept = {**json.loads(stored), "replayed": result["replayed"]}
        is_kept = result["attempts"] == 0 or all(result.get(name) == value for name, value in kept.items())
        early = world.early or not is_kept
        others = [json.loads(other) for other in world.results]
        codes = {other.get("error", {"code": "created"})["code"] for other in others}
        is_new = not self._key and any(map(_tells_of_a_record, others))
        if (
            result.get("error", {}).get("code") == "duplicate_record"
            and self._is_ours(world)
            and not is_new
            and not self._may_be_forgotten(world)
        ):
            raise Wrong("a link of ours is called a duplicate")
        # Accepted (docs/architecture.md): the ledger failed from the vendor's answer until after the sending.
        if any(other["id"] == result["id"] for other in others) and not (early and world.ledger_faults > 1):
            raise Wrong(f"two results of one id: {sorted(codes)} and {result['status']}")
        return replace(world, results=tuple(sorted((*world.results, body))), early=early)

    def _answered(self, world: World, one: int, kind: str, content: str = "") -> World:
        at = world.at[one]
        assert isinstance(at, int)
        answer = Answer(kind, world.now, content)
        number = self._numbers.setdefault((at, answer), len(self._histories))
        if number == len(self._histories):
            self._histories.append((*self._histories[at], answer))
        step = self._next_of(one, number)
        if isinstance(step, End):
            return self._ended(world, one, step)
        return replace(world, at=(*world.at[:one], number, *world.at[one + 1 :]))

    def _ended(self, world: World, one: int, end: End) -> World:
        if end.how == "told" and not world.results:
            raise Wrong("a caller is answered without a result")
        begun = tuple(other for other in world.begun if other[0] != one)
        return replace(world, at=(*world.at[:one], end, *world.at[one + 1 :]), begun=begun)

    def _next_of(self, one: int, number: int) -> Call | End:
        if (one, number) not in self._next:
            self._next[one, number] = next_of(self._deliveries[one], self._histories[number])
        return self._next[one, number]


def _tells_of_a_record(result: Item) -> bool:
    """Tell whether a result says that CustomerGauge has, or may have, a record of the request."""
    return result["status"] in {"created", "unknown"} or MAYBE_MADE in result["error"]["message"]


def _way(came_from: dict[int, tuple[int, str] | None], world: int) -> list[str]:
    steps = []
    while (before := came_from[world]) is not None:
        world, step = before
        steps.append(step)
    return steps[::-1]
