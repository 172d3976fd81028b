// SPDX-License-Identifier: Apache-2.0
/** What names a published asset: `did:op:` and the hash of its data NFT and chain. */

const DID = /^did:op:[0-9a-f]{64}$/;

export function isDidText(text: string): boolean {
  return DID.test(text);
}

/** What was typed into a picker: a DID, finished or not, or nothing, is the drawing's; all else is a search. */
export function readTyped(text: string): { did: string } | { words: string } {
  const trimmed = text.trim();
  return trimmed === "" || trimmed.startsWith("did:") ? { did: trimmed } : { words: text };
}

/** "did:op:1234…cdef": two assets are told apart by it. */
export function shortDid(did: string): string {
  return did.length > 20 ? `${did.slice(0, 11)}…${did.slice(-4)}` : did;
}
