# SPDX-License-Identifier: Apache-2.0
"""DeFlow: draw a graph of computations, Airflow runs it, Ocean Nodes compute it next to the data.

Importing this package does nothing: no connection, no I/O, no Airflow. What Airflow learns on
install is in `provider_info`; the layers are drawn in the README and held by import-linter.
"""

__version__ = "0.1.0"
