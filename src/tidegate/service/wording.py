"""What people read of messages: text for Slack and for e-mail.

No media and no link to any: what is shown is what was decided of an item and why, and a link to
the console, where whoever may see more logs in. Names that come from outside are made visible,
and mean nothing to Slack.
"""

from collections.abc import Sequence

from tidegate.report.visible import visible
from tidegate.service.envelope import Message

CONSOLE = "/console/items/"
"""Where the console shows an item."""

MOST = 20
"""Messages of a digest that are shown; the rest is counted."""

MOST_REASONS = 3
"""Reasons of each that are shown."""

_SLACK = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def link(message: Message, url: str) -> str | None:
    """Return where the console shows what a message is about.

    Args:
        message: The message.
        url: How browsers reach the service.
    """
    return None if message.item is None else f"{url}{CONSOLE}{message.item.id}"


def title(message: Message) -> str:
    """Return a message in one line."""
    match message.event:
        case "item.decided" | "item.reversed" if message.decision is not None:
            return f"{_action(message)}: {_item(message)}"
        case "item.failed":
            return f"could not be judged: {_item(message)}"
        case "appeal.opened":
            return f"appeal against a decision: {_item(message)}"
        case "appeal.decided" if message.appeal is not None:
            return f"appeal {message.appeal.state}: {_item(message)}"
        case "alarm.raised" if message.alarm is not None:
            return f"alarm {visible(message.alarm.name)}: {_item(message)}"
        case "bank.entry.added" if message.entry is not None:
            return f"entry {visible(message.entry.id)} added to bank {message.entry.bank}"
        case "bank.entry.changed" if message.entry is not None:
            entry = message.entry
            return f"entry {visible(entry.id)} of bank {entry.bank} is now {entry.state}"
    return "a test: messages of Tidegate arrive here"


def details(message: Message) -> list[str]:
    """Return what else there is to say of a message, line by line."""
    said = []
    if message.alarm is not None:
        said.append(f"raised by {visible(', '.join(message.alarm.rules))}")
    if message.appeal is not None and message.appeal.state == "open":
        said.append(f"to be answered until {message.appeal.due_at[:16].replace('T', ' ')} UTC")
    if (decision := message.decision) is not None:
        if message.alarm is not None or message.appeal is not None:
            said.append(f"the item: {_action(message)}")
        said += [visible(reason.text) for reason in decision.reasons[:MOST_REASONS]]
        if (more := len(decision.reasons) - MOST_REASONS) > 0:
            said.append(f"and {more} more {'reason' if more == 1 else 'reasons'}")
        said.append(f"policy {visible(decision.policy)}")
    if message.entry is not None:
        said.append(f"by {visible(message.entry.by)}")
    if message.error is not None:
        said.append(visible(message.error))
    said.append(f"{message.at[:19].replace('T', ' ')} UTC")
    return said


def slack(messages: Sequence[Message], url: str) -> str:
    """Return text in Slack's markup.

    Args:
        messages: One, or those of a digest.
        url: How browsers reach the service.
    """
    told = []
    for message in messages[:MOST]:
        lines = [f"*{title(message).translate(_SLACK)}*"]
        lines += [f"• {line.translate(_SLACK)}" for line in details(message)]
        if (place := link(message, url)) is not None:
            lines.append(f"<{place}|Open in the console>")
        told.append("\n".join(lines))
    return "\n\n".join([*told, *_more(messages)])


def subject(messages: Sequence[Message]) -> str:
    """Return the subject of an e-mail."""
    if len(messages) == 1:
        return f"[Tidegate] {title(messages[0])}"
    return f"[Tidegate] {len(messages)} messages, the first: {title(messages[0])}"


def email(messages: Sequence[Message], url: str) -> str:
    """Return the plain text of an e-mail.

    Args:
        messages: One, or those of a digest.
        url: How browsers reach the service.
    """
    told = []
    for message in messages[:MOST]:
        lines = [title(message), *(f"  {line}" for line in details(message))]
        if (place := link(message, url)) is not None:
            lines.append(f"  {place}")
        told.append("\n".join(lines))
    foot = f"-- \nSent by Tidegate at {url}. Nobody reads answers to this."
    return "\n\n".join([*told, *_more(messages), foot]) + "\n"


def _more(messages: Sequence[Message]) -> list[str]:
    more = len(messages) - MOST
    return [f"… and {more} more"] if more > 0 else []


def _action(message: Message) -> str:
    decision = message.decision
    assert decision is not None
    said: str = decision.action
    if decision.before not in (None, decision.action):
        said += f" instead of {decision.before}"
    if decision.by == "reviewer":
        said += ", by a reviewer"
    elif not decision.judged:
        said += ", because something is unknown"
    return said


def _item(message: Message) -> str:
    item = message.item
    if item is None:
        return "no item"
    name = f"item {visible(item.external_id or item.id)[:200]}"
    return f"{name} ({item.surface})" if item.surface else name
