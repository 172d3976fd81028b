// SPDX-License-Identifier: Apache-2.0
/** What names a published asset: `did:op:` and the hash of its data NFT and chain. */

const DID = /^did:op:[0-9a-f]{64}$/;

export function isDidText(text: string): boolean {
  return DID.test(text);
}

/** Whether it is meant as a DID, finished or not: all else that is typed is a search. */
export function isMeantAsDid(text: string): boolean {
  return text.trim().startsWith("did:");
}

/** "did:op:1234…cdef": two assets are told apart by it. */
export function shortDid(did: string): string {
  return did.length > 20 ? `${did.slice(0, 11)}…${did.slice(-4)}` : did;
}
