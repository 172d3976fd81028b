# SPDX-License-Identifier: Apache-2.0
"""The example graph: predicting a disease from the records of two hospitals.

`data` writes the two hospitals' files, `prepare`, `select_features` and `predict` are the algorithms
that compute next to them, `graph` draws it all as a document. The algorithms are sent to an Ocean Node
as source text: DeFlow itself never imports them.
"""
