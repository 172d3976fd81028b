// SPDX-License-Identifier: Apache-2.0
/** The Airflow connections that are meant where none is named. */

export const OCEAN_NODE_DEFAULT = "ocean_node_default";
export const WALLET_DEFAULT = "ocean_wallet_default";
