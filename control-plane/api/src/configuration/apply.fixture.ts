// Applying a `tollgate.yaml` at the admin API, as specs need it, and what of a plan would be done.

import type { AdminClient } from "../../../../test/support/admin-client.ts";

export type Step = { action: string; kind: string; name: string; fields: string[]; stays: string | null };

export type Applied = {
  __typename: string;
  plan: Step[];
  isApplied: boolean;
  issued: { name: string; secret: string }[];
  position: string;
  message: string;
  issues: { line: number; column: number; path: string; message: string }[];
};

export type Options = { variables?: Record<string, string>; dryRun?: boolean; prune?: boolean };

export async function applyTo(
  admin: AdminClient,
  file: string,
  { variables = {}, ...rest }: Options = {},
): Promise<Applied> {
  const { result } = await admin.run<{ result: Applied }>(
    `mutation ($file: String!, $variables: [ConfigurationVariable!], $dryRun: Boolean, $prune: Boolean) {
      result: applyConfiguration(file: $file, fileName: "t.yaml", variables: $variables, dryRun: $dryRun, prune: $prune) {
        __typename
        ... on ApplyConfigurationSucceeded {
          plan { action kind name fields stays } isApplied issued { name secret } position
        }
        ... on ConfigurationInvalid { message issues { line column path message } }
      }
    }`,
    { file, variables: Object.entries(variables).map(([name, value]) => ({ name, value })), ...rest },
  );
  return result;
}

/** "CREATE team a" */
export function done({ plan }: Applied): string[] {
  return plan.filter(({ action }) => action !== "NONE").map(({ action, kind, name }) => `${action} ${kind} ${name}`);
}
