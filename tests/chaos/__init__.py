# SPDX-License-Identifier: Apache-2.0
"""Parts killed in the middle of their work, by a seed: `make chaos`."""
