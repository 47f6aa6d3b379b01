// Part four, in Node: rows as objects, a stream, statements at once, a transaction, and what happens told as it does.

import { UniqueViolation, open } from 'trunkline';

const db = await open();
const shop = db.on();
const failed = new Promise((resolve) => {
  db.events.on('query', (event) => event.status && resolve(event));
});

for (const { name, orders } of await shop.query(
  'SELECT name, count(*) AS orders FROM customers JOIN orders ON customer = customers.id GROUP BY name ORDER BY name')) {
  console.log(`  ${name.padEnd(8)} ${orders} ${orders === 1 ? 'order' : 'orders'}`);
}

let longest = { seconds: 0 };
for await (const visit of db.on('analytics').stream('SELECT id, customer, seconds FROM visits')) {
  if (visit.seconds > longest.seconds) longest = visit;
}
console.log(`\n  of a stream: the longest visit took ${longest.seconds} s, the first one was ${longest.id}`);

const [[{ customers }], [{ visits }]] = await Promise.all([
  shop.query('SELECT count(*) AS customers FROM customers'),
  db.using('analytics', (analytics) => analytics.query('SELECT count(*) AS visits FROM visits')),
]);
console.log(`  at once: ${customers} customers, ${visits} visits`);

try {
  await shop.transaction(async (tx) => {
    await tx.query('DELETE FROM orders');
    await tx.query('INSERT INTO customers (name) VALUES (:name)', { name: 'Ada' });
  });
} catch (failure) {
  if (!(failure instanceof UniqueViolation)) throw failure;
  console.log(`  rolled back: ${failure.message} (${failure.code}, ${failure.outcome})`);
}

const { connection, statement } = await failed;
console.log(`  told of it: ${statement} on ${connection}`);
await db.close();
