"""Sample bindings for the tests of the stores."""

from __future__ import annotations

from softswitch.registrar.bindings import Binding, BindingChange

SITE = "acme.example"


def binding(account: str = "anna", number: int = 1, site: str = SITE) -> Binding:
    return Binding(
        site=site,
        account=account,
        contact=f"sip:{account}@192.0.2.{number % 250}:{5060 + number % 1000};transport=udp",
        params=';+sip.instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E128>"',
        q=500,
        expires_at=1_800_000_000.25,
        call_id=f"{number:016x}@192.0.2.7",
        cseq=number,
        flow="udp|0|192.0.2.7|40000|0",
        path=(),
        user_agent="Deskphone 1.0",
        registered_at=1_700_000_000.5,
    )


def change(account: str, *numbers: int, site: str = SITE) -> BindingChange:
    return BindingChange(site, account, tuple([binding(account, number, site) for number in numbers]))
