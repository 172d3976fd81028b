# SPDX-License-Identifier: Apache-2.0
"""What waits for work that others started."""
