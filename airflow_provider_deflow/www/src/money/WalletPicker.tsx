// SPDX-License-Identifier: Apache-2.0
// Which wallet signs and pays: the Airflow connections of its type, as far as the user may see them. Never a key.
import { api } from "../api/client";
import { WALLET_DEFAULT } from "../panels/defaults";
import { SelectField } from "../panels/Field";
import { useLoaded } from "../panels/useLoaded";
import { cannotPay, walletText } from "./wallets";

interface Props {
  /** A connection's id; null = the default one. */
  value: string | null;
  fallback?: string | undefined;
  /** Whether it is to pay, and not only to sign. */
  mustPay?: boolean;
  problems?: readonly string[];
  onChange: (connId: string | null) => void;
}

export function WalletPicker({ value, fallback = WALLET_DEFAULT, mustPay = false, problems = [], onChange }: Props) {
  const listing = useLoaded("wallets", api.listWallets);
  const known = listing.value?.wallets ?? [];
  const chosen = known.find((one) => one.conn_id === (value ?? fallback));
  const hint = listing.error
    ? `The list could not be read: ${listing.error instanceof Error ? listing.error.message : String(listing.error)}`
    : listing.value && !chosen
      ? `No Airflow connection ${value ?? fallback} is known to you.`
      : "An Airflow connection; keys are never in a graph.";
  const refusal = mustPay && chosen ? cannotPay(chosen) : null;
  return (
    <SelectField
      label="Wallet"
      value={value ?? ""}
      options={[
        { value: "", text: `default (${fallback})` },
        ...known.map((one) => ({ value: one.conn_id, text: walletText(one) })),
      ]}
      hint={hint}
      problems={refusal === null ? problems : [...problems, refusal]}
      onChange={(connId) => onChange(connId === "" ? null : connId)}
    />
  );
}
