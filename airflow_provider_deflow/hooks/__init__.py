# SPDX-License-Identifier: Apache-2.0
"""Airflow connections and settings turned into DeFlow's own values; nothing is decided here."""
