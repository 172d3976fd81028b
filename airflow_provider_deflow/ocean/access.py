# SPDX-License-Identifier: Apache-2.0
"""Who may use a compute environment: everybody, accounts by name, or the holders of access lists.

An access list is a contract; whether an account is on it is read elsewhere (a node's index knows, and
so does the chain) and only compared here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Self

from airflow_provider_deflow.ocean import fields
from airflow_provider_deflow.ocean.plain_text import one_line


@dataclass(frozen=True, slots=True)
class AccessList:
    """A contract whose holders are let in."""

    chain_id: int
    contract: str

    def __str__(self) -> str:
        return f"{self.contract} on chain {self.chain_id}"


@dataclass(frozen=True, slots=True)
class Access:
    """Who may use an environment: everybody where `is_open`, else those named and holders of a list."""

    is_open: bool = True
    addresses: tuple[str, ...] = ()
    access_lists: tuple[AccessList, ...] = ()

    @classmethod
    def from_reply(cls, reply: object) -> Self:
        if not isinstance(reply, Mapping):
            return cls()
        addresses = tuple(str(address) for address in reply.get("addresses") or ())
        lists = reply.get("accessLists")
        # Without a list of access lists, not even an empty one, a node lets everybody in.
        is_open = lists is None or (not lists and not addresses)
        return cls(is_open, addresses, _access_lists(lists or []))

    def refuses(self, address: str | None, held: Collection[AccessList] | None = None) -> str | None:
        """Why `address` may not use it; `held` are the access lists it is on, None when that is not known."""
        # A node compares addresses as text.
        if self.is_open or address in self.addresses:
            return None
        if address is None:
            return "it is for certain accounts only, and none was given"
        if not self.access_lists:
            return f"its access list does not name {address}"
        if held is None:
            return f"it is for holders of an access list ({self._lists}), and {address}'s are not known"
        holding = {(one.chain_id, one.contract.lower()) for one in held}
        if any((one.chain_id, one.contract.lower()) in holding for one in self.access_lists):
            return None
        return f"its access lists ({self._lists}) do not have {address}, as far as the node has indexed"

    @property
    def _lists(self) -> str:
        return ", ".join(map(str, self.access_lists))


def _access_lists(reply: object) -> tuple[AccessList, ...]:
    """A list of objects, from a chain's id to the contracts there."""
    items = [
        fields.as_object(item, "an access list") for item in fields.as_list(reply, "'accessLists'") if item
    ]
    return tuple(
        AccessList(int(chain_id), one_line(str(contract)))
        for item in items
        for chain_id, contracts in item.items()
        if str(chain_id).isdecimal()
        for contract in fields.as_list(contracts, "an access list")
    )
