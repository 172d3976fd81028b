// SPDX-License-Identifier: Apache-2.0
import type { ButtonHTMLAttributes } from "react";

interface Props extends ButtonHTMLAttributes<HTMLButtonElement> {
  look?: "normal" | "primary" | "danger" | "plain";
}

export function Button({ look = "normal", className = "", ...rest }: Props) {
  return <button type="button" className={`df-button ${className}`} data-look={look} {...rest} />;
}
