# SPDX-License-Identifier: Apache-2.0
"""The words an Ocean Node refuses with, what each of them means, and what a user can do about it.

Words of versions 3.2 and of the next major. What is made of them is in `refusals`.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

# busy: the same again later can succeed. nonce: with a fresh nonce. money: payer, escrow or order lack
# something. rejected: the same again gets the same answer.
Kind = Literal["busy", "nonce", "money", "rejected"]


class Rule(NamedTuple):
    pattern: str
    kind: Kind
    hint: str


_OTHER_VERSION = "Likely another version than 3.2, which DeFlow knows: *Test* of its connection says which."
_SIZE = "Ask for less, or choose another environment."

# First match wins.
RULES = [
    Rule("Rate limit exceeded", "busy", "It waits as long as the Ocean Node says."),
    Rule("Too many active connections", "busy", "Too many clients use this node now; it is tried again."),
    Rule("Not enough available ", "busy", "Other jobs use it now; it is tried again."),
    Rule("Too many running (free )?jobs", "busy", "Other jobs must end first; it is tried again."),
    Rule(
        "does not have enough funds",
        "money",
        "Deposit into the escrow what the job locks, in the fee token, for the wallet that pays.",
    ),
    Rule(
        "No escrow auths found",
        "money",
        "Authorize the Ocean Node in the escrow for the fee token: it locks nothing without.",
    ),
    Rule("will go over limit", "money", "Authorize a higher amount: jobs hold it until the hourly claim."),
    Rule(
        "maxLockSeconds too low", "money", "Authorize locks at least as long as the quote's min_lock_seconds."
    ),
    Rule(
        "too many active locks",
        "money",
        "Authorize more locks at once: each job holds one until the hourly claim.",
    ),
    Rule(
        "does not accept payments on chain",
        "money",
        "Pay with a chain and token of the environment's fees, the token written exactly as there.",
    ),
    Rule(
        r"""reverted: "Invalid amount""",
        "money",
        "Its prices come to 0, which no escrow locks: ask for more, or start a free job.",
    ),
    Rule("execution reverted", "money", "A contract refused; its own words say why."),
    Rule("reading 'chainId'", "money", "A paid start needs a payment: chain and token."),
    Rule("Invalid payment options|Cannot handle payments", "money", "Correct the payment's chain and token."),
    Rule(
        "Node insufficient gas funds",
        "rejected",
        "The Ocean Node cannot pay its own gas: tell its owner, or choose another Ocean Node.",
    ),
    Rule(
        "Missing transferTxId|TxId Service .* is not valid|Tx id used not valid|order has expired|Invalid tx",
        "money",
        "Order the service anew, as the payer says, and start with that transaction.",
    ),
    Rule("is not a valid nonce", "nonce", "Another process signed with this wallet at the same moment."),
    Rule(
        "nonce signature mismatch", "nonce", "Sign anew; if it stays, address and key do not belong together."
    ),
    Rule(
        "Invalid authentication|Invalid token",
        "rejected",
        "The request needs a wallet, or a token still valid.",
    ),
    Rule(
        '"(consumerAddress|address)" is not a valid',
        "rejected",
        "Use the wallet's address, 0x and 40 digits.",
    ),
    Rule(
        "Invalid C2D Environment",
        "rejected",
        "The environment is gone or its id changed; choose another one.",
    ),
    Rule(r"Not enough \S+ resources", "rejected", _SIZE),
    Rule("No such (free )?resource|No free resources", "rejected", _SIZE),
    Rule("Cannot satisfy constraint|does not support free jobs", "rejected", _SIZE),
    Rule("Too much ", "rejected", _SIZE),
    Rule("reading 'access'", "rejected", "This environment takes no free jobs; choose another one."),
    Rule(
        "resources is not iterable",
        "rejected",
        "`resources` must be a list. This is a bug of DeFlow: report it.",
    ),
    Rule("^Access denied", "rejected", "The environment is open to others only; choose another one."),
    Rule("Access to .* was denied", "rejected", "Its publisher must allow this wallet."),
    Rule("not allowed to access this bucket", "rejected", "The bucket is another wallet's, or is gone."),
    Rule(
        "not authorized to get results",
        "rejected",
        "Only the wallet that started the job may have its results.",
    ),
    Rule(
        "Persistent storage is not ", "rejected", "This Ocean Node has no buckets; choose another handover."
    ),
    Rule(
        "Bucket not found|Invalid bucketId",
        "rejected",
        "The bucket is gone; DeFlow makes a new one next time.",
    ),
    Rule(
        "File not found|Invalid fileName",
        "rejected",
        "The file is not in the bucket, or has a name it cannot have.",
    ),
    Rule("Upload stream error", "rejected", "The upload was cut; try again."),
    Rule(
        "Cannot find image",
        "rejected",
        "Check image and tag; the Ocean Node must reach the registry, and have a processor the image is for.",
    ),
    Rule("Unable to extract docker image", "rejected", "The algorithm names no image; add `image`."),
    Rule("Building image is not allowed", "rejected", "Push a built image to a registry and name it."),
    Rule("encryptedDockerRegistryAuth", "rejected", "Correct the registry's credentials."),
    Rule("Metadata size is too large", "rejected", "`metadata` may have 1024 characters as JSON."),
    Rule("Invalid output|mutually exclusive", "rejected", "Correct where the outputs shall go."),
    Rule(
        "DDO .* not found|not served by the current node",
        "rejected",
        "Check the DID; the Ocean Node may not index it.",
    ),
    Rule("Cannot find service", "rejected", "Check the service id in the asset."),
    Rule(
        "not allowed to run on the dataset", "rejected", "The dataset's publisher must trust the algorithm."
    ),
    Rule(
        "algorithm checksums",
        "rejected",
        "A paid job runs inline code or an algorithm with a DID, whose container checksum is published.",
    ),
    Rule(
        "Asset provided is either null|DDO not found|No DDO found",
        "rejected",
        "Check the DID; the Ocean Node may not index it yet.",
    ),
    Rule("DDO malformed", "rejected", "The asset must be published anew, in a form the Ocean Node knows."),
    Rule("^Not found$|AccessList not found", "rejected", "The Ocean Node has not indexed it, or not yet."),
    Rule(
        "not allowed to download this asset of type compute",
        "rejected",
        "It may only be computed on: use it in a job.",
    ),
    Rule("Validation error", "rejected", "The DDO breaks its schema; the Ocean Node does not say where."),
    Rule(
        "Decrypt DDO: (Failed to lzma|Failed to decrypt)",
        "rejected",
        "It was published in clear, or for another Ocean Node.",
    ),
    Rule(
        "Decrypt DDO: checksum|Decrypt DDO: did",
        "rejected",
        "The document is not the one that its hash is of.",
    ),
    Rule(
        "Decrypt DDO: Decrypter|Decrypt DDO: Asset not deployed",
        "rejected",
        "Its publisher, or the Ocean Node's owner, allows others only.",
    ),
    Rule(
        "Decrypt DDO", "rejected", "Check chain, data NFT and transaction: they must be of one publication."
    ),
    Rule(
        "(Encrypt|EncryptFile|Validation) for .* was denied",
        "rejected",
        "The Ocean Node's owner lets others only use this.",
    ),
    Rule(
        "Missing dataset did|Missing algorithm",
        "rejected",
        "Only what has a DID is priced; files are free. This is a bug of DeFlow: report it.",
    ),
    Rule(
        "(Compute jobs|Services) are not enabled",
        "rejected",
        "This environment takes none; choose another one.",
    ),
    Rule("database is not available", "busy", "This Ocean Node has no index, or none now; ask another one."),
    Rule(
        "must be a number|Invalid wallet address|Missing or invalid required param",
        "rejected",
        "Correct the value.",
    ),
    Rule("state is different than ACTIVE", "rejected", "Its publisher ended or disabled the asset."),
    Rule(
        "Blockchain instance not available|network is not ready|initialize escrow contract",
        "busy",
        "The node does not reach its chain now.",
    ),
    Rule("Cannot find job with id", "rejected", "The job expired, or its environment was reconfigured."),
    Rule("Job not found or not running", "rejected", "Live logs exist while the algorithm runs."),
    Rule("Invalid result index", "rejected", "The result is not there yet."),
    Rule(
        "Error validating the .* file|Invalid storage type|Empty file object",
        "rejected",
        "Correct the file object.",
    ),
    Rule(
        "request entity too large",
        "rejected",
        "Inline code must be < 95 kB: give larger code as a file or by DID.",
    ),
    Rule(
        "Missing one|Missing required|Invalid (request )?param|Invalid arg|Invalid or unrec|Invalid maxJob",
        "rejected",
        _OTHER_VERSION,
    ),
    Rule("Cannot (GET|POST|PUT|DELETE|PATCH) |Not yet implemented|SyntaxError", "rejected", _OTHER_VERSION),
]
