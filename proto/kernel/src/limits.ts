// Every bound that both planes must agree on, with its unit in its name. A limit that only one process knows lives in that
// process's `config.ts`; what stands here is part of the contract and changes only with an ADR.

export const limits = {
  /** An event's stored bytes. Well below the 1 MiB that a broker takes by default, headers included. */
  eventBytesMax: 512 * 1024,
  /** Events of one transaction; an applied `tollgate.yaml` is one. */
  commitEventsMax: 20_000,
  nameCharsMax: 63,
  urlCharsMax: 2_048,
  toolPatternsPerKeyMax: 1_000,
  toolPatternCharsMax: 256,
  toolPatternsPerGroupMax: 1_000,
  /** Of what bounds keys: customers, teams, users. */
  toolPatternsPerBoundMax: 1_000,
  toolGroupsPerHolderMax: 100,
  toolNameCharsMax: 256,
  modelPatternsPerKeyMax: 1_000,
  modelPatternsPerBoundMax: 1_000,
  modelPatternCharsMax: 256,
  modelNameCharsMax: 256,
  labelsPerKeyMax: 16,
  labelPatternsPerLabelMax: 100,
  /** With its name and what is between them it is one text of a fact, whole. */
  labelValueCharsMax: 64,
  labelsPerCallMax: 8,
  /** Of each header by which a request asks for less than its key reaches, or says its labels. */
  askedHeaderCharsMax: 4_096,
  askedHeaderItemsMax: 100,
  modelPatternsPerProviderMax: 1_000,
  modelPatternsPerCredentialMax: 100,
  credentialsPerProviderMax: 32,
  credentialWeightMax: 1_000,
  providerTimeoutSecondsMax: 3_600,
  /** Of one list, which is one event: so many fit into it with long names and all their tiers. */
  pricesPerListMax: 1_000,
  toolPricesPerListMax: 500,
  tiersPerPriceMax: 4,
  serviceTierCharsMax: 32,
  /** For a million tokens, for a request, for a search. */
  priceUsdMax: 1_000_000,
  /** That a model can read, or write. */
  modelTokensMax: 1_000_000_000,
  /** What a call may write where neither the request nor the price list says. */
  outputTokensAssumedMax: 128 * 1024,
  /** Those that are there. Each call is asked about by all that are not for others. */
  policiesMax: 200,
  policyMessageCharsMax: 500,
  policyMatchCharsMax: 4_096,
  policyMatchDepthMax: 32,
  /** Parts of an expression as it is read: names, values, calls. */
  policyMatchNodesMax: 500,
  policyMatchPartsDeepMax: 64,
  /** Macros such as `all` within each other. */
  policyMatchLoopsDeepMax: 2,
  /** Of one evaluation: a unit is a value that is looked at, a piece of a text, or a turn of a macro. */
  policyCostMax: 100_000,
  /** Longer ones are not read for a policy, which then refuses. */
  policyArgumentsCharsMax: 1024 * 1024,
  policyPatternCharsMax: 512,
  /** Of the program that a regular expression becomes. */
  policyPatternStepsMax: 2_000,
  policyPatternsMax: 8,
  policyReplacementCharsMax: 100,
  /** Of a message that something is taken out of; a larger one is refused. */
  policyRedactedBytesMax: 4 * 1024 * 1024,
  policySchemaCharsMax: 64 * 1024,
  policySchemaPartsMax: 1_000,
  policySchemaDepthMax: 20,
  /** Of one check of a call's arguments. */
  policySchemaStepsMax: 1_000_000,
  policyCoversMax: 100,
  policyOrderMax: 1_000_000,
  /** Keys, pairs of a key and what it may reach, and differences that a dry run looks at and tells. */
  dryRunKeysMax: 500,
  dryRunPairsMax: 50_000,
  dryRunEffectsMax: 500,
  headersPerServerMax: 32,
  headerValueBytesMax: 8 * 1024,
  commandArgumentsMax: 128,
  commandArgumentCharsMax: 4_096,
  variablesPerServerMax: 128,
  variableValueCharsMax: 16 * 1024,
  workingDirectoryCharsMax: 1_024,
  /** What is nested deeper is read by nobody here. */
  jsonDepthMax: 100,
  /** As a server sent it. A larger one is known by its hash alone. */
  definitionBytesMax: 128 * 1024,
  /** Tools, prompts, resources and templates of a server, of which its catalogue is told. */
  catalogueEntriesMax: 5_000,
  /** Of what a server calls a tool, prompt, resource or template: what is longer is no part of its catalogue. */
  catalogueNameCharsMax: 2_048,
  /** Of the definitions in one report; below what the control plane takes as one message. */
  catalogueReportBytesMax: 1024 * 1024,
  definitionChangesMax: 100,
  definitionTextCharsMax: 1_000,
  definitionFlagsMax: 32,
  secretBytesMax: 64 * 1024,
  configurationBytesMax: 4 * 1024 * 1024,
  configurationIssuesMax: 50,
  serverTimeoutSecondsMax: 3_600,
  rotationOverlapSecondsMax: 30 * 24 * 3_600,
  /** Two machines' clocks may differ by this much; where they meet, the safe side is taken. */
  clockSkewMs: 30_000,
  /** What a proxy's view may be old at most, is at least this: the skew is a part of every age. */
  replicaAgeMsMaxMin: 35_000,
  replicaAgeMsMaxMax: 30 * 24 * 3_600_000,
  /** Resources in one chunk of a snapshot, records in one batch of a watch. */
  snapshotChunkResourcesMax: 1_000,
  feedRecordsMax: 500,
  factsPerBatchMax: 2_000,
  pageRowsMax: 500,
  timeZoneCharsMax: 64,
  /** Of a budget, and of each override: in nano-dollars, all of them together fit into 63 bits. */
  budgetUsdMax: 100_000_000,
  thresholdsPerBudgetMax: 16,
  thresholdPercentMax: 1_000,
  /** Those that are over included; of them the oldest go first. */
  overridesPerBudgetMax: 50,
  overrideReasonCharsMax: 500,
  writeOffReasonCharsMax: 500,
  limitAmountMax: 1_000_000_000_000,
  patternsPerLimitMax: 100,
} as const;
