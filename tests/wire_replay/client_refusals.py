# SPDX-License-Identifier: Apache-2.0
"""Which error each recorded refusal is for our client; all are named, so that none is judged by chance."""

from __future__ import annotations

from airflow_provider_deflow.errors import (
    NonceRejected,
    OceanNodeBusy,
    OceanNodeError,
    PaymentRefused,
    RequestRejected,
)

# Worth another try later: the words say so, or there are none.
BUSY = """
busy busy-globally queue-too-many too-many-free rate-limit-4 rate-limit-hit rate-limit-direct
status-unknown-cluster status-nothing list-bad-address stop-unknown-cluster stop-bare-id stop-no-auth
no-db-query no-db-state no-db-escrow-events query-empty initialize-unknown-service
download-unknown-tx download-wrong-service
"""

# Worth another try with a fresh nonce.
NONCE = """
auth-other-signer auth-sig-without-0x auth-sig-garbage auth-nonce-lower auth-nonce-zero auth-plain-text
auth-result-mismatch auth-after-max token-create-bad-signature token-bad-sig-wins
bucket-create-bad-signature validate-signed-wrong download-bad-signature nonce-race-result
"""

# The same again gets the same answer.
# Money is missing or not allowed.
MONEY = """
init-bad-token init-token-lowercase paid-no-funds paid-missing-payment paid-bad-token paid-bad-chain
paid-token-lowercase paid-free-only paid-too-many-locks paid-zero-price paid-did-no-order
paid-did-wrong-order
"""

REJECTED = """
auth-none auth-no-signature auth-no-nonce auth-no-address auth-good-bad-env auth-good-2
auth-nonce-as-number auth-lowercase-address auth-v-01 auth-after-huge auth-max-safe-nonce

token-create-no-signature token-create-no-address token-use token-use-bearer token-use-garbage
token-use-other-address token-use-no-address token-use-expired token-use-invalidated
token-use-after-bad-invalidate

bucket-create-bad-lists bucket-create-no-auth bucket-list-no-owner file-upload-traversal
file-upload-foreign file-upload-no-auth file-list-foreign file-list-unknown-bucket file-object-missing
file-get bucket-rename-foreign file-delete-foreign file-delete-again

ddo-get-force ddo-get-unknown ddo-get-bad ddo-metadata-unknown state-unknown state-nothing
validate-invalid validate-empty

initialize-unknown download-file-9 download-no-auth download-no-tx download-compute-service

encrypt-no-auth encrypt-empty fileinfo-bad-method fileinfo-no-url fileinfo-did-unknown
fileinfo-did-no-service decrypt-plain decrypt-wrong-nft decrypt-unknown-tx decrypt-nothing
decrypt-document-bad-hash

escrow-events-bad-chain access-list-no-wallet access-list-bad-wallet access-list-unknown

missing-environment missing-datasets datasets-null env-unknown-cluster env-unknown-id env-no-dash
env-paid-only env-walled resources-too-many resources-ram-too-much resources-not-a-list image-unknown
image-unknown-tag image-dead-registry image-missing algorithm-no-meta body-too-large output-0x
output-garbage output-not-encrypted output-bad-type output-no-storage output-s3-incomplete
bucket-unknown bucket-not-uuid bucket-foreign bucket-and-output dataset-foreign-bucket
dataset-unknown-did dataset-bad-did build-not-allowed registry-auth-incomplete registry-auth-wrong
start-not-json start-form-body start-no-body

init-no-algorithm init-no-payment init-no-environment init-no-consumer init-bad-consumer 
init-bad-chain init-too-many init-bad-env init-free-only init-dataset-file
init-dataset-unknown init-algorithm-file init-algorithm-not-allowed init-denied

paid-missing-duration paid-bad-duration 
paid-no-auth paid-walled paid-too-many 
paid-algorithm-file paid-did-denied
free-did-no-meta

expired-result expired-logs logs-bad-cluster logs-after-end

no-db-ddo no-db-initialize no-db-start no-db-bucket-start direct-unknown-command unknown-route

result-index-negative result-no-index result-no-jobid result-bare-id result-unknown-job
result-unknown-cluster result-owner-lowercase result-no-auth result-direct-bad result-token-no-address
result-token-bearer stop-delete
"""

REFUSALS: dict[str, type[OceanNodeError]] = {
    **dict.fromkeys(BUSY.split(), OceanNodeBusy),
    **dict.fromkeys(NONCE.split(), NonceRejected),
    **dict.fromkeys(MONEY.split(), PaymentRefused),
    **dict.fromkeys(REJECTED.split(), RequestRejected),
}
