'use strict';
// What health() gives: plain values, for JSON.

function healthOf(rows) {
  const connections = {};
  for (const { connection, state, health_check: healthCheck, ...endpoint } of rows) {
    const whole = connections[connection] ??= { status: 'unknown', state, healthCheck, error: null, endpoints: [] };
    whole.endpoints.push(camelled(endpoint));
    if (endpoint.status === 'unhealthy' || (endpoint.status === 'healthy' && whole.status === 'unknown')) {
      whole.status = endpoint.status;
    }
    whole.error ??= endpoint.error;
  }
  const ok = Object.values(connections).every(({ status, healthCheck }) => status !== 'unhealthy' || !healthCheck);
  return { ok, connections };
}

// The same with names as JavaScript has them.
function camelled(row) {
  return Object.fromEntries(Object.entries(row).map(([name, value]) =>
    [name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase()), value]));
}

module.exports = { camelled, healthOf };
