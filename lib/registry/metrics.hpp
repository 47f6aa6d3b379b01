// What pools and statements have counted, by OpenTelemetry's names, as rows and as Prometheus' text.
#pragma once
#include "registry.hpp"
#include "table.hpp"

namespace tl::registry {

// A row for each number: connection, role, endpoint, metric, what distinguishes it within that (`le="0.5"`, null:
// nothing) and value. Of connections that are open; they begin anew when one is opened again.
[[nodiscard]] Table metrics_table(const Registry& registry, const Entries& entries);
// One row with one text, in Prometheus' exposition format 0.0.4.
[[nodiscard]] Table prometheus_table(const Registry& registry, const Entries& entries);

}  // namespace tl::registry
