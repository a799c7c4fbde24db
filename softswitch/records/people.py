"""Whose calls are whose: people and their phones, as records name them."""

from __future__ import annotations

from softswitch.dialplan.plan import Person, Plan, Plans


def whose(plans: Plans, site: str, user: str) -> str:
    """The key of the person whom a number, a name or a phone's account of this site means; "" for nobody."""
    plan = plans.get(site)
    if plan is None:
        return ""
    found = plan.lookup(user)
    if isinstance(found, Person):
        return found.name
    person = plan.person_of(user)
    return person.name if person is not None else ""


def accounts_of(plan: Plan, person: str) -> list[str]:
    """The phones of a person."""
    return [phone.name for phone in plan.phones.values() if phone.person == person]
