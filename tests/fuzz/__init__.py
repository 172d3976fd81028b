# SPDX-License-Identifier: Apache-2.0
"""Recorded requests with parts of them replaced, sent to the local Ocean Node and, if given, a real one.

    python -m tests.fuzz --minutes 20 [--against URL --image IMAGE]

What must never happen on the local node: no answer, an exception that nobody thought of, and, beside a real
node, a 5xx where that one has none.
"""
