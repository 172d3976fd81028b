# SPDX-License-Identifier: Apache-2.0
"""Ocean assets: described, minted, announced, and read back as an Ocean Node indexed them.

    publisher     one account at one Ocean Node on one chain: publish, update, take out of use
    indexing      what an Ocean Node knows of an asset, and waiting until it does
    trust         the checksums by which a dataset knows an algorithm

All of it may be repeated at every step, by another process, after any crash: an asset is found before it is
minted, and each transaction is sent for a purpose, of which the wallet sends one.
"""
