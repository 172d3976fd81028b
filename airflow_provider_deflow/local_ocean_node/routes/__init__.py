# SPDX-License-Identifier: Apache-2.0
"""HTTP → command: which fields come from where, and how each route words a refusal."""
