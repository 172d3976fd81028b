# SPDX-License-Identifier: Apache-2.0
"""Ocean's contracts over JSON-RPC: what pays, who ordered, what was published."""
