# SPDX-License-Identifier: Apache-2.0
"""An Ocean Node's words and routes.

`compute` holds the values (environment, job, outcome), `requests` and `replies` say how they cross
the wire, `client` sends them, `outputs` keeps what a job gave. Nothing here knows Airflow, a graph
or a chain.
"""
