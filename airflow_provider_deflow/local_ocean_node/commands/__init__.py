# SPDX-License-Identifier: Apache-2.0
"""What the node does for each protocol command.

A command takes the node and a task (the command's name and fields, from a query, a body or
`/directCommand`) and gives a `Reply` or raises a `Refusal`. It knows nothing of HTTP.
"""
