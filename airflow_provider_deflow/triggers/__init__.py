# SPDX-License-Identifier: Apache-2.0
"""What waits in Airflow's triggerer instead of in a worker."""
