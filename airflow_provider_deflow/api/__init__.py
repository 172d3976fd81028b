# SPDX-License-Identifier: Apache-2.0
"""What other programs talk to, mounted in Airflow's api-server below `/deflow`."""
