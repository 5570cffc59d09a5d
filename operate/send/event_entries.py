"""Compare events and the rule with the entries of event_mappings.toml."""

from dataclasses import dataclass
from difflib import get_close_matches

from operate.stack import Stack
from operate.terminal.masking import is_safe
from personal_link.domain import strict_json
from personal_link.triggers import event_mappings
from personal_link.triggers.envelopes import is_request


@dataclass(frozen=True, slots=True)
class Heard:
    """The events that the stack's rule matches, and the entries that it does not match."""

    bus: str
    detail_types: list[str]
    sources: str  # empty: any
    not_heard: list[str]  # empty if the entries are not here


def heard(stack: Stack) -> Heard:
    """Return what the rule of a stack listens to, from its parameters."""
    kinds = [kind.strip() for kind in stack.parameters.get("EventDetailType", "").split(",") if kind.strip()]
    known = set() if stack.has_mappings_elsewhere else _detail_types(stack.mappings)
    bus, sources = stack.parameters.get("EventBusName", "default"), stack.parameters.get("EventSources", "")
    return Heard(bus, kinds, sources, sorted(known - set(kinds)))


def _detail_types(mappings: event_mappings.EventMappings) -> set[str]:
    return {entry.detail_type for entry in mappings.entries.values()}


def no_entry(body: str, stack: Stack) -> str | None:
    """Return what to say of an event without an entry; None if the body is another thing.

    A detail-type that does not look like a name is not shown: it may hold anything.
    """
    try:
        event = strict_json.parse(body)
    except ValueError:
        return None
    if not isinstance(event, dict) or "detail-type" not in event or is_request(event.get("detail")):
        return None
    if stack.map_event(event) is not None:
        return None
    kind = event["detail-type"]
    shown = f'"{kind}"' if isinstance(kind, str) and is_safe(kind) else "its detail-type"
    known = sorted(_detail_types(stack.mappings))
    nearest = get_close_matches(str(kind), known, n=1)
    hint = f'; nearest: "{nearest[0]}"' if nearest else ""
    return f"no entry for {shown}{hint}; entries: {', '.join(known)}"
