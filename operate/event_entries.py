"""Tell when an event has no entry in event_mappings.toml, and which entry is the nearest."""

from difflib import get_close_matches

from operate.masking import is_safe
from operate.stack import Stack
from personal_link.domain import strict_json
from personal_link.triggers import event_mappings
from personal_link.triggers.envelopes import is_request


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
    mappings = event_mappings.load()
    if mappings.apply(event) is not None:
        return None
    kind = event["detail-type"]
    shown = f'"{kind}"' if isinstance(kind, str) and is_safe(kind) else "its detail-type"
    if stack.parameters.get("MappingsLayerArn"):
        return f"no entry for {shown}: see event_mappings.toml in your MappingsLayerArn"
    known = sorted({entry.detail_type for entry in mappings.entries.values()})
    nearest = get_close_matches(str(kind), known, n=1)
    hint = f'; nearest: "{nearest[0]}"' if nearest else ""
    return f"no entry for {shown}{hint}; entries: {', '.join(known)}"
