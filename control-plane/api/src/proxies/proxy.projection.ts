// Enrolled proxies for screens. A proxy has no name; it is listed by its id.

import type { EnrolledProxy } from "@tollgate/schema/resources";
import { EnrolledProxySchema } from "@tollgate/schema/resources";
import { resourceKind, resourceTables, stored } from "../listing/resource-rows.ts";

export const enrolledProxies = resourceKind("proxy", EnrolledProxySchema, {
  name: "enrolled_proxies",
  version: 1,
  tables: resourceTables,
  on: {
    ProxyEnrolled: ({ proxy }) => stored(EnrolledProxySchema, named(proxy)),
    ProxyRevoked: ({ proxy }) => stored(EnrolledProxySchema, named(proxy), { isLive: false }),
  },
});

function named(proxy: EnrolledProxy | undefined): (EnrolledProxy & { name: string }) | undefined {
  return proxy && { ...proxy, name: proxy.id };
}
