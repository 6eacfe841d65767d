"""Who was told of an alert, and why nobody is now, in the page's language."""

from dashboards.page.language import Words
from dashboards.page.reads_told import Delivery
from tidings.quiet import Quiet


def said_of(quiet: Quiet, words: Words) -> str:
    """Such as 'by kim until 2 Mar 2026, 10:00 UTC: known'."""
    until = words.time(quiet.until) if quiet.until else ""
    said = words.text(f"told.quiet.{quiet.kind}.is", who=quiet.who, until=until)
    return words.text("told.why", said=said, why=quiet.why) if quiet.why else said


def outcome(delivery: Delivery, words: Words) -> str:
    """Such as 'delivered 2 Mar 2026, 09:00 UTC' or 'failed after 5 attempts: 404 Not Found'."""
    again = delivery.next_attempt_at
    if delivery.state == "sent" and delivery.sent_at:
        said = words.text("told.sent", time=words.time(delivery.sent_at))
    elif delivery.state == "waiting" and again and delivery.attempts:
        said = words.text("told.again", count=delivery.attempts, time=words.time(again))
    elif delivery.state == "failed":
        said = words.text("told.failed", count=delivery.attempts, time=words.time(delivery.created_at))
    else:
        said = words.text(f"told.{delivery.state}", time=words.time(delivery.created_at))
    return words.text("told.why", said=said, why=delivery.error) if delivery.error else said
