'use strict';
// What health() gives: plain values, for JSON.

function healthOf(rows) {
  const connections = new Map(); // a connection may be called __proto__
  for (const { connection, state, health_check: healthCheck, ...endpoint } of rows) {
    if (!connections.has(connection)) {
      connections.set(connection, { status: 'unknown', state, healthCheck, error: null, endpoints: [] });
    }
    const whole = connections.get(connection);
    whole.endpoints.push(camelled(endpoint));
    if (endpoint.status === 'unhealthy' || (endpoint.status === 'healthy' && whole.status === 'unknown')) {
      whole.status = endpoint.status;
    }
    whole.error ??= endpoint.error;
  }
  const ok = [...connections.values()].every(({ status, healthCheck }) => status !== 'unhealthy' || !healthCheck);
  return { ok, connections: Object.fromEntries(connections) };
}

// The same with names as JavaScript has them.
function camelled(row) {
  return Object.fromEntries(Object.entries(row).map(([name, value]) =>
    [name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase()), value]));
}

module.exports = { camelled, healthOf };
