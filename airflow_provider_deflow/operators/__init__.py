# SPDX-License-Identifier: Apache-2.0
"""A graph's nodes, edges and result as Airflow tasks; also usable by hand in any Dag file."""
