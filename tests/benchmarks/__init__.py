# SPDX-License-Identifier: Apache-2.0
"""`make bench`: what DeFlow costs, each figure beside a peer's and the physical limit in the same run."""
