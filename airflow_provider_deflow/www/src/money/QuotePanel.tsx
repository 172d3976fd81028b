// SPDX-License-Identifier: Apache-2.0
// What a run would cost, asked of its Ocean Nodes now: node by node, its orders, the totals against the budget.
import { api, ApiError } from "../api/client";
import type { Quote } from "../api/types";
import { shortDid } from "../assets/did";
import { type GraphDocument, nodeTitle } from "../graph/document";
import { shortId } from "../panels/environment";
import { useLoaded } from "../panels/useLoaded";
import { Button } from "../ui/Button";
import { amountText } from "./amounts";
import styles from "./money.module.css";
import { budgetText, gasText, totalText } from "./quote";

export function QuotePanel({ slug, document }: { slug: string; document: GraphDocument }) {
  const quote = useLoaded(slug, () => api.quote(slug, document));
  return (
    <section className={styles.quote} aria-label="What it would cost" aria-busy={quote.isLoading}>
      <div className={styles.head}>
        <h3>What it would cost</h3>
        <Button look="plain" onClick={quote.reload} disabled={quote.isLoading}>
          {quote.isLoading ? "Asking the Ocean Nodes …" : "Ask again"}
        </Button>
      </div>
      {quote.error ? <Refused error={quote.error} /> : quote.value && <Quoted quote={quote.value} document={document} />}
    </section>
  );
}

function Quoted({ quote, document }: { quote: Quote; document: GraphDocument }) {
  const titles = new Map(document.nodes.map((node) => [node.id, nodeTitle(node)]));
  const title = (id: string) => titles.get(id) ?? id;
  return (
    <>
      {quote.nodes.length > 0 && (
        // Wide words scroll here, by keyboard too.
        <div className={styles.scroll} tabIndex={0} role="group" aria-label="Node by node">
          <table className={styles.table}>
            <thead>
              <tr>
                <th scope="col">Node</th>
                <th scope="col">Environment</th>
                <th scope="col">Minutes</th>
                <th scope="col">At most</th>
              </tr>
            </thead>
            <tbody>
              {quote.nodes.map((node) => (
                <tr key={node.id}>
                  <th scope="row">{title(node.id)}</th>
                  <td title={`${node.environment} on ${node.ocean_node}`}>
                    {shortId(node.environment)}
                    {node.orders.map((order) => (
                      <div key={order.did} className="df-hint" title={order.did}>
                        order of {shortDid(order.did)}
                      </div>
                    ))}
                  </td>
                  <td>{node.minutes}</td>
                  <td>
                    {amountText(node.amount, { symbol: node.symbol, address: node.token })}
                    {node.orders.map((order) => (
                      <div key={order.did} className="df-hint">
                        {amountText(order.amount, { symbol: symbolOf(quote, order.token), address: order.token })}
                      </div>
                    ))}
                    <div className="df-hint">{gasText(node.gas_wei)}</div>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <p>
        <strong>In all: {totalText(quote)}</strong>
      </p>
      <p className={quote.exceeds ? styles.exceeds : "df-hint"} role={quote.exceeds ? "alert" : undefined}>
        {budgetText(quote)}
      </p>
      {quote.nodes.length > 0 && <p className="df-hint">What a job does not use of its minutes comes back.</p>}
      {quote.free.length > 0 && <p className="df-hint">Free: {quote.free.map(title).join(", ")}.</p>}
      {quote.problems.length > 0 && (
        <ul className={styles.problems} aria-label="Not quoted">
          {quote.problems.map(({ where, message }) => (
            <li key={`${where} ${message}`}>
              <b>{title(where)}</b> {message}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

function Refused({ error }: { error: unknown }) {
  const isForbidden = error instanceof ApiError && error.status === 403;
  const problems = error instanceof ApiError ? error.problems : [];
  return (
    <div className={styles.problems} role="alert">
      <p>
        {isForbidden ? "Prices are for those who may use the graph's connections. " : "It could not be found out. "}
        {error instanceof Error ? error.message : String(error)}
      </p>
      {problems.map(({ where, message }) => (
        <p key={`${where} ${message}`}>
          <b>{where}</b> {message}
        </p>
      ))}
    </div>
  );
}

function symbolOf(quote: Quote, token: string): string {
  return quote.totals.find((total) => total.token.toLowerCase() === token.toLowerCase())?.symbol ?? "";
}
