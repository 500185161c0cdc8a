// The account's Home as JSON, as one would write it by hand on Node: a session looked up in Redis, one snapshot per
// source and kind from Redis, what is missing fetched, all merged and serialised. One process, pipelining on.
import Fastify from "fastify";
import Redis from "ioredis";
import { Pool } from "undici";

const { PORT, REDIS, SETTINGS } = process.env;
const { sources, statuses, unknown } = JSON.parse(SETTINGS);
const AREAS = { orders: "orders", invoices: "invoices", tickets: "requests" };
const LIFETIME = 7 * 24 * 3600; // seconds
const COOKIE = /(?:^|; )__Host-hallway=([A-Za-z0-9_-]{43})(?:;|$)/;

const redis = new Redis({ path: REDIS, enableAutoPipelining: true });
const pools = Object.fromEntries(Object.entries(sources).map(([name, { url }]) => [name, new Pool(url, { pipelining: 1 })]));

async function sessionOf(request) {
  const found = COOKIE.exec(request.headers.cookie ?? "");
  const text = found && (await redis.get(`peer:session:${found[1]}`));
  const session = text && JSON.parse(text);
  return session && session.expiresAt > Date.now() ? session : null;
}

async function partsOf(session) {
  const wants = session.links.flatMap(({ source, customer }) =>
    sources[source].kinds.map((kind) => ({ source, customer, kind, key: `peer:${session.account}:${source}:${customer}:${kind}` })),
  );
  const texts = await redis.mget(wants.map(({ key }) => key));
  return Promise.all(wants.map((want, at) => (texts[at] ? { ...want, ...JSON.parse(texts[at]) } : fetched(want))));
}

async function fetched(want) {
  const fetchedAt = new Date().toISOString();
  const path = `/${want.kind}?customer=${encodeURIComponent(want.customer)}`;
  const { body } = await pools[want.source].request({ method: "GET", path });
  const known = { fetchedAt, records: await body.json() };
  await redis.set(want.key, JSON.stringify(known), "EX", LIFETIME);
  return { ...want, ...known };
}

const isToPay = ({ state, is_credit_note, open }) =>
  (state === "open" || state === "part_paid") && !is_credit_note && Number(open.amount) > 0;
const isOverdue = (invoice, today) => isToPay(invoice) && invoice.due_on !== null && invoice.due_on < today;
const isDelayed = ({ state, expected_on }, today) =>
  (state === "received" || state === "confirmed" || state === "packed") && expected_on !== null && expected_on < today;

function wordsFor(kind, record, today) {
  const { state } = record;
  if (kind === "orders") return statuses.orders[isDelayed(record, today) ? "delayed" : state] ?? unknown;
  if (kind === "tickets") return statuses.tickets[state] ?? unknown;
  if (record.is_credit_note && (state === "open" || state === "part_paid" || state === "paid")) return statuses.invoices.credit_note;
  return statuses.invoices[isOverdue(record, today) ? "overdue" : state] ?? unknown;
}

function brief(kind, record, today) {
  const { source, id, changed_at: changedAt, fetched_at: fetchedAt } = record.origin;
  const { label, meaning, next_step: nextStep } = wordsFor(kind, record, today);
  const area = AREAS[kind];
  return {
    source,
    id,
    number: record.number,
    status: { state: record.state, label, meaning, nextStep },
    href: `/api/v1/${area}/${source}/${id}`,
    changedAt,
    fetchedAt,
    kind: area,
    title: kind === "tickets" ? record.subject : record.number,
  };
}

const cents = ({ amount }) => Number(amount.replace(".", "")); // all of them have two decimals
const money = (currency, sum) => ({ amount: (sum / 100).toFixed(2), currency });

function totalsOf(invoices, today) {
  const byCurrency = Map.groupBy(invoices.filter(isToPay), ({ open }) => open.currency);
  return [...byCurrency.keys()].sort().map((currency) => {
    const all = byCurrency.get(currency);
    const overdue = all.filter((invoice) => isOverdue(invoice, today));
    const coming = all.filter(({ due_on }) => due_on && due_on >= today).map(({ due_on }) => due_on).sort();
    const sum = (some) => some.reduce((total, { open }) => total + cents(open), 0);
    return {
      toPay: money(currency, sum(all)),
      count: all.length,
      overdue: money(currency, sum(overdue)),
      overdueCount: overdue.length,
      nextDueOn: coming[0] ?? null,
    };
  });
}

function home(session, parts, today) {
  const needs = [];
  const underWay = [];
  for (const { kind, records } of parts) {
    for (const record of records) {
      if (kind === "invoices" && isOverdue(record, today)) needs.push([0, record.due_on, kind, record]);
      else if (kind === "tickets" && record.state === "awaiting_customer") needs.push([1, record.origin.changed_at, kind, record]);
      else if (kind === "orders" && record.state !== "delivered" && record.state !== "cancelled")
        underWay.push([isDelayed(record, today) ? 0 : 1, Date.parse(record.origin.changed_at), kind, record]);
      else if (kind === "tickets" && record.state !== "solved") underWay.push([1, Date.parse(record.origin.changed_at), kind, record]);
    }
  }
  needs.sort((a, b) => a[0] - b[0] || (a[1] < b[1] ? -1 : a[1] > b[1] ? 1 : 0));
  underWay.sort((a, b) => a[0] - b[0] || b[1] - a[1]);
  const ages = Map.groupBy(parts, ({ source }) => source);
  return {
    account: session.name,
    needs: needs.map(([, , kind, record]) => brief(kind, record, today)),
    underWay: underWay.map(([, , kind, record]) => brief(kind, record, today)),
    totals: totalsOf(parts.filter(({ kind }) => kind === "invoices").flatMap(({ records }) => records), today),
    sources: [...ages].map(([source, some]) => ({
      source,
      title: sources[source].title,
      state: some.some(({ fetchedAt }) => Date.now() - Date.parse(fetchedAt) > sources[source].promise * 1000) ? "late" : "ontime",
      fetchedAt: some.map(({ fetchedAt }) => fetchedAt).sort()[0],
      promiseSeconds: sources[source].promise,
    })),
  };
}

const app = Fastify({ logger: false });
app.get("/healthz", async () => "ok");
app.get("/api/v1/home", async (request, reply) => {
  const session = await sessionOf(request);
  if (!session) return reply.code(401).send();
  const parts = await partsOf(session);
  reply.header("cache-control", "private, no-cache").header("vary", "Cookie").type("application/json");
  return JSON.stringify(home(session, parts, new Date().toISOString().slice(0, 10)));
});
await app.listen({ port: Number(PORT), host: "127.0.0.1" });
console.log("listening");
