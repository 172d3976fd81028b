# SPDX-License-Identifier: Apache-2.0
"""What a drawing can be made of, as the API gives it: files, Ocean Nodes, wallets, assets, templates."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from airflow_provider_deflow.api.values import SHA256, GraphDocument, Value


class Upload(Value):
    """A kept file, as a node names it under `datasets`: `{"upload": sha256, "name": name}`."""

    sha256: str = Field(examples=[SHA256])
    name: str = Field(examples=["patients.csv"])
    size: int = Field(description="Bytes.", examples=[1234])


class OceanNodeListed(Value):
    """An Airflow connection of type `ocean_node` that you may use."""

    conn_id: str = Field(examples=["ocean_node_default"])
    url_host: str = Field(
        description="Host and port, nothing else of its URL.", examples=["node.example:8001"]
    )


class OceanNodeList(Value):
    """What a node of a graph may name as `ocean_node`."""

    ocean_nodes: list[OceanNodeListed]


class WalletListed(Value):
    """An Airflow connection of type `ocean_wallet` that you may use; neither its key nor its RPC URL."""

    conn_id: str = Field(examples=["ocean_wallet_default"])
    address: str | None = Field(
        description="Null where its key cannot be used.",
        examples=["0x1234567890123456789012345678901234AbCdEf"],
    )
    chain_id: int | None = Field(examples=[11_155_111])
    has_chain: bool = Field(description="Whether it can pay; if not, it only signs.", examples=[True])
    ocean_nodes: list[str] = Field(
        description="Hosts of the Ocean Nodes that it is used on; empty: on all.",
        examples=[["node.example:8001"]],
    )


class WalletList(Value):
    """What a node of a graph may name as `wallet`."""

    wallets: list[WalletListed]


class EnvironmentList(Value):
    """The compute environments of an Ocean Node: resources, load, prices, as it says at this moment."""

    environments: list[dict[str, Any]] = Field(
        examples=[[{"id": "0x1-0x2", "description": "small", "fees": [], "free": {"max_jobs": 2}}]]
    )


class Template(Value):
    """A drawing to begin with."""

    slug: str = Field(examples=["two-steps"])
    name: str = Field(examples=["Two steps"])
    description: str = Field(examples=["Cleans, then trains."])
    document: GraphDocument


class TemplateList(Value):
    """Drawings to begin with."""

    templates: list[Template]
