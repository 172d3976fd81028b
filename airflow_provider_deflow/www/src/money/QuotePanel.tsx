// SPDX-License-Identifier: Apache-2.0
// What a run would cost, asked of its Ocean Nodes now: node by node, its orders, the totals against the budget.
import { api, ApiError } from "../api/client";
import type { Quote } from "../api/types";
import { shortDid } from "../assets/did";
import { type GraphDocument, nodeTitle } from "../graph/document";
import { shortId } from "../panels/environment";
import { useLoaded } from "../panels/useLoaded";
import { Button } from "../ui/Button";
import { amountText, isZero } from "./amounts";
import styles from "./money.module.css";
import { budgetText, gasText, howText, totalText } from "./quote";

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
                  </td>
                  <td>{node.minutes}</td>
                  <td>
                    {amountText(node.amount, { symbol: node.symbol, address: node.token })}
                    <div className="df-hint">{gasText(node.gas_wei)}</div>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {quote.orders.length > 0 && <Orders quote={quote} title={title} />}
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

/** Each is placed once, whichever nodes use the asset; the free ones too. */
function Orders({ quote, title }: { quote: Quote; title: (id: string) => string }) {
  return (
    <div className={styles.scroll} tabIndex={0} role="group" aria-label="Orders of assets">
      <table className={styles.table}>
        <thead>
          <tr>
            <th scope="col">Order of</th>
            <th scope="col">For</th>
            <th scope="col">Its datatoken</th>
            <th scope="col">Amount</th>
          </tr>
        </thead>
        <tbody>
          {quote.orders.map((order) => (
            <tr key={`${order.did} ${order.nodes.join()}`}>
              <th scope="row" title={order.did}>
                {shortDid(order.did)}
              </th>
              <td>{order.nodes.map(title).join(", ")}</td>
              <td>{howText(order.how)}</td>
              <td>
                {isZero(order.amount) ? "free" : amountText(order.amount, { symbol: order.symbol, address: order.token })}
                <div className="df-hint">{gasText(order.gas_wei)}</div>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Refused({ error }: { error: unknown }) {
  const isForbidden = error instanceof ApiError && error.status === 403;
  const problems = error instanceof ApiError ? error.problems : [];
  return (
    <div className={styles.problems} role="alert">
      <p>
        {isForbidden ? "Prices are for those who may use the graph's connections. " : "It could not be found out. "}
        {/* The message of a drawing with problems is all of them in one line. */}
        {problems.length > 0 ? "What has problems is not quoted:" : error instanceof Error ? error.message : String(error)}
      </p>
      {problems.map(({ where, message }) => (
        <p key={`${where} ${message}`}>
          <b>{where}</b> {message}
        </p>
      ))}
    </div>
  );
}
