# SPDX-License-Identifier: Apache-2.0
"""A package, so that fixtures can be of all its files and end with them."""
