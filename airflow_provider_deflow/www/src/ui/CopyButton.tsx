// SPDX-License-Identifier: Apache-2.0
// Puts a text that is too long to type onto the clipboard, and says so.
import { useEffect, useState } from "react";
import { Button } from "./Button";

export function CopyButton({ text, what }: { text: string; what: string }) {
  const [said, setSaid] = useState("");
  useEffect(() => {
    if (said === "") return;
    const timer = setTimeout(() => setSaid(""), 2500);
    return () => clearTimeout(timer);
  }, [said]);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setSaid("copied");
    } catch {
      // Without https, or where the browser asks and is refused.
      setSaid("select it to copy");
    }
  };
  return (
    <>
      <Button look="plain" aria-label={`Copy ${what}`} title={`Copy ${what}`} onClick={() => void copy()}>
        Copy
      </Button>
      <span className="df-hint" role="status">
        {said}
      </span>
    </>
  );
}
