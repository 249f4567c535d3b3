// Generated from proto/schema/graphql/admin.graphql by codegen.yml; not edited by hand.
export type Maybe<T> = T | null;
export type InputMaybe<T> = T | null | undefined;
/** All built-in and custom scalars, mapped to their actual values */
export type Scalars = {
  ID: { input: string; output: string; }
  String: { input: string; output: string; }
  Boolean: { input: boolean; output: boolean; }
  Int: { input: number; output: number; }
  Float: { input: number; output: number; }
  /** A whole number that may be larger than 2^53, as a decimal string. */
  BigInt: { input: bigint; output: bigint; }
  /** An instant, as RFC 3339 in UTC: 2027-01-31T18:00:00.000Z. */
  DateTime: { input: Date; output: Date; }
  /** An amount of US dollars, not negative, as a decimal string with at most nine decimals: 0.25. */
  Dollars: { input: bigint; output: bigint; }
  /** A position in the event log, as a decimal string. Give one as `atLeast` to read what you just wrote. */
  Position: { input: bigint; output: bigint; }
};

export type AddBudgetOverrideInput = {
  readonly amount: Scalars['Dollars']['input'];
  /** The budget's. */
  readonly id: Scalars['ID']['input'];
  readonly reason: Scalars['String']['input'];
  readonly until: Scalars['DateTime']['input'];
};

export type AddBudgetOverrideResult = AddBudgetOverrideSucceeded | InvalidInput | NotFound;

export type AddBudgetOverrideSucceeded = {
  readonly __typename?: 'AddBudgetOverrideSucceeded';
  readonly budget: Budget;
  readonly position: Scalars['Position']['output'];
};

export type AdminToken = {
  readonly __typename?: 'AdminToken';
  readonly createdAt: Scalars['DateTime']['output'];
  readonly expiresAt: Maybe<Scalars['DateTime']['output']>;
  readonly id: Scalars['ID']['output'];
  readonly name: Scalars['String']['output'];
  readonly revokedAt: Maybe<Scalars['DateTime']['output']>;
};

export type AdminTokenConnection = {
  readonly __typename?: 'AdminTokenConnection';
  readonly edges: ReadonlyArray<AdminTokenEdge>;
  readonly nodes: ReadonlyArray<AdminToken>;
  readonly pageInfo: PageInfo;
};

export type AdminTokenEdge = {
  readonly __typename?: 'AdminTokenEdge';
  readonly cursor: Scalars['String']['output'];
  readonly node: AdminToken;
};

export type AdminTokenFilter = {
  readonly id?: InputMaybe<Scalars['ID']['input']>;
  readonly includeRevoked?: InputMaybe<Scalars['Boolean']['input']>;
  readonly name?: InputMaybe<Scalars['String']['input']>;
};

export type AlreadyRevoked = Refusal & {
  readonly __typename?: 'AlreadyRevoked';
  readonly message: Scalars['String']['output'];
  readonly revokedAt: Scalars['DateTime']['output'];
};

export type ApplyConfigurationResult = ApplyConfigurationSucceeded | ConfigurationInvalid;

export type ApplyConfigurationSucceeded = {
  readonly __typename?: 'ApplyConfigurationSucceeded';
  /** False where it was a dry run. */
  readonly isApplied: Scalars['Boolean']['output'];
  /** Keys that the file names without a secret and that were made now. */
  readonly issued: ReadonlyArray<IssuedKey>;
  readonly plan: ReadonlyArray<ConfigurationStep>;
  readonly position: Scalars['Position']['output'];
};

export type ApproveToolsInput = {
  readonly serverId: Scalars['ID']['input'];
  /** At most 500. */
  readonly tools: ReadonlyArray<ToolDefinition>;
};

export type ApproveToolsResult = ApproveToolsSucceeded | InvalidInput | NotFound | ToolChanged;

export type ApproveToolsSucceeded = {
  readonly __typename?: 'ApproveToolsSucceeded';
  readonly position: Scalars['Position']['output'];
  readonly server: Server;
};

export type Budget = {
  readonly __typename?: 'Budget';
  /** Calls that ask for anything else of which the cost has no bound are refused. */
  readonly allow: ReadonlyArray<BudgetAllowance>;
  /** Counts changes of scope, period and time zone. */
  readonly edition: Scalars['Int']['output'];
  /**
   * The most by which what running calls can cost may be above what is held for them. Null: the smaller of a twentieth of the limit
   * and ten dollars.
   */
  readonly exposureMax: Maybe<Scalars['Dollars']['output']>;
  /** One that is not hard only warns. */
  readonly hard: Scalars['Boolean']['output'];
  readonly id: Scalars['ID']['output'];
  readonly limit: Scalars['Dollars']['output'];
  /** With all overrides that are not over. */
  readonly limitInForce: Scalars['Dollars']['output'];
  /** How many tokens are held beyond what was seen of an answer. */
  readonly marginTokens: Scalars['Int']['output'];
  readonly name: Scalars['String']['output'];
  readonly onLedgerLost: BudgetLedgerLost;
  /** The oldest first. Those that are over stay for a while. */
  readonly overrides: ReadonlyArray<BudgetOverride>;
  readonly period: BudgetPeriod;
  readonly reservation: BudgetReservation;
  readonly scope: QuotaScope;
  /** Of the limit in force, in per cent. */
  readonly thresholds: ReadonlyArray<Scalars['Int']['output']>;
  /** As IANA calls it. */
  readonly timeZone: Scalars['String']['output'];
  /** How it stands in the period that it is now; null where nothing was lent of it yet. */
  readonly usage: Maybe<BudgetUsage>;
};

/** What each call that asks for the feature may reserve for it. */
export type BudgetAllowance = {
  readonly __typename?: 'BudgetAllowance';
  readonly amount: Scalars['Dollars']['output'];
  readonly feature: BudgetFeature;
};

export type BudgetAllowanceInput = {
  readonly amount: Scalars['Dollars']['input'];
  readonly feature: BudgetFeature;
};

export type BudgetConnection = {
  readonly __typename?: 'BudgetConnection';
  readonly edges: ReadonlyArray<BudgetEdge>;
  readonly nodes: ReadonlyArray<Budget>;
  readonly pageInfo: PageInfo;
};

export type BudgetEdge = {
  readonly __typename?: 'BudgetEdge';
  readonly cursor: Scalars['String']['output'];
  readonly node: Budget;
};

/** What a call can ask of a provider so that nobody knows what it will cost at most. */
export type BudgetFeature =
  /** Another model that the model asks. */
  | 'ADVISOR'
  | 'CODE_EXECUTION'
  | 'FILE_SEARCH'
  | 'IMAGE_GENERATION'
  /** Servers that the provider calls itself. */
  | 'MCP'
  | 'WEB_FETCH'
  | 'WEB_SEARCH';

/** What becomes of calls while nobody can be asked whether there is money left. */
export type BudgetLedgerLost =
  | 'ALLOW'
  | 'REFUSE';

export type BudgetOverride = {
  readonly __typename?: 'BudgetOverride';
  readonly amount: Scalars['Dollars']['output'];
  /** Who added it: admin-token/… */
  readonly by: Scalars['String']['output'];
  readonly id: Scalars['ID']['output'];
  readonly reason: Scalars['String']['output'];
  readonly until: Scalars['DateTime']['output'];
};

/** By the calendar of the budget's time zone; a week begins on Monday. TOTAL never ends. */
export type BudgetPeriod =
  | 'DAY'
  | 'MONTH'
  | 'TOTAL'
  | 'WEEK'
  | 'YEAR';

/** How much of what a call can cost is held while it runs. */
export type BudgetReservation =
  /** All of it. */
  | 'FULL'
  /** What was seen so far and a margin, extended as an answer goes on. */
  | 'RUNNING';

/** By the ledger. A soft budget, of which nothing is lent, has none. */
export type BudgetUsage = {
  readonly __typename?: 'BudgetUsage';
  /** What proxies were lent beside, and no call holds. */
  readonly lent: Scalars['Dollars']['output'];
  readonly limit: Scalars['Dollars']['output'];
  /** Null: never. */
  readonly periodBegins: Maybe<Scalars['DateTime']['output']>;
  readonly periodEnds: Maybe<Scalars['DateTime']['output']>;
  /** What calls under way hold. */
  readonly reserved: Scalars['Dollars']['output'];
  /** What calls have cost, as far as it is settled. */
  readonly spent: Scalars['Dollars']['output'];
};

/** What a refused call does not have is empty or null. */
export type Call = {
  readonly __typename?: 'Call';
  readonly clientEra: Maybe<Era>;
  /** What the client says of itself. */
  readonly clientName: Maybe<Scalars['String']['output']>;
  readonly clientVersion: Maybe<Scalars['String']['output']>;
  /** The error registry's code of a refusal. */
  readonly code: Maybe<Scalars['String']['output']>;
  /** More than one for refusals that a proxy counted together: then without request, server, tool and model. */
  readonly count: Scalars['BigInt']['output'];
  readonly customerId: Maybe<Scalars['ID']['output']>;
  readonly door: Scalars['String']['output'];
  readonly epoch: Scalars['BigInt']['output'];
  readonly firstByteUs: Maybe<Scalars['BigInt']['output']>;
  /** Proxy, epoch and sequence number of its fact. */
  readonly id: Scalars['ID']['output'];
  readonly keyId: Maybe<Scalars['ID']['output']>;
  readonly labels: ReadonlyArray<CallLabel>;
  /** The protocol's: tools/call, prompts/get, resources/read or completion/complete. */
  readonly method: Maybe<Scalars['String']['output']>;
  /** At a door to models, as the client wrote it; only of refusals, other calls there are `modelCalls`. */
  readonly model: Maybe<Scalars['String']['output']>;
  /** The turn of a model that asked for it: the newest of its team's before it with this `toolUseId`. Null where none is known. */
  readonly modelCall: Maybe<ModelCall>;
  readonly outcome: CallOutcome;
  /** Where the fact comes from: unique together. */
  readonly proxyId: Scalars['ID']['output'];
  readonly requestBytes: Maybe<Scalars['BigInt']['output']>;
  readonly requestId: Scalars['String']['output'];
  readonly responseBytes: Maybe<Scalars['BigInt']['output']>;
  readonly seq: Scalars['BigInt']['output'];
  readonly server: Scalars['String']['output'];
  /** Null, too, where the server was never met. */
  readonly serverEra: Maybe<Era>;
  readonly serverId: Maybe<Scalars['ID']['output']>;
  /** What the client calls the work that this belongs to; where it does not say, a name of its session at the gate. */
  readonly sessionId: Maybe<Scalars['String']['output']>;
  readonly teamId: Maybe<Scalars['ID']['output']>;
  readonly time: Scalars['DateTime']['output'];
  /** What `method` is about: a tool, a prompt, or a resource by its URI. */
  readonly tool: Scalars['String']['output'];
  /** What the client calls this use of a tool. */
  readonly toolUseId: Maybe<Scalars['String']['output']>;
  readonly totalUs: Maybe<Scalars['BigInt']['output']>;
  readonly upstreamStatus: Maybe<Scalars['Int']['output']>;
  /** The key's user and the team's customer at that time. */
  readonly userId: Maybe<Scalars['ID']['output']>;
};

export type CallConnection = {
  readonly __typename?: 'CallConnection';
  readonly edges: ReadonlyArray<CallEdge>;
  readonly nodes: ReadonlyArray<Call>;
  readonly pageInfo: PageInfo;
};

export type CallDoor =
  | 'ANTHROPIC'
  | 'MCP'
  | 'OPENAI';

export type CallEdge = {
  readonly __typename?: 'CallEdge';
  readonly cursor: Scalars['String']['output'];
  readonly node: Call;
};

export type CallExplanation = {
  readonly __typename?: 'CallExplanation';
  /** Of the refusal, as a client would be told it. */
  readonly code: Maybe<Scalars['String']['output']>;
  /** Each level that bounds what the key reaches. */
  readonly grants: ReadonlyArray<GrantSaid>;
  readonly isAllowed: Scalars['Boolean']['output'];
  readonly message: Maybe<Scalars['String']['output']>;
  /** Those that were asked, in their order; nobody behind a refusal is. */
  readonly policies: ReadonlyArray<PolicySaid>;
  readonly position: Scalars['Position']['output'];
};

export type CallFilter = {
  readonly customerId?: InputMaybe<Scalars['ID']['input']>;
  /** mcp, anthropic or openai. */
  readonly door?: InputMaybe<Scalars['String']['input']>;
  /** At or after. */
  readonly from?: InputMaybe<Scalars['DateTime']['input']>;
  /** A key's name; revoked keys of that name are meant, too. */
  readonly key?: InputMaybe<Scalars['String']['input']>;
  readonly keyId?: InputMaybe<Scalars['ID']['input']>;
  readonly label?: InputMaybe<CallLabelInput>;
  readonly method?: InputMaybe<Scalars['String']['input']>;
  /** Of refusals at a door to models, as the client wrote it. */
  readonly model?: InputMaybe<Scalars['String']['input']>;
  readonly outcome?: InputMaybe<CallOutcome>;
  readonly requestId?: InputMaybe<Scalars['String']['input']>;
  readonly server?: InputMaybe<Scalars['String']['input']>;
  readonly sessionId?: InputMaybe<Scalars['String']['input']>;
  readonly teamId?: InputMaybe<Scalars['ID']['input']>;
  /** Before. */
  readonly to?: InputMaybe<Scalars['DateTime']['input']>;
  readonly tool?: InputMaybe<Scalars['String']['input']>;
  readonly toolUseId?: InputMaybe<Scalars['String']['input']>;
  readonly userId?: InputMaybe<Scalars['ID']['input']>;
};

/** What a call was marked with. */
export type CallLabel = {
  readonly __typename?: 'CallLabel';
  readonly name: Scalars['String']['output'];
  readonly value: Scalars['String']['output'];
};

export type CallLabelInput = {
  readonly name: Scalars['String']['input'];
  readonly value: Scalars['String']['input'];
};

export type CallOutcome =
  /** The server's answer was relayed to its end. */
  | 'ANSWERED'
  /** The client hung up first. */
  | 'CLIENT_CLOSED'
  /** The client was asked something in the middle of the call, and comes again with the answer: that is another call here. */
  | 'INPUT_REQUIRED'
  /** The gate refused it; `code` says why. */
  | 'REFUSED'
  /** The proxy ended while the call was under way: it was meant to go out, and nobody knows whether it did. */
  | 'UNKNOWN'
  /** The server could not be reached, broke off or timed out. */
  | 'UPSTREAM_FAILED';

export type CatalogueEntry = {
  readonly __typename?: 'CatalogueEntry';
  readonly approval: Maybe<ToolApproval>;
  readonly changedAt: Scalars['DateTime']['output'];
  /** As the server sent it: JSON. Null where it is too large or on its way. */
  readonly definition: Maybe<Scalars['String']['output']>;
  /** From the approved definition, or else the former one, to this one; null where there is none or its text is not known. */
  readonly difference: Maybe<DefinitionDifference>;
  readonly firstSeen: Scalars['DateTime']['output'];
  /** Where the definition holds characters that people do not see and models do. */
  readonly hidden: ReadonlyArray<HiddenCharacters>;
  /** Of tools: whether its definition is the approved one. */
  readonly isApproved: Scalars['Boolean']['output'];
  readonly kind: CatalogueKind;
  /** Of a resource its URI, of a template its URI template. */
  readonly name: Scalars['String']['output'];
  /** Of the definition before the last change. */
  readonly previousSha256: Maybe<Scalars['String']['output']>;
  /** Of its definition's canonical text, in hexadecimal. */
  readonly sha256: Scalars['String']['output'];
};

export type CatalogueEntryConnection = {
  readonly __typename?: 'CatalogueEntryConnection';
  readonly edges: ReadonlyArray<CatalogueEntryEdge>;
  readonly nodes: ReadonlyArray<CatalogueEntry>;
  readonly pageInfo: PageInfo;
};

export type CatalogueEntryEdge = {
  readonly __typename?: 'CatalogueEntryEdge';
  readonly cursor: Scalars['String']['output'];
  readonly node: CatalogueEntry;
};

export type CatalogueKind =
  | 'PROMPT'
  | 'RESOURCE'
  | 'RESOURCE_TEMPLATE'
  | 'TOOL';

/** What is absent stays; `exposureMax: null` takes it away. */
export type ChangeBudgetInput = {
  /** They take the place of all. */
  readonly allow?: InputMaybe<ReadonlyArray<BudgetAllowanceInput>>;
  readonly exposureMax?: InputMaybe<Scalars['Dollars']['input']>;
  readonly hard?: InputMaybe<Scalars['Boolean']['input']>;
  readonly id: Scalars['ID']['input'];
  readonly limit?: InputMaybe<Scalars['Dollars']['input']>;
  readonly marginTokens?: InputMaybe<Scalars['Int']['input']>;
  readonly onLedgerLost?: InputMaybe<BudgetLedgerLost>;
  readonly period?: InputMaybe<BudgetPeriod>;
  readonly reservation?: InputMaybe<BudgetReservation>;
  readonly scope?: InputMaybe<QuotaScopeInput>;
  readonly thresholds?: InputMaybe<ReadonlyArray<Scalars['Int']['input']>>;
  readonly timeZone?: InputMaybe<Scalars['String']['input']>;
};

export type ChangeBudgetResult = ChangeBudgetSucceeded | InvalidInput | NotFound | ReferenceMissing;

export type ChangeBudgetSucceeded = {
  readonly __typename?: 'ChangeBudgetSucceeded';
  readonly budget: Budget;
  readonly position: Scalars['Position']['output'];
};

/** What is absent stays. */
export type ChangeCustomerInput = {
  readonly id: Scalars['ID']['input'];
  readonly models?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
  /** By their names; they take the place of all. */
  readonly toolGroups?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
  readonly tools?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
};

export type ChangeCustomerResult = ChangeCustomerSucceeded | InvalidInput | NotFound | ReferenceMissing;

export type ChangeCustomerSucceeded = {
  readonly __typename?: 'ChangeCustomerSucceeded';
  readonly customer: Customer;
  readonly position: Scalars['Position']['output'];
};

/** What is absent stays; `expiresAt: null` takes the expiry away, and `userId: null` the user. */
export type ChangeKeyInput = {
  readonly expiresAt?: InputMaybe<Scalars['DateTime']['input']>;
  readonly id: Scalars['ID']['input'];
  readonly labels?: InputMaybe<ReadonlyArray<PermittedLabelInput>>;
  readonly models?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
  /** By their names; they take the place of all. */
  readonly toolGroups?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
  readonly tools?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
  readonly userId?: InputMaybe<Scalars['ID']['input']>;
};

export type ChangeKeyResult = AlreadyRevoked | ChangeKeySucceeded | InvalidInput | NotFound | ReferenceMissing;

export type ChangeKeySucceeded = {
  readonly __typename?: 'ChangeKeySucceeded';
  readonly key: Key;
  readonly position: Scalars['Position']['output'];
};

/** What is absent stays; `window: null` takes it away. */
export type ChangeLimitInput = {
  readonly amount?: InputMaybe<Scalars['BigInt']['input']>;
  readonly id: Scalars['ID']['input'];
  readonly measure?: InputMaybe<LimitMeasure>;
  readonly models?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
  readonly scope?: InputMaybe<QuotaScopeInput>;
  readonly tools?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
  readonly window?: InputMaybe<LimitWindow>;
};

export type ChangeLimitResult = ChangeLimitSucceeded | InvalidInput | NotFound | ReferenceMissing;

export type ChangeLimitSucceeded = {
  readonly __typename?: 'ChangeLimitSucceeded';
  readonly limit: Limit;
  readonly position: Scalars['Position']['output'];
};

export type ChangeModelAliasInput = {
  readonly id: Scalars['ID']['input'];
  /** They take the place of all. */
  readonly targets: ReadonlyArray<ModelTargetInput>;
};

export type ChangeModelAliasResult = ChangeModelAliasSucceeded | InvalidInput | NotFound | ReferenceMissing;

export type ChangeModelAliasSucceeded = {
  readonly __typename?: 'ChangeModelAliasSucceeded';
  readonly modelAlias: ModelAlias;
  readonly position: Scalars['Position']['output'];
};

export type ChangePolicyInput = {
  readonly id: Scalars['ID']['input'];
  readonly rule: PolicyRuleInput;
};

export type ChangePolicyResult = ChangePolicySucceeded | InvalidInput | NotFound | ReferenceMissing;

export type ChangePolicySucceeded = {
  readonly __typename?: 'ChangePolicySucceeded';
  readonly policy: Policy;
  readonly position: Scalars['Position']['output'];
};

/**
 * What is absent stays. `credentials` take the place of all. Where `baseUrl` changes to another origin, all of them are given
 * anew, by value or by the name of a secret: none is sent where it was not stored for.
 */
export type ChangeProviderInput = {
  readonly allowPrivateNetwork?: InputMaybe<Scalars['Boolean']['input']>;
  readonly baseUrl?: InputMaybe<Scalars['String']['input']>;
  readonly credentials?: InputMaybe<ReadonlyArray<ProviderCredentialInput>>;
  readonly id: Scalars['ID']['input'];
  readonly models?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
  readonly passthrough?: InputMaybe<Scalars['Boolean']['input']>;
  readonly timeoutSeconds?: InputMaybe<Scalars['Int']['input']>;
};

export type ChangeProviderResult = ChangeProviderSucceeded | InvalidInput | NotFound | ReferenceMissing;

export type ChangeProviderSucceeded = {
  readonly __typename?: 'ChangeProviderSucceeded';
  readonly position: Scalars['Position']['output'];
  readonly provider: Provider;
};

/**
 * What is absent stays. `headers` and `environment` replace all of them. Another `transport` takes away what the former one had
 * for itself: an address, or a program.
 */
export type ChangeServerInput = {
  readonly allowPrivateNetwork?: InputMaybe<Scalars['Boolean']['input']>;
  readonly catalogue?: InputMaybe<ServerCatalogue>;
  readonly command?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
  readonly environment?: InputMaybe<ReadonlyArray<ServerVariableInput>>;
  readonly era?: InputMaybe<ServerEra>;
  readonly headers?: InputMaybe<ReadonlyArray<ServerHeaderInput>>;
  readonly id: Scalars['ID']['input'];
  readonly isolation?: InputMaybe<ServerIsolation>;
  readonly timeoutSeconds?: InputMaybe<Scalars['Int']['input']>;
  readonly transport?: InputMaybe<ServerTransport>;
  readonly url?: InputMaybe<Scalars['String']['input']>;
  readonly workingDirectory?: InputMaybe<Scalars['String']['input']>;
};

export type ChangeServerResult = ChangeServerSucceeded | InvalidInput | NotFound | ReferenceMissing;

export type ChangeServerSucceeded = {
  readonly __typename?: 'ChangeServerSucceeded';
  readonly position: Scalars['Position']['output'];
  readonly server: Server;
};

/** What is absent stays. */
export type ChangeTeamInput = {
  /** For a team that has none: a customer's team stays with it. */
  readonly customerId?: InputMaybe<Scalars['ID']['input']>;
  readonly id: Scalars['ID']['input'];
  readonly models?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
  /** By their names; they take the place of all. */
  readonly toolGroups?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
  readonly tools?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
};

export type ChangeTeamResult = ChangeTeamSucceeded | InvalidInput | NotFound | ReferenceMissing;

export type ChangeTeamSucceeded = {
  readonly __typename?: 'ChangeTeamSucceeded';
  readonly position: Scalars['Position']['output'];
  readonly team: Team;
};

/** What is absent stays. */
export type ChangeToolGroupInput = {
  readonly eras?: InputMaybe<ReadonlyArray<Era>>;
  readonly id: Scalars['ID']['input'];
  readonly naming?: InputMaybe<ToolNaming>;
  readonly tools?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
};

export type ChangeToolGroupResult = ChangeToolGroupSucceeded | InvalidInput | NotFound;

export type ChangeToolGroupSucceeded = {
  readonly __typename?: 'ChangeToolGroupSucceeded';
  readonly position: Scalars['Position']['output'];
  readonly toolGroup: ToolGroup;
};

/** What is absent stays. */
export type ChangeUserInput = {
  readonly id: Scalars['ID']['input'];
  readonly models?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
  /** By their names; they take the place of all. */
  readonly toolGroups?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
  readonly tools?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
};

export type ChangeUserResult = ChangeUserSucceeded | InvalidInput | NotFound | ReferenceMissing;

export type ChangeUserSucceeded = {
  readonly __typename?: 'ChangeUserSucceeded';
  readonly position: Scalars['Position']['output'];
  readonly user: User;
};

export type ConfigurationAction =
  | 'CHANGE'
  | 'CREATE'
  | 'NONE'
  | 'RETIRE';

export type ConfigurationInvalid = Refusal & {
  readonly __typename?: 'ConfigurationInvalid';
  readonly issues: ReadonlyArray<ConfigurationIssue>;
  /** One line for each issue: file:line:column: sentence. */
  readonly message: Scalars['String']['output'];
};

export type ConfigurationIssue = {
  readonly __typename?: 'ConfigurationIssue';
  readonly column: Scalars['Int']['output'];
  readonly line: Scalars['Int']['output'];
  readonly message: Scalars['String']['output'];
  readonly path: Scalars['String']['output'];
};

export type ConfigurationStep = {
  readonly __typename?: 'ConfigurationStep';
  readonly action: ConfigurationAction;
  /** What changes, for CHANGE. */
  readonly fields: ReadonlyArray<Scalars['String']['output']>;
  /** tool-group, customer, team, user, key, server, provider, model-alias, price-list, environment, budget or limit. */
  readonly kind: Scalars['String']['output'];
  readonly name: Scalars['String']['output'];
  /** For NONE: the file asks for a key that is over. It stays so, and the rest of the file is applied. */
  readonly stays: Maybe<KeyEnd>;
};

export type ConfigurationVariable = {
  readonly name: Scalars['String']['input'];
  readonly value: Scalars['String']['input'];
};

export type CreateBudgetInput = {
  /** None unless told. */
  readonly allow?: InputMaybe<ReadonlyArray<BudgetAllowanceInput>>;
  readonly exposureMax?: InputMaybe<Scalars['Dollars']['input']>;
  /** True unless told. */
  readonly hard?: InputMaybe<Scalars['Boolean']['input']>;
  readonly limit: Scalars['Dollars']['input'];
  /** 2048 unless told. */
  readonly marginTokens?: InputMaybe<Scalars['Int']['input']>;
  readonly name: Scalars['String']['input'];
  /** REFUSE unless told. */
  readonly onLedgerLost?: InputMaybe<BudgetLedgerLost>;
  readonly period: BudgetPeriod;
  /** RUNNING unless told. */
  readonly reservation?: InputMaybe<BudgetReservation>;
  readonly scope: QuotaScopeInput;
  /** Rising; 50, 75, 90 and 100 unless told. */
  readonly thresholds?: InputMaybe<ReadonlyArray<Scalars['Int']['input']>>;
  /** UTC unless told. */
  readonly timeZone?: InputMaybe<Scalars['String']['input']>;
};

export type CreateBudgetResult = CreateBudgetSucceeded | InvalidInput | NameTaken | ReferenceMissing;

export type CreateBudgetSucceeded = {
  readonly __typename?: 'CreateBudgetSucceeded';
  readonly budget: Budget;
  readonly position: Scalars['Position']['output'];
};

export type CreateCustomerInput = {
  readonly models?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
  readonly name: Scalars['String']['input'];
  /** By their names. */
  readonly toolGroups?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
  readonly tools?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
};

export type CreateCustomerResult = CreateCustomerSucceeded | InvalidInput | NameTaken | ReferenceMissing;

export type CreateCustomerSucceeded = {
  readonly __typename?: 'CreateCustomerSucceeded';
  readonly customer: Customer;
  readonly position: Scalars['Position']['output'];
};

export type CreateLimitInput = {
  readonly amount: Scalars['BigInt']['input'];
  readonly measure: LimitMeasure;
  readonly models?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
  readonly name: Scalars['String']['input'];
  readonly scope: QuotaScopeInput;
  readonly tools?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
  /** Of all but concurrent calls. */
  readonly window?: InputMaybe<LimitWindow>;
};

export type CreateLimitResult = CreateLimitSucceeded | InvalidInput | NameTaken | ReferenceMissing;

export type CreateLimitSucceeded = {
  readonly __typename?: 'CreateLimitSucceeded';
  readonly limit: Limit;
  readonly position: Scalars['Position']['output'];
};

export type CreateModelAliasInput = {
  /** Without a slash. */
  readonly name: Scalars['String']['input'];
  readonly targets: ReadonlyArray<ModelTargetInput>;
};

export type CreateModelAliasResult = CreateModelAliasSucceeded | InvalidInput | NameTaken | ReferenceMissing;

export type CreateModelAliasSucceeded = {
  readonly __typename?: 'CreateModelAliasSucceeded';
  readonly modelAlias: ModelAlias;
  readonly position: Scalars['Position']['output'];
};

export type CreatePolicyInput = {
  readonly name: Scalars['String']['input'];
  readonly rule: PolicyRuleInput;
};

export type CreatePolicyResult = CreatePolicySucceeded | InvalidInput | NameTaken | ReferenceMissing;

export type CreatePolicySucceeded = {
  readonly __typename?: 'CreatePolicySucceeded';
  readonly policy: Policy;
  readonly position: Scalars['Position']['output'];
};

export type CreateTeamInput = {
  readonly customerId?: InputMaybe<Scalars['ID']['input']>;
  readonly models?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
  readonly name: Scalars['String']['input'];
  /** By their names. */
  readonly toolGroups?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
  readonly tools?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
};

export type CreateTeamResult = CreateTeamSucceeded | InvalidInput | NameTaken | ReferenceMissing;

export type CreateTeamSucceeded = {
  readonly __typename?: 'CreateTeamSucceeded';
  readonly position: Scalars['Position']['output'];
  readonly team: Team;
};

export type CreateToolGroupInput = {
  readonly eras?: InputMaybe<ReadonlyArray<Era>>;
  readonly name: Scalars['String']['input'];
  /** AUTO unless told. */
  readonly naming?: InputMaybe<ToolNaming>;
  readonly tools: ReadonlyArray<Scalars['String']['input']>;
};

export type CreateToolGroupResult = CreateToolGroupSucceeded | InvalidInput | NameTaken;

export type CreateToolGroupSucceeded = {
  readonly __typename?: 'CreateToolGroupSucceeded';
  readonly position: Scalars['Position']['output'];
  readonly toolGroup: ToolGroup;
};

export type CreateUserInput = {
  /** Said here or never. */
  readonly customerId?: InputMaybe<Scalars['ID']['input']>;
  readonly models?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
  readonly name: Scalars['String']['input'];
  /** By their names. */
  readonly toolGroups?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
  readonly tools?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
};

export type CreateUserResult = CreateUserSucceeded | InvalidInput | NameTaken | ReferenceMissing;

export type CreateUserSucceeded = {
  readonly __typename?: 'CreateUserSucceeded';
  readonly position: Scalars['Position']['output'];
  readonly user: User;
};

export type CredentialError = {
  readonly __typename?: 'CredentialError';
  readonly attempts: Scalars['BigInt']['output'];
  /** A status, or in a word what came in its place: no-answer, broke-off. */
  readonly what: Scalars['String']['output'];
};

export type CredentialHeadroom = {
  readonly __typename?: 'CredentialHeadroom';
  readonly requestsLimit: Maybe<Scalars['BigInt']['output']>;
  readonly requestsRemaining: Maybe<Scalars['BigInt']['output']>;
  readonly time: Scalars['DateTime']['output'];
  readonly tokensLimit: Maybe<Scalars['BigInt']['output']>;
  readonly tokensRemaining: Maybe<Scalars['BigInt']['output']>;
};

/** A provider's credential, as the facts of a time have it. One that was not used in that time is not there. */
export type CredentialHealth = {
  readonly __typename?: 'CredentialHealth';
  /** Attempts of calls, whether or not another was made after it. */
  readonly attempts: Scalars['BigInt']['output'];
  readonly credential: Scalars['String']['output'];
  /** Failures of all attempts, from 0 to 1. */
  readonly errorRate: Scalars['Float']['output'];
  /** All that went wrong, the caller's mistakes included, the most frequent first: at most 20. */
  readonly errors: ReadonlyArray<CredentialError>;
  /** Attempts that failed for what is not the caller's doing: no answer, one that broke off, 401, 403, 408, 409, 429, 5xx. */
  readonly failures: Scalars['BigInt']['output'];
  /** From the call's arrival to the first byte of its answer, where that was no error: the median, and what 95 % are within. */
  readonly firstByteUsP50: Maybe<Scalars['BigInt']['output']>;
  readonly firstByteUsP95: Maybe<Scalars['BigInt']['output']>;
  /** As the provider said with the newest answer that said any; null where none did. */
  readonly headroom: Maybe<CredentialHeadroom>;
  /** Of the newest attempt; null where no answer came. */
  readonly lastStatus: Maybe<Scalars['Int']['output']>;
  readonly lastTime: Scalars['DateTime']['output'];
};

/** Who a gate is run for. Teams and users may be a customer's. */
export type Customer = {
  readonly __typename?: 'Customer';
  readonly id: Scalars['ID']['output'];
  /** Patterns that bound which models the keys of its teams reach, as those of keys. With none it bounds nothing. */
  readonly models: ReadonlyArray<Scalars['String']['output']>;
  readonly name: Scalars['String']['output'];
  readonly toolGroupIds: ReadonlyArray<Scalars['ID']['output']>;
  /** Null only together with an error. */
  readonly toolGroups: Maybe<ReadonlyArray<ToolGroup>>;
  /** Patterns that bound what the keys of its teams reach, as those of keys. With neither these nor `toolGroups` it bounds nothing. */
  readonly tools: ReadonlyArray<Scalars['String']['output']>;
};

export type CustomerConnection = {
  readonly __typename?: 'CustomerConnection';
  readonly edges: ReadonlyArray<CustomerEdge>;
  readonly nodes: ReadonlyArray<Customer>;
  readonly pageInfo: PageInfo;
};

export type CustomerEdge = {
  readonly __typename?: 'CustomerEdge';
  readonly cursor: Scalars['String']['output'];
  readonly node: Customer;
};

/** Texts are JSON, and cut where they are long; null where nothing was or is. */
export type DefinitionChange = {
  readonly __typename?: 'DefinitionChange';
  readonly after: Maybe<Scalars['String']['output']>;
  readonly before: Maybe<Scalars['String']['output']>;
  /** JSON Pointer. */
  readonly path: Scalars['String']['output'];
};

export type DefinitionDifference = {
  readonly __typename?: 'DefinitionDifference';
  readonly changes: ReadonlyArray<DefinitionChange>;
  /** False where there are more than these. */
  readonly isWhole: Scalars['Boolean']['output'];
};

export type DenyRule = {
  readonly __typename?: 'DenyRule';
  /** For whoever calls. */
  readonly message: Scalars['String']['output'];
};

export type DenyRuleInput = {
  readonly message?: InputMaybe<Scalars['String']['input']>;
};

export type DryRunEffect = {
  readonly __typename?: 'DryRunEffect';
  readonly after: Reach;
  readonly before: Reach;
  readonly keyId: Scalars['ID']['output'];
  readonly kind: ReachedKind;
  /** server/tool, or a model as clients write it. */
  readonly name: Scalars['String']['output'];
};

export type DryRunResult = ConfigurationInvalid | DryRunSucceeded;

export type DryRunSucceeded = {
  readonly __typename?: 'DryRunSucceeded';
  /** What keys would be answered otherwise, of the tools that servers were seen to have and of the models that are listed. */
  readonly effects: ReadonlyArray<DryRunEffect>;
  /** False where there was more than a dry run looks at or tells. */
  readonly isWhole: Scalars['Boolean']['output'];
  readonly plan: ReadonlyArray<ConfigurationStep>;
  readonly position: Scalars['Position']['output'];
};

export type EndBudgetOverrideInput = {
  /** The budget's. */
  readonly id: Scalars['ID']['input'];
  readonly overrideId: Scalars['ID']['input'];
};

export type EndBudgetOverrideResult = EndBudgetOverrideSucceeded | NotFound;

export type EndBudgetOverrideSucceeded = {
  readonly __typename?: 'EndBudgetOverrideSucceeded';
  readonly budget: Budget;
  readonly position: Scalars['Position']['output'];
};

/** A proxy that may hold certificates. */
export type EnrolledProxy = {
  readonly __typename?: 'EnrolledProxy';
  readonly enrolledAt: Scalars['DateTime']['output'];
  readonly environment: Scalars['String']['output'];
  readonly id: Scalars['ID']['output'];
  /** The token that it joined with. */
  readonly joinTokenId: Scalars['ID']['output'];
  readonly region: Scalars['String']['output'];
  readonly revokedAt: Maybe<Scalars['DateTime']['output']>;
};

export type EnrolledProxyConnection = {
  readonly __typename?: 'EnrolledProxyConnection';
  readonly edges: ReadonlyArray<EnrolledProxyEdge>;
  readonly nodes: ReadonlyArray<EnrolledProxy>;
  readonly pageInfo: PageInfo;
};

export type EnrolledProxyEdge = {
  readonly __typename?: 'EnrolledProxyEdge';
  readonly cursor: Scalars['String']['output'];
  readonly node: EnrolledProxy;
};

/** What holds for the proxies that are started for it, by TOLLGATE_ENVIRONMENT. */
export type Environment = {
  readonly __typename?: 'Environment';
  readonly id: Scalars['ID']['output'];
  readonly name: Scalars['String']['output'];
  /** How old the view of its proxies may be, in milliseconds; past it they refuse. Null: each proxy's own setting. */
  readonly replicaAgeMsMax: Maybe<Scalars['BigInt']['output']>;
};

export type EnvironmentConnection = {
  readonly __typename?: 'EnvironmentConnection';
  readonly edges: ReadonlyArray<EnvironmentEdge>;
  readonly nodes: ReadonlyArray<Environment>;
  readonly pageInfo: PageInfo;
};

export type EnvironmentEdge = {
  readonly __typename?: 'EnvironmentEdge';
  readonly cursor: Scalars['String']['output'];
  readonly node: Environment;
};

/** A generation of MCP: with sessions, to 2025-11-25, or stateless, from 2026-07-28. */
export type Era =
  | 'LEGACY'
  | 'MODERN';

export type EraseSecretResult = EraseSecretSucceeded | InUse | NotFound;

export type EraseSecretSucceeded = {
  readonly __typename?: 'EraseSecretSucceeded';
  readonly id: Scalars['ID']['output'];
  readonly position: Scalars['Position']['output'];
};

/** What is not given is empty. A call to a server names one of tool, prompt and resource, by the server's own name. */
export type ExplainCallInput = {
  readonly agentId?: InputMaybe<Scalars['String']['input']>;
  /** As JSON. */
  readonly arguments?: InputMaybe<Scalars['String']['input']>;
  readonly clientName?: InputMaybe<Scalars['String']['input']>;
  readonly clientVersion?: InputMaybe<Scalars['String']['input']>;
  readonly door: CallDoor;
  readonly headers?: InputMaybe<ReadonlyArray<ExplainedHeaderInput>>;
  readonly ip?: InputMaybe<Scalars['String']['input']>;
  readonly keyId: Scalars['ID']['input'];
  /** Where nothing is said, the door's most usual. */
  readonly method?: InputMaybe<Scalars['String']['input']>;
  /** As a client writes it. */
  readonly model?: InputMaybe<Scalars['String']['input']>;
  readonly prompt?: InputMaybe<Scalars['String']['input']>;
  readonly resource?: InputMaybe<Scalars['String']['input']>;
  readonly server?: InputMaybe<Scalars['String']['input']>;
  readonly sessionId?: InputMaybe<Scalars['String']['input']>;
  readonly stream?: InputMaybe<Scalars['Boolean']['input']>;
  /** Now, where nothing is said. */
  readonly time?: InputMaybe<Scalars['DateTime']['input']>;
  readonly tool?: InputMaybe<Scalars['String']['input']>;
};

export type ExplainedHeaderInput = {
  readonly name: Scalars['String']['input'];
  readonly value: Scalars['String']['input'];
};

export type FactGap = {
  readonly __typename?: 'FactGap';
  readonly epoch: Scalars['BigInt']['output'];
  readonly facts: Scalars['BigInt']['output'];
  readonly firstSeq: Scalars['BigInt']['output'];
  readonly lastSeq: Scalars['BigInt']['output'];
  /** Calls under way when the epoch was last heard of. */
  readonly openCalls: Scalars['BigInt']['output'];
  readonly proxyId: Scalars['ID']['output'];
  readonly reason: Maybe<Scalars['String']['output']>;
  readonly state: FactGapState;
  /** When it was stated, or when the epoch was last heard of. */
  readonly time: Scalars['DateTime']['output'];
};

export type FactGapConnection = {
  readonly __typename?: 'FactGapConnection';
  readonly edges: ReadonlyArray<FactGapEdge>;
  readonly nodes: ReadonlyArray<FactGap>;
  readonly pageInfo: PageInfo;
};

export type FactGapEdge = {
  readonly __typename?: 'FactGapEdge';
  readonly cursor: Scalars['String']['output'];
  readonly node: FactGap;
};

export type FactGapState =
  /** On its way: the proxy was heard of lately. */
  | 'IN_TRANSIT'
  /** The proxy said that they are gone. */
  | 'LOST'
  /** The proxy said how many there are and was not heard of since; they come when its disk does. */
  | 'MISSING';

export type GrantLevel =
  | 'KEY'
  | 'TEAM';

export type GrantSaid = {
  readonly __typename?: 'GrantSaid';
  readonly isAllowed: Scalars['Boolean']['output'];
  readonly level: GrantLevel;
};

export type HiddenCharacters = {
  readonly __typename?: 'HiddenCharacters';
  readonly codePoints: ReadonlyArray<Scalars['Int']['output']>;
  /** JSON Pointer. */
  readonly path: Scalars['String']['output'];
};

export type ImportProblem = {
  readonly __typename?: 'ImportProblem';
  readonly message: Scalars['String']['output'];
  /** As it is called in the list; null of what is wrong with the list itself. */
  readonly server: Maybe<Scalars['String']['output']>;
};

export type ImportRefused = Refusal & {
  readonly __typename?: 'ImportRefused';
  /** A line for each problem. */
  readonly message: Scalars['String']['output'];
  readonly problems: ReadonlyArray<ImportProblem>;
};

export type ImportServersInput = {
  readonly dryRun?: InputMaybe<Scalars['Boolean']['input']>;
  /** The list as it stands in its file. */
  readonly json: Scalars['String']['input'];
  /** Whether a server of the same name that has another address or command is changed; refused unless told. */
  readonly replace?: InputMaybe<Scalars['Boolean']['input']>;
  /** For `${NAME}` in the list; not given, a list that refers to any is refused. */
  readonly variables?: InputMaybe<ReadonlyArray<ConfigurationVariable>>;
};

export type ImportServersResult = ImportRefused | ImportServersSucceeded;

export type ImportServersSucceeded = {
  readonly __typename?: 'ImportServersSucceeded';
  /** False where it was a dry run. */
  readonly isApplied: Scalars['Boolean']['output'];
  readonly position: Scalars['Position']['output'];
  readonly servers: ReadonlyArray<ImportedServer>;
};

export type ImportedServer = {
  readonly __typename?: 'ImportedServer';
  readonly action: ConfigurationAction;
  /** What changes, for CHANGE. */
  readonly fields: ReadonlyArray<Scalars['String']['output']>;
  /** As it is called in the list. */
  readonly from: Scalars['String']['output'];
  readonly name: Scalars['String']['output'];
  /** The headers and variables whose values are stored as secrets. */
  readonly secrets: ReadonlyArray<Scalars['String']['output']>;
};

/** Something else still needs it. */
export type InUse = Refusal & {
  readonly __typename?: 'InUse';
  /** Who: key/… */
  readonly by: Scalars['String']['output'];
  readonly message: Scalars['String']['output'];
};

/** A field's value cannot be taken. */
export type InvalidInput = Refusal & {
  readonly __typename?: 'InvalidInput';
  readonly field: Scalars['String']['output'];
  readonly message: Scalars['String']['output'];
};

export type IssueAdminTokenInput = {
  readonly expiresAt?: InputMaybe<Scalars['DateTime']['input']>;
  readonly name: Scalars['String']['input'];
};

export type IssueAdminTokenResult = InvalidInput | IssueAdminTokenSucceeded | NameTaken;

export type IssueAdminTokenSucceeded = {
  readonly __typename?: 'IssueAdminTokenSucceeded';
  readonly adminToken: AdminToken;
  readonly position: Scalars['Position']['output'];
  /** The whole token. It is shown here and never again: null in a repeated answer. Revoke a token that was lost. */
  readonly secret: Maybe<Scalars['String']['output']>;
};

export type IssueJoinTokenInput = {
  readonly environment?: InputMaybe<Scalars['String']['input']>;
  readonly expiresAt?: InputMaybe<Scalars['DateTime']['input']>;
  readonly name: Scalars['String']['input'];
  /** 1 where it is not given: a token for one proxy. */
  readonly usesMax?: InputMaybe<Scalars['Int']['input']>;
};

export type IssueJoinTokenResult = InvalidInput | IssueJoinTokenSucceeded | NameTaken;

export type IssueJoinTokenSucceeded = {
  readonly __typename?: 'IssueJoinTokenSucceeded';
  readonly joinToken: JoinToken;
  readonly position: Scalars['Position']['output'];
  /**
   * The whole token, for TOLLGATE_JOIN_TOKEN of a proxy, with the pin by which the proxy knows this control plane. It is shown
   * here and never again: null in a repeated answer. Revoke a token that was lost.
   */
  readonly secret: Maybe<Scalars['String']['output']>;
};

export type IssueKeyInput = {
  readonly expiresAt?: InputMaybe<Scalars['DateTime']['input']>;
  readonly labels?: InputMaybe<ReadonlyArray<PermittedLabelInput>>;
  readonly models?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
  readonly name: Scalars['String']['input'];
  /** AGENT unless told. */
  readonly purpose?: InputMaybe<KeyPurpose>;
  readonly teamId: Scalars['ID']['input'];
  /** By their names. */
  readonly toolGroups?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
  readonly tools?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
  /** One of the team's customer, or of none. */
  readonly userId?: InputMaybe<Scalars['ID']['input']>;
};

export type IssueKeyResult = InvalidInput | IssueKeySucceeded | NameTaken | ReferenceMissing;

export type IssueKeySucceeded = {
  readonly __typename?: 'IssueKeySucceeded';
  readonly key: Key;
  readonly position: Scalars['Position']['output'];
  /** The whole key. It is shown here and never again: null in a repeated answer. Rotate a key whose secret was lost. */
  readonly secret: Maybe<Scalars['String']['output']>;
};

export type IssuedKey = {
  readonly __typename?: 'IssuedKey';
  readonly name: Scalars['String']['output'];
  /** The whole key. It is shown here and never again: null in a repeated answer. Rotate a key whose secret was lost. */
  readonly secret: Maybe<Scalars['String']['output']>;
};

export type JoinToken = {
  readonly __typename?: 'JoinToken';
  readonly createdAt: Scalars['DateTime']['output'];
  /** Only proxies of this environment may use it; null: of any. */
  readonly environment: Maybe<Scalars['String']['output']>;
  readonly expiresAt: Maybe<Scalars['DateTime']['output']>;
  readonly id: Scalars['ID']['output'];
  readonly name: Scalars['String']['output'];
  readonly revokedAt: Maybe<Scalars['DateTime']['output']>;
  /** The proxies that it let in, each once. */
  readonly usedBy: ReadonlyArray<Scalars['ID']['output']>;
  /** How many proxies it lets in. */
  readonly usesMax: Scalars['Int']['output'];
};

export type JoinTokenConnection = {
  readonly __typename?: 'JoinTokenConnection';
  readonly edges: ReadonlyArray<JoinTokenEdge>;
  readonly nodes: ReadonlyArray<JoinToken>;
  readonly pageInfo: PageInfo;
};

export type JoinTokenEdge = {
  readonly __typename?: 'JoinTokenEdge';
  readonly cursor: Scalars['String']['output'];
  readonly node: JoinToken;
};

export type JoinTokenFilter = {
  readonly id?: InputMaybe<Scalars['ID']['input']>;
  readonly includeRevoked?: InputMaybe<Scalars['Boolean']['input']>;
  readonly name?: InputMaybe<Scalars['String']['input']>;
};

export type Key = {
  readonly __typename?: 'Key';
  readonly createdAt: Scalars['DateTime']['output'];
  readonly expiresAt: Maybe<Scalars['DateTime']['output']>;
  /** Until when the secret before the last rotation is still accepted. */
  readonly formerSecretValidUntil: Maybe<Scalars['DateTime']['output']>;
  readonly id: Scalars['ID']['output'];
  /** What its calls may be marked with. A call that brings another label is refused. */
  readonly labels: ReadonlyArray<PermittedLabel>;
  /**
   * Patterns: `provider/model`, `*` for any part of either; without a slash, the name of an alias; `*` alone is all. A key
   * reaches what its patterns grant, within what those of its user, its team and the team's customer do; with none it
   * reaches no model.
   */
  readonly models: ReadonlyArray<Scalars['String']['output']>;
  readonly name: Scalars['String']['output'];
  readonly purpose: KeyPurpose;
  readonly revokedAt: Maybe<Scalars['DateTime']['output']>;
  readonly status: KeyStatus;
  /**
   * Also when it was retired, which it can be once all of its keys are revoked. Null only together with an error: what could
   * not be read must not take the rest of the answer along, which may hold a secret that is told once.
   */
  readonly team: Maybe<Team>;
  readonly teamId: Scalars['ID']['output'];
  readonly toolGroupIds: ReadonlyArray<Scalars['ID']['output']>;
  /** Null only together with an error, like `team`. */
  readonly toolGroups: Maybe<ReadonlyArray<ToolGroup>>;
  /**
   * Patterns: `server/tool`, `*` within a segment; `server/*` is the whole server, its prompts and resources included;
   * `prompt:server/name` and `resource:server/uri` grant those. A key reaches what its patterns and groups grant, within what
   * its user, its team and the team's customer are granted; with none it reaches nothing.
   */
  readonly tools: ReadonlyArray<Scalars['String']['output']>;
  /** Null where it is nobody's, or together with an error, like `team`. */
  readonly user: Maybe<User>;
  readonly userId: Maybe<Scalars['ID']['output']>;
};

export type KeyConnection = {
  readonly __typename?: 'KeyConnection';
  readonly edges: ReadonlyArray<KeyEdge>;
  readonly nodes: ReadonlyArray<Key>;
  readonly pageInfo: PageInfo;
};

export type KeyEdge = {
  readonly __typename?: 'KeyEdge';
  readonly cursor: Scalars['String']['output'];
  readonly node: Key;
};

export type KeyEnd =
  /** There is no such key, and its expiry in the file has passed. */
  | 'EXPIRED'
  /** Its secret is that of a revoked key, which does not come back. */
  | 'REVOKED';

export type KeyFilter = {
  readonly id?: InputMaybe<Scalars['ID']['input']>;
  readonly includeRevoked?: InputMaybe<Scalars['Boolean']['input']>;
  readonly name?: InputMaybe<Scalars['String']['input']>;
  readonly teamId?: InputMaybe<Scalars['ID']['input']>;
};

/** AGENT keys (`tg_key_…`) are carried by people's agents, SERVICE keys (`tg_svc_…`) by machines. */
export type KeyPurpose =
  | 'AGENT'
  | 'SERVICE';

export type KeyStatus =
  | 'ACTIVE'
  | 'EXPIRED'
  | 'REVOKED';

export type KindDigest = {
  readonly __typename?: 'KindDigest';
  /** In hexadecimal. */
  readonly digest: Scalars['String']['output'];
  readonly kind: Scalars['String']['output'];
  readonly resources: Scalars['BigInt']['output'];
};

export type Limit = {
  readonly __typename?: 'Limit';
  readonly amount: Scalars['BigInt']['output'];
  readonly id: Scalars['ID']['output'];
  readonly measure: LimitMeasure;
  /** Patterns of the calls that it is for, as those of keys, but for aliases. With neither these nor `tools`, it is for all. */
  readonly models: ReadonlyArray<Scalars['String']['output']>;
  readonly name: Scalars['String']['output'];
  /** Never a label. */
  readonly scope: QuotaScope;
  readonly tools: ReadonlyArray<Scalars['String']['output']>;
  /** Slides. Null for concurrent calls. */
  readonly window: Maybe<LimitWindow>;
};

export type LimitConnection = {
  readonly __typename?: 'LimitConnection';
  readonly edges: ReadonlyArray<LimitEdge>;
  readonly nodes: ReadonlyArray<Limit>;
  readonly pageInfo: PageInfo;
};

export type LimitEdge = {
  readonly __typename?: 'LimitEdge';
  readonly cursor: Scalars['String']['output'];
  readonly node: Limit;
};

export type LimitMeasure =
  | 'CONCURRENT_CALLS'
  | 'REQUESTS'
  /** Of models. */
  | 'TOKENS';

/**
 * What the policy matches counts against one amount, over all proxies and whoever calls. A call counts once all policies have let it
 * through; tokens are those of models.
 */
export type LimitRule = {
  readonly __typename?: 'LimitRule';
  readonly amount: Scalars['BigInt']['output'];
  readonly measure: LimitMeasure;
  /** Slides; of calls at one time there is none. */
  readonly window: Maybe<LimitWindow>;
};

export type LimitRuleInput = {
  readonly amount: Scalars['BigInt']['input'];
  readonly measure: LimitMeasure;
  readonly window?: InputMaybe<LimitWindow>;
};

export type LimitWindow =
  | 'DAY'
  | 'HOUR'
  | 'MINUTE';

export type Log = {
  readonly __typename?: 'Log';
  readonly id: Scalars['ID']['output'];
  readonly incarnation: Scalars['Int']['output'];
  readonly position: Scalars['Position']['output'];
};

export type LogIdentity = {
  readonly __typename?: 'LogIdentity';
  readonly id: Scalars['ID']['output'];
  readonly incarnation: Scalars['Int']['output'];
};

/** Another name for a model. */
export type ModelAlias = {
  readonly __typename?: 'ModelAlias';
  readonly id: Scalars['ID']['output'];
  readonly name: Scalars['String']['output'];
  /** One, so far. */
  readonly targets: ReadonlyArray<ModelTarget>;
};

export type ModelAliasConnection = {
  readonly __typename?: 'ModelAliasConnection';
  readonly edges: ReadonlyArray<ModelAliasEdge>;
  readonly nodes: ReadonlyArray<ModelAlias>;
  readonly pageInfo: PageInfo;
};

export type ModelAliasEdge = {
  readonly __typename?: 'ModelAliasEdge';
  readonly cursor: Scalars['String']['output'];
  readonly node: ModelAlias;
};

/** A call that went out to a provider: one turn of a model. */
export type ModelCall = {
  readonly __typename?: 'ModelCall';
  readonly agentId: Maybe<Scalars['String']['output']>;
  /** 0 where nobody knows. */
  readonly attempts: Scalars['Int']['output'];
  readonly basis: UsageBasis;
  /** What the client says of itself. */
  readonly clientName: Maybe<Scalars['String']['output']>;
  readonly clientVersion: Maybe<Scalars['String']['output']>;
  /** The same in billionths of a dollar. */
  readonly costNanoUsd: Maybe<Scalars['BigInt']['output']>;
  /** Decimal dollars, exact: 0.000123. Null where no price was known. */
  readonly costUsd: Maybe<Scalars['String']['output']>;
  /** Of the last attempt. */
  readonly credential: Maybe<Scalars['String']['output']>;
  readonly customerId: Maybe<Scalars['ID']['output']>;
  /** anthropic or openai. */
  readonly door: Scalars['String']['output'];
  readonly epoch: Scalars['BigInt']['output'];
  /** Why each attempt before the last was given up: the credential and what came, such as `second 429`. */
  readonly failedAttempts: ReadonlyArray<Scalars['String']['output']>;
  readonly firstByteUs: Scalars['BigInt']['output'];
  /** Proxy, epoch and sequence number of its fact. */
  readonly id: Scalars['ID']['output'];
  readonly keyId: Maybe<Scalars['ID']['output']>;
  readonly labels: ReadonlyArray<CallLabel>;
  /** As it was asked for at the provider. */
  readonly model: Scalars['String']['output'];
  /** As the client wrote it: it may be an alias. */
  readonly modelAsked: Scalars['String']['output'];
  /** As the answer says. */
  readonly modelServed: Maybe<Scalars['String']['output']>;
  /** Of the door's protocol: messages, chat/completions. */
  readonly operation: Scalars['String']['output'];
  readonly outcome: ModelCallOutcome;
  readonly parentAgentId: Maybe<Scalars['String']['output']>;
  /** Of the price list that it was counted by. */
  readonly priceVersion: Maybe<Scalars['String']['output']>;
  readonly provider: Scalars['String']['output'];
  readonly providerId: Maybe<Scalars['ID']['output']>;
  readonly providerRequestId: Maybe<Scalars['String']['output']>;
  /** Where the fact comes from: unique together. */
  readonly proxyId: Scalars['ID']['output'];
  readonly requestBytes: Scalars['BigInt']['output'];
  readonly requestId: Scalars['String']['output'];
  /** What the provider said with its answer that the credential may still do; null where it did not say. */
  readonly requestsLimit: Maybe<Scalars['BigInt']['output']>;
  readonly requestsRemaining: Maybe<Scalars['BigInt']['output']>;
  readonly responseBytes: Scalars['BigInt']['output'];
  readonly seq: Scalars['BigInt']['output'];
  /** As the provider names it. */
  readonly serviceTier: Maybe<Scalars['String']['output']>;
  /** What the client calls the work, the agent, and the agent that started this one. */
  readonly sessionId: Maybe<Scalars['String']['output']>;
  /** The provider's, of the last attempt; null where it did not answer. */
  readonly status: Maybe<Scalars['Int']['output']>;
  readonly stopReason: Maybe<Scalars['String']['output']>;
  readonly streamed: Scalars['Boolean']['output'];
  readonly teamId: Maybe<Scalars['ID']['output']>;
  readonly time: Scalars['DateTime']['output'];
  readonly tokens: TokenCounts;
  readonly tokensLimit: Maybe<Scalars['BigInt']['output']>;
  readonly tokensRemaining: Maybe<Scalars['BigInt']['output']>;
  /**
   * Calls of its team that say one of `toolUseIds`: what came of asking, the oldest of each first, at most 20 of each. Null only
   * together with an error.
   */
  readonly toolCalls: Maybe<ReadonlyArray<Call>>;
  /** What the model asked to be called, by the provider's ids. */
  readonly toolUseIds: ReadonlyArray<Scalars['String']['output']>;
  readonly totalUs: Scalars['BigInt']['output'];
  /** The key's user and the team's customer at that time. */
  readonly userId: Maybe<Scalars['ID']['output']>;
  readonly webSearches: Scalars['BigInt']['output'];
};

export type ModelCallConnection = {
  readonly __typename?: 'ModelCallConnection';
  readonly edges: ReadonlyArray<ModelCallEdge>;
  readonly nodes: ReadonlyArray<ModelCall>;
  readonly pageInfo: PageInfo;
};

export type ModelCallEdge = {
  readonly __typename?: 'ModelCallEdge';
  readonly cursor: Scalars['String']['output'];
  readonly node: ModelCall;
};

export type ModelCallFilter = {
  readonly agentId?: InputMaybe<Scalars['String']['input']>;
  readonly basis?: InputMaybe<UsageBasis>;
  readonly customerId?: InputMaybe<Scalars['ID']['input']>;
  /** At or after. */
  readonly from?: InputMaybe<Scalars['DateTime']['input']>;
  /** A key's name; revoked keys of that name are meant, too. */
  readonly key?: InputMaybe<Scalars['String']['input']>;
  readonly keyId?: InputMaybe<Scalars['ID']['input']>;
  readonly label?: InputMaybe<CallLabelInput>;
  /** As it was asked for at the provider. */
  readonly model?: InputMaybe<Scalars['String']['input']>;
  readonly outcome?: InputMaybe<ModelCallOutcome>;
  /** By name. */
  readonly provider?: InputMaybe<Scalars['String']['input']>;
  readonly requestId?: InputMaybe<Scalars['String']['input']>;
  readonly sessionId?: InputMaybe<Scalars['String']['input']>;
  readonly teamId?: InputMaybe<Scalars['ID']['input']>;
  /** Before. */
  readonly to?: InputMaybe<Scalars['DateTime']['input']>;
  /** Turns that asked for this use of a tool. */
  readonly toolUseId?: InputMaybe<Scalars['String']['input']>;
  readonly userId?: InputMaybe<Scalars['ID']['input']>;
};

export type ModelCallOutcome =
  /** The provider's answer was relayed to its end, be it an error of the provider's. */
  | 'ANSWERED'
  /** The client hung up first. */
  | 'CLIENT_CLOSED'
  /** The provider could not be reached, broke off, timed out or did not take the credential. */
  | 'PROVIDER_FAILED'
  /** The proxy ended while the call was under way, and nobody knows what the provider did: it is taken for the most it can cost. */
  | 'UNKNOWN';

/** What a model costs. Rates are for a million tokens. */
export type ModelPrice = {
  readonly __typename?: 'ModelPrice';
  readonly cacheWrite1hPerMillion: Scalars['Dollars']['output'];
  readonly cacheWrite5mPerMillion: Scalars['Dollars']['output'];
  readonly cachedInputPerMillion: Scalars['Dollars']['output'];
  /** The most that a call can read and write; null where it is not known. */
  readonly contextTokensMax: Maybe<Scalars['BigInt']['output']>;
  readonly inputPerMillion: Scalars['Dollars']['output'];
  /** As the provider calls it; with a star at its end, all that begin so. The longest that matches is taken. */
  readonly model: Scalars['String']['output'];
  readonly outputPerMillion: Scalars['Dollars']['output'];
  readonly outputTokensMax: Maybe<Scalars['BigInt']['output']>;
  readonly perRequest: Scalars['Dollars']['output'];
  /** For each search that the provider made for the model. */
  readonly perWebSearch: Scalars['Dollars']['output'];
  /** A provider by name, or all of a kind by `anthropic` or `openai`; a name comes before a kind. */
  readonly provider: Scalars['String']['output'];
  /** As the provider's usage names it; empty: the usual one. */
  readonly serviceTier: Scalars['String']['output'];
  /** For calls with more input than so much: the last that applies holds for the whole call. */
  readonly tiers: ReadonlyArray<PriceTier>;
};

/** What is not said of cached input costs what `inputPerMillion` does, and the longer time what the shorter does. */
export type ModelPriceInput = {
  readonly cacheWrite1hPerMillion?: InputMaybe<Scalars['Dollars']['input']>;
  readonly cacheWrite5mPerMillion?: InputMaybe<Scalars['Dollars']['input']>;
  readonly cachedInputPerMillion?: InputMaybe<Scalars['Dollars']['input']>;
  readonly contextTokensMax?: InputMaybe<Scalars['BigInt']['input']>;
  readonly inputPerMillion: Scalars['Dollars']['input'];
  readonly model: Scalars['String']['input'];
  readonly outputPerMillion: Scalars['Dollars']['input'];
  readonly outputTokensMax?: InputMaybe<Scalars['BigInt']['input']>;
  /** Nothing unless told, like the next one. */
  readonly perRequest?: InputMaybe<Scalars['Dollars']['input']>;
  readonly perWebSearch?: InputMaybe<Scalars['Dollars']['input']>;
  readonly provider: Scalars['String']['input'];
  /** The usual one unless told. */
  readonly serviceTier?: InputMaybe<Scalars['String']['input']>;
  /** By rising `inputTokensAbove`. */
  readonly tiers?: InputMaybe<ReadonlyArray<PriceTierInput>>;
};

export type ModelTarget = {
  readonly __typename?: 'ModelTarget';
  /** As the provider calls it. */
  readonly model: Scalars['String']['output'];
  /** Null only together with an error. */
  readonly provider: Maybe<Provider>;
  readonly providerId: Scalars['ID']['output'];
};

export type ModelTargetInput = {
  /** As the provider calls it. */
  readonly model: Scalars['String']['input'];
  /** By its name. */
  readonly provider: Scalars['String']['input'];
};

export type ModelUsage = {
  readonly __typename?: 'ModelUsage';
  readonly calls: Scalars['BigInt']['output'];
  readonly costNanoUsd: Scalars['BigInt']['output'];
  /** Of the calls whose price was known: decimal dollars, exact. */
  readonly costUsd: Scalars['String']['output'];
  /** Calls of which tokens and cost are an estimate. */
  readonly estimatedCalls: Scalars['BigInt']['output'];
  /**
   * What its calls have in common: the id of their key, team, user or customer, a label as `project=apollo`, their provider's
   * name, `provider/model`, or what clients call their session or agent. Empty where nobody said, and without grouping.
   */
  readonly group: Scalars['String']['output'];
  readonly tokens: TokenCounts;
  /** Calls whose price was not known: they are in no cost. */
  readonly unpricedCalls: Scalars['BigInt']['output'];
  readonly webSearches: Scalars['BigInt']['output'];
};

export type ModelUsageConnection = {
  readonly __typename?: 'ModelUsageConnection';
  readonly edges: ReadonlyArray<ModelUsageEdge>;
  readonly nodes: ReadonlyArray<ModelUsage>;
  readonly pageInfo: PageInfo;
};

export type ModelUsageEdge = {
  readonly __typename?: 'ModelUsageEdge';
  readonly cursor: Scalars['String']['output'];
  readonly node: ModelUsage;
};

export type ModelUsageGrouping =
  | 'AGENT'
  | 'CUSTOMER'
  | 'KEY'
  /** A call is in the group of each of its labels, so that groups together may hold more than there was. */
  | 'LABEL'
  /** Provider and model. */
  | 'MODEL'
  | 'PROVIDER'
  | 'SESSION'
  | 'TEAM'
  | 'USER';

export type Mutation = {
  readonly __typename?: 'Mutation';
  /** So much more than the limit, from now until a time. */
  readonly addBudgetOverride: AddBudgetOverrideResult;
  /**
   * Applies a `tollgate.yaml`: all of it in one commit, or nothing. `{ env: NAME }` is looked up in `variables`, then among
   * the control plane's own `TOLLGATE_SECRET_*`. With `dryRun` only the plan is answered; with `prune` tool groups,
   * customers, teams, users, keys, servers, providers, aliases, budgets and limits that the file does not name are retired, and
   * prices that it does not name are not set any more.
   */
  readonly applyConfiguration: ApplyConfigurationResult;
  /**
   * Approves tools of a server as they are defined now, all of them or none: of a pinned server nobody gets any other. Each is
   * named with the hash of the definition that was looked at; one that has another by now is refused. What is pending then is
   * read with `server(id, atLeast: position)`.
   */
  readonly approveTools: ApproveToolsResult;
  /** Another scope, period or time zone begins to count anew; anything else goes on with what was counted. */
  readonly changeBudget: ChangeBudgetResult;
  readonly changeCustomer: ChangeCustomerResult;
  readonly changeKey: ChangeKeyResult;
  readonly changeLimit: ChangeLimitResult;
  readonly changeModelAlias: ChangeModelAliasResult;
  /** The rule takes the place of all that the policy said. */
  readonly changePolicy: ChangePolicyResult;
  readonly changeProvider: ChangeProviderResult;
  readonly changeServer: ChangeServerResult;
  readonly changeTeam: ChangeTeamResult;
  readonly changeToolGroup: ChangeToolGroupResult;
  readonly changeUser: ChangeUserResult;
  /** A budget of a key may be there longer than the key; whoever else it is for stays until it is retired. */
  readonly createBudget: CreateBudgetResult;
  readonly createCustomer: CreateCustomerResult;
  readonly createLimit: CreateLimitResult;
  readonly createModelAlias: CreateModelAliasResult;
  /**
   * What does not compile is refused, with its place. One that covers nothing in particular is about every call, and is not
   * put in force while a live proxy is from before policies, whatever is forced.
   */
  readonly createPolicy: CreatePolicyResult;
  readonly createTeam: CreateTeamResult;
  readonly createToolGroup: CreateToolGroupResult;
  readonly createUser: CreateUserResult;
  /** Before its time; one that is over stays as it is. */
  readonly endBudgetOverride: EndBudgetOverrideResult;
  readonly eraseSecret: EraseSecretResult;
  /**
   * Imports the server list of a client, Claude Code's `.mcp.json` or Claude Desktop's: all of it in one commit, or nothing.
   * Values of headers, and of variables that may be credentials, are stored as secrets. Imported again, a list
   * changes what has changed in it, and nothing that it cannot say.
   */
  readonly importServers: ImportServersResult;
  readonly issueAdminToken: IssueAdminTokenResult;
  readonly issueJoinToken: IssueJoinTokenResult;
  readonly issueKey: IssueKeyResult;
  readonly registerProvider: RegisterProviderResult;
  /** A server over stdio needs the permission `servers:stdio`, here and where it is changed: it is a program on the proxies. */
  readonly registerServer: RegisterServerResult;
  /** Nothing is charged to it any more. */
  readonly retireBudget: RetireBudgetResult;
  /** Refused while a team or user is the customer's. */
  readonly retireCustomer: RetireCustomerResult;
  readonly retireEnvironment: RetireEnvironmentResult;
  readonly retireLimit: RetireLimitResult;
  readonly retireModelAlias: RetireModelAliasResult;
  readonly retirePolicy: RetirePolicyResult;
  /** Refused while an alias stands for a model of it. */
  readonly retireProvider: RetireProviderResult;
  readonly retireServer: RetireServerResult;
  readonly retireTeam: RetireTeamResult;
  /** Refused while a key, user, team or customer has it. */
  readonly retireToolGroup: RetireToolGroupResult;
  /** Refused while a key is the user's. */
  readonly retireUser: RetireUserResult;
  readonly revokeAdminToken: RevokeAdminTokenResult;
  readonly revokeJoinToken: RevokeJoinTokenResult;
  readonly revokeKey: RevokeKeyResult;
  /** Its certificates are refused from now on, and what it has open ends. It does not come back under this id. */
  readonly revokeProxy: RevokeProxyResult;
  readonly rotateKey: RotateKeyResult;
  /** Sets what holds for the proxies of an environment, by its name; what is not given is not said. */
  readonly setEnvironment: SetEnvironmentResult;
  /** Sets the whole list: a price that is not given is not set any more. A call that was made keeps the price that it had. */
  readonly setPrices: SetPricesResult;
  /** Stores a secret, or a new version of it under the same name. */
  readonly storeSecret: StoreSecretResult;
  readonly withdrawToolApproval: WithdrawToolApprovalResult;
};


export type MutationAddBudgetOverrideArgs = {
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  input: AddBudgetOverrideInput;
};


export type MutationApplyConfigurationArgs = {
  dryRun?: InputMaybe<Scalars['Boolean']['input']>;
  file: Scalars['String']['input'];
  fileName?: InputMaybe<Scalars['String']['input']>;
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  prune?: InputMaybe<Scalars['Boolean']['input']>;
  variables?: InputMaybe<ReadonlyArray<ConfigurationVariable>>;
};


export type MutationApproveToolsArgs = {
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  input: ApproveToolsInput;
};


export type MutationChangeBudgetArgs = {
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  input: ChangeBudgetInput;
};


export type MutationChangeCustomerArgs = {
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  input: ChangeCustomerInput;
};


export type MutationChangeKeyArgs = {
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  input: ChangeKeyInput;
};


export type MutationChangeLimitArgs = {
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  input: ChangeLimitInput;
};


export type MutationChangeModelAliasArgs = {
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  input: ChangeModelAliasInput;
};


export type MutationChangePolicyArgs = {
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  input: ChangePolicyInput;
};


export type MutationChangeProviderArgs = {
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  input: ChangeProviderInput;
};


export type MutationChangeServerArgs = {
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  input: ChangeServerInput;
};


export type MutationChangeTeamArgs = {
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  input: ChangeTeamInput;
};


export type MutationChangeToolGroupArgs = {
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  input: ChangeToolGroupInput;
};


export type MutationChangeUserArgs = {
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  input: ChangeUserInput;
};


export type MutationCreateBudgetArgs = {
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  input: CreateBudgetInput;
};


export type MutationCreateCustomerArgs = {
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  input: CreateCustomerInput;
};


export type MutationCreateLimitArgs = {
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  input: CreateLimitInput;
};


export type MutationCreateModelAliasArgs = {
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  input: CreateModelAliasInput;
};


export type MutationCreatePolicyArgs = {
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  input: CreatePolicyInput;
};


export type MutationCreateTeamArgs = {
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  input: CreateTeamInput;
};


export type MutationCreateToolGroupArgs = {
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  input: CreateToolGroupInput;
};


export type MutationCreateUserArgs = {
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  input: CreateUserInput;
};


export type MutationEndBudgetOverrideArgs = {
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  input: EndBudgetOverrideInput;
};


export type MutationEraseSecretArgs = {
  id: Scalars['ID']['input'];
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
};


export type MutationImportServersArgs = {
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  input: ImportServersInput;
};


export type MutationIssueAdminTokenArgs = {
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  input: IssueAdminTokenInput;
};


export type MutationIssueJoinTokenArgs = {
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  input: IssueJoinTokenInput;
};


export type MutationIssueKeyArgs = {
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  input: IssueKeyInput;
};


export type MutationRegisterProviderArgs = {
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  input: RegisterProviderInput;
};


export type MutationRegisterServerArgs = {
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  input: RegisterServerInput;
};


export type MutationRetireBudgetArgs = {
  id: Scalars['ID']['input'];
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
};


export type MutationRetireCustomerArgs = {
  id: Scalars['ID']['input'];
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
};


export type MutationRetireEnvironmentArgs = {
  id: Scalars['ID']['input'];
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
};


export type MutationRetireLimitArgs = {
  id: Scalars['ID']['input'];
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
};


export type MutationRetireModelAliasArgs = {
  id: Scalars['ID']['input'];
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
};


export type MutationRetirePolicyArgs = {
  id: Scalars['ID']['input'];
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
};


export type MutationRetireProviderArgs = {
  id: Scalars['ID']['input'];
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
};


export type MutationRetireServerArgs = {
  id: Scalars['ID']['input'];
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
};


export type MutationRetireTeamArgs = {
  id: Scalars['ID']['input'];
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
};


export type MutationRetireToolGroupArgs = {
  id: Scalars['ID']['input'];
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
};


export type MutationRetireUserArgs = {
  id: Scalars['ID']['input'];
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
};


export type MutationRevokeAdminTokenArgs = {
  id: Scalars['ID']['input'];
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
};


export type MutationRevokeJoinTokenArgs = {
  id: Scalars['ID']['input'];
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
};


export type MutationRevokeKeyArgs = {
  id: Scalars['ID']['input'];
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
};


export type MutationRevokeProxyArgs = {
  id: Scalars['ID']['input'];
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
};


export type MutationRotateKeyArgs = {
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  input: RotateKeyInput;
};


export type MutationSetEnvironmentArgs = {
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  input: SetEnvironmentInput;
};


export type MutationSetPricesArgs = {
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  input: SetPricesInput;
};


export type MutationStoreSecretArgs = {
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  input: StoreSecretInput;
};


export type MutationWithdrawToolApprovalArgs = {
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  input: WithdrawToolApprovalInput;
};

/** A scope that refuses on a proxy, because the proxy cannot enforce what the log says of it. */
export type Nack = {
  readonly __typename?: 'Nack';
  /** Where it was met; the snapshot's position if it came with one. */
  readonly position: Scalars['Position']['output'];
  readonly reason: Scalars['String']['output'];
  /** key/…; `key/*` where the whole kind differs from the log. */
  readonly scope: Scalars['String']['output'];
};

export type NameFilter = {
  readonly id?: InputMaybe<Scalars['ID']['input']>;
  readonly name?: InputMaybe<Scalars['String']['input']>;
};

export type NameTaken = Refusal & {
  readonly __typename?: 'NameTaken';
  readonly message: Scalars['String']['output'];
  readonly name: Scalars['String']['output'];
};

export type NotFound = Refusal & {
  readonly __typename?: 'NotFound';
  readonly message: Scalars['String']['output'];
  /** The kind and id that were looked for: team/… */
  readonly scope: Scalars['String']['output'];
};

export type PageInfo = {
  readonly __typename?: 'PageInfo';
  readonly endCursor: Maybe<Scalars['String']['output']>;
  readonly hasNextPage: Scalars['Boolean']['output'];
  readonly hasPreviousPage: Scalars['Boolean']['output'];
  readonly startCursor: Maybe<Scalars['String']['output']>;
};

export type PermittedLabel = {
  readonly __typename?: 'PermittedLabel';
  readonly name: Scalars['String']['output'];
  /** Patterns, where `*` stands for any characters. */
  readonly values: ReadonlyArray<Scalars['String']['output']>;
};

export type PermittedLabelInput = {
  readonly name: Scalars['String']['input'];
  readonly values: ReadonlyArray<Scalars['String']['input']>;
};

/** A rule about calls, asked after grants have let them through. The first that refuses wins. */
export type Policy = {
  readonly __typename?: 'Policy';
  readonly covers: PolicyCovers;
  /** Of these, one is there. */
  readonly deny: Maybe<DenyRule>;
  readonly enabled: Scalars['Boolean']['output'];
  readonly id: Scalars['ID']['output'];
  readonly limit: Maybe<LimitRule>;
  /** An expression of CEL; empty: every call. */
  readonly match: Scalars['String']['output'];
  readonly name: Scalars['String']['output'];
  /** Smaller ones are asked first, and of two that are the same the one whose name is. */
  readonly order: Scalars['Int']['output'];
  readonly redact: Maybe<RedactRule>;
  readonly validateArguments: Maybe<ValidateArgumentsRule>;
};

export type PolicyConnection = {
  readonly __typename?: 'PolicyConnection';
  readonly edges: ReadonlyArray<PolicyEdge>;
  readonly nodes: ReadonlyArray<Policy>;
  readonly pageInfo: PageInfo;
};

/**
 * Calls to one of the servers and providers, by keys of one of the teams; none: any. A proxy that does not understand the policy
 * refuses what it covers.
 */
export type PolicyCovers = {
  readonly __typename?: 'PolicyCovers';
  readonly providerIds: ReadonlyArray<Scalars['ID']['output']>;
  readonly serverIds: ReadonlyArray<Scalars['ID']['output']>;
  readonly teamIds: ReadonlyArray<Scalars['ID']['output']>;
};

export type PolicyCoversInput = {
  readonly providerIds?: InputMaybe<ReadonlyArray<Scalars['ID']['input']>>;
  readonly serverIds?: InputMaybe<ReadonlyArray<Scalars['ID']['input']>>;
  readonly teamIds?: InputMaybe<ReadonlyArray<Scalars['ID']['input']>>;
};

export type PolicyEdge = {
  readonly __typename?: 'PolicyEdge';
  readonly cursor: Scalars['String']['output'];
  readonly node: Policy;
};

/** Exactly one kind. */
export type PolicyRuleInput = {
  readonly covers?: InputMaybe<PolicyCoversInput>;
  readonly deny?: InputMaybe<DenyRuleInput>;
  /** True, where nothing is said. */
  readonly enabled?: InputMaybe<Scalars['Boolean']['input']>;
  readonly limit?: InputMaybe<LimitRuleInput>;
  readonly match?: InputMaybe<Scalars['String']['input']>;
  /** 0, where nothing is said. */
  readonly order?: InputMaybe<Scalars['Int']['input']>;
  readonly redact?: InputMaybe<RedactRuleInput>;
  readonly validateArguments?: InputMaybe<ValidateArgumentsRuleInput>;
};

export type PolicySaid = {
  readonly __typename?: 'PolicySaid';
  /** What its expression cost, of what one evaluation may. */
  readonly cost: Scalars['Int']['output'];
  readonly name: Scalars['String']['output'];
  readonly policyId: Scalars['ID']['output'];
  readonly reason: Scalars['String']['output'];
  readonly verdict: PolicyVerdict;
};

export type PolicyVerdict =
  /** It would count the call, which is refused where there is no room; the reason says against what. */
  | 'COUNTS'
  /** Its expression could not be decided, which refuses the call. */
  | 'FAILS'
  | 'NOT_COVERED'
  | 'PASSES'
  | 'REDACTS'
  | 'REFUSES'
  | 'UNMATCHED';

/** What was set, before the list that comes with the software. */
export type PriceList = {
  readonly __typename?: 'PriceList';
  readonly prices: ReadonlyArray<ModelPrice>;
  readonly toolPrices: ReadonlyArray<ToolPrice>;
  /** Counts its changes; facts name it. */
  readonly version: Scalars['Int']['output'];
};

export type PriceTier = {
  readonly __typename?: 'PriceTier';
  readonly cacheWrite1hPerMillion: Scalars['Dollars']['output'];
  readonly cacheWrite5mPerMillion: Scalars['Dollars']['output'];
  readonly cachedInputPerMillion: Scalars['Dollars']['output'];
  readonly inputPerMillion: Scalars['Dollars']['output'];
  /** Cached tokens included. */
  readonly inputTokensAbove: Scalars['BigInt']['output'];
  readonly outputPerMillion: Scalars['Dollars']['output'];
};

export type PriceTierInput = {
  readonly cacheWrite1hPerMillion?: InputMaybe<Scalars['Dollars']['input']>;
  readonly cacheWrite5mPerMillion?: InputMaybe<Scalars['Dollars']['input']>;
  readonly cachedInputPerMillion?: InputMaybe<Scalars['Dollars']['input']>;
  readonly inputPerMillion: Scalars['Dollars']['input'];
  readonly inputTokensAbove: Scalars['BigInt']['input'];
  readonly outputPerMillion: Scalars['Dollars']['input'];
};

/** Who serves models. */
export type Provider = {
  readonly __typename?: 'Provider';
  readonly allowPrivateNetwork: Scalars['Boolean']['output'];
  /** What stands before the protocol's own paths: https://api.anthropic.com, https://api.openai.com/v1. */
  readonly baseUrl: Scalars['String']['output'];
  readonly credentials: ReadonlyArray<ProviderCredential>;
  readonly id: Scalars['ID']['output'];
  readonly kind: ProviderKind;
  /** Patterns of the models that it serves, as it calls them, `*` for any part; none: all. */
  readonly models: ReadonlyArray<Scalars['String']['output']>;
  readonly name: Scalars['String']['output'];
  /** Paths of its protocol that the gate does not know are passed on, by keys that reach all its models. */
  readonly passthrough: Scalars['Boolean']['output'];
  /** To the first byte of an answer, and between two of its bytes. */
  readonly timeoutSeconds: Scalars['Int']['output'];
};

export type ProviderConnection = {
  readonly __typename?: 'ProviderConnection';
  readonly edges: ReadonlyArray<ProviderEdge>;
  readonly nodes: ReadonlyArray<Provider>;
  readonly pageInfo: PageInfo;
};

/** Its value is a secret, which is shown to nobody. */
export type ProviderCredential = {
  readonly __typename?: 'ProviderCredential';
  /** Patterns of the models that it is for; none: all. */
  readonly models: ReadonlyArray<Scalars['String']['output']>;
  /** Known by it in facts and metrics. */
  readonly name: Scalars['String']['output'];
  readonly secretId: Scalars['ID']['output'];
  /** How many calls it gets in comparison to the provider's others. */
  readonly weight: Scalars['Int']['output'];
};

/**
 * With exactly one of `secretName`, a stored secret, and `value`, which is stored as a secret of the provider's own; with
 * neither, where a provider is changed, the value that the credential of this name has stays.
 */
export type ProviderCredentialInput = {
  readonly models?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
  readonly name: Scalars['String']['input'];
  readonly secretName?: InputMaybe<Scalars['String']['input']>;
  readonly value?: InputMaybe<Scalars['String']['input']>;
  /** From 1 to 1000; 1 unless told. */
  readonly weight?: InputMaybe<Scalars['Int']['input']>;
};

export type ProviderEdge = {
  readonly __typename?: 'ProviderEdge';
  readonly cursor: Scalars['String']['output'];
  readonly node: Provider;
};

/** Whose protocol a provider speaks. It never changes. */
export type ProviderKind =
  | 'ANTHROPIC'
  | 'OPENAI';

export type Proxy = {
  readonly __typename?: 'Proxy';
  /** How old its view may be, in milliseconds; null before its first tick. */
  readonly ageMs: Maybe<Scalars['BigInt']['output']>;
  /** Everything up to here is in force on every worker. */
  readonly applied: Scalars['Position']['output'];
  readonly digests: ReadonlyArray<KindDigest>;
  readonly environment: Scalars['String']['output'];
  readonly id: Scalars['ID']['output'];
  /** Another process wanted this proxy's id within the last minute: its data directory was copied. See `proxy.id-in-use`. */
  readonly isContested: Scalars['Boolean']['output'];
  readonly log: LogIdentity;
  /** All that it refuses. */
  readonly nackCount: Scalars['BigInt']['output'];
  /** What it cannot enforce and refuses: the first 100. */
  readonly nacks: ReadonlyArray<Nack>;
  readonly region: Scalars['String']['output'];
  /** How old it may be by its environment; null where no environment says. */
  readonly replicaAgeMsMax: Maybe<Scalars['BigInt']['output']>;
  readonly reportedAt: Scalars['DateTime']['output'];
  readonly software: Scalars['String']['output'];
  /** Where its events come from: kafka or grpc. */
  readonly source: Scalars['String']['output'];
  readonly workers: Scalars['Int']['output'];
};

export type ProxyConnection = {
  readonly __typename?: 'ProxyConnection';
  readonly edges: ReadonlyArray<ProxyEdge>;
  readonly nodes: ReadonlyArray<Proxy>;
  readonly pageInfo: PageInfo;
};

export type ProxyEdge = {
  readonly __typename?: 'ProxyEdge';
  readonly cursor: Scalars['String']['output'];
  readonly node: Proxy;
};

export type Query = {
  readonly __typename?: 'Query';
  readonly adminTokens: AdminTokenConnection;
  /** Null where there is none, or none any more. */
  readonly budget: Maybe<Budget>;
  readonly budgets: BudgetConnection;
  /** Calls as their facts arrive, newest first. */
  readonly calls: CallConnection;
  /** Null where there is none, or none any more. */
  readonly customer: Maybe<Customer>;
  readonly customers: CustomerConnection;
  /** What applying a `tollgate.yaml` would change, and for which keys. Nothing is applied. */
  readonly dryRun: DryRunResult;
  /** The proxies that joined, whether or not they are heard of. */
  readonly enrolledProxies: EnrolledProxyConnection;
  readonly environments: EnvironmentConnection;
  /** Why a call would be let through or refused, as it is described. Nothing is called. */
  readonly explainCall: CallExplanation;
  /** Every part of the proxies' sequences of facts that is not in the store, by proxy and epoch. */
  readonly factGaps: FactGapConnection;
  /** The proxies that reported within a day, by environment, region and id. */
  readonly fleet: ProxyConnection;
  readonly joinTokens: JoinTokenConnection;
  /** Null where there is none. A revoked key is shown, and says so. */
  readonly key: Maybe<Key>;
  readonly keys: KeyConnection;
  /** Null where there is none, or none any more. */
  readonly limit: Maybe<Limit>;
  readonly limits: LimitConnection;
  /** Which log this is, and how far it goes. */
  readonly log: Log;
  /** Null where there is none, or none any more. */
  readonly modelAlias: Maybe<ModelAlias>;
  readonly modelAliases: ModelAliasConnection;
  /** Calls to models as their facts arrive, newest first; refusals at their doors are among `calls`. */
  readonly modelCalls: ModelCallConnection;
  /** Tokens and cost of calls to models in groups, the dearest first; without `groupBy`, of all of them together. */
  readonly modelUsage: ModelUsageConnection;
  readonly policies: PolicyConnection;
  /** Null where there is none, or none any more. */
  readonly policy: Maybe<Policy>;
  /** The prices that were set; null before any were. */
  readonly priceList: Maybe<PriceList>;
  /** Null where there is none, or none any more. */
  readonly provider: Maybe<Provider>;
  /** How each credential of a provider did in the last `minutes`: 15 unless told, at most 1440. */
  readonly providerHealth: ReadonlyArray<CredentialHealth>;
  readonly providers: ProviderConnection;
  readonly secrets: SecretConnection;
  /** Null where there is none, or none any more. */
  readonly server: Maybe<Server>;
  readonly servers: ServerConnection;
  /** The prices that come with the software, and hold where none that was set does. */
  readonly shippedPriceList: ShippedPriceList;
  /** Null where there is none, or none any more. */
  readonly team: Maybe<Team>;
  readonly teams: TeamConnection;
  /** Null where there is none, or none any more. */
  readonly toolGroup: Maybe<ToolGroup>;
  readonly toolGroups: ToolGroupConnection;
  /** Null where there is none, or none any more. */
  readonly user: Maybe<User>;
  readonly users: UserConnection;
};


export type QueryAdminTokensArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  atLeast?: InputMaybe<Scalars['Position']['input']>;
  filter?: InputMaybe<AdminTokenFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
};


export type QueryBudgetArgs = {
  atLeast?: InputMaybe<Scalars['Position']['input']>;
  id: Scalars['ID']['input'];
};


export type QueryBudgetsArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  atLeast?: InputMaybe<Scalars['Position']['input']>;
  filter?: InputMaybe<QuotaFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
};


export type QueryCallsArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<CallFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
};


export type QueryCustomerArgs = {
  atLeast?: InputMaybe<Scalars['Position']['input']>;
  id: Scalars['ID']['input'];
};


export type QueryCustomersArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  atLeast?: InputMaybe<Scalars['Position']['input']>;
  filter?: InputMaybe<NameFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
};


export type QueryDryRunArgs = {
  file: Scalars['String']['input'];
  fileName?: InputMaybe<Scalars['String']['input']>;
  prune?: InputMaybe<Scalars['Boolean']['input']>;
  variables?: InputMaybe<ReadonlyArray<ConfigurationVariable>>;
};


export type QueryEnrolledProxiesArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  atLeast?: InputMaybe<Scalars['Position']['input']>;
  first?: InputMaybe<Scalars['Int']['input']>;
  includeRevoked?: InputMaybe<Scalars['Boolean']['input']>;
};


export type QueryEnvironmentsArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  atLeast?: InputMaybe<Scalars['Position']['input']>;
  filter?: InputMaybe<NameFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
};


export type QueryExplainCallArgs = {
  input: ExplainCallInput;
};


export type QueryFactGapsArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  first?: InputMaybe<Scalars['Int']['input']>;
};


export type QueryFleetArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  first?: InputMaybe<Scalars['Int']['input']>;
};


export type QueryJoinTokensArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  atLeast?: InputMaybe<Scalars['Position']['input']>;
  filter?: InputMaybe<JoinTokenFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
};


export type QueryKeyArgs = {
  atLeast?: InputMaybe<Scalars['Position']['input']>;
  id: Scalars['ID']['input'];
};


export type QueryKeysArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  atLeast?: InputMaybe<Scalars['Position']['input']>;
  filter?: InputMaybe<KeyFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
};


export type QueryLimitArgs = {
  atLeast?: InputMaybe<Scalars['Position']['input']>;
  id: Scalars['ID']['input'];
};


export type QueryLimitsArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  atLeast?: InputMaybe<Scalars['Position']['input']>;
  filter?: InputMaybe<QuotaFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
};


export type QueryModelAliasArgs = {
  atLeast?: InputMaybe<Scalars['Position']['input']>;
  id: Scalars['ID']['input'];
};


export type QueryModelAliasesArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  atLeast?: InputMaybe<Scalars['Position']['input']>;
  filter?: InputMaybe<NameFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
};


export type QueryModelCallsArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<ModelCallFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
};


export type QueryModelUsageArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<ModelCallFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
  groupBy?: InputMaybe<ModelUsageGrouping>;
};


export type QueryPoliciesArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  atLeast?: InputMaybe<Scalars['Position']['input']>;
  filter?: InputMaybe<NameFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
};


export type QueryPolicyArgs = {
  atLeast?: InputMaybe<Scalars['Position']['input']>;
  id: Scalars['ID']['input'];
};


export type QueryPriceListArgs = {
  atLeast?: InputMaybe<Scalars['Position']['input']>;
};


export type QueryProviderArgs = {
  atLeast?: InputMaybe<Scalars['Position']['input']>;
  id: Scalars['ID']['input'];
};


export type QueryProviderHealthArgs = {
  minutes?: InputMaybe<Scalars['Int']['input']>;
  provider: Scalars['String']['input'];
};


export type QueryProvidersArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  atLeast?: InputMaybe<Scalars['Position']['input']>;
  filter?: InputMaybe<NameFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
};


export type QuerySecretsArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  atLeast?: InputMaybe<Scalars['Position']['input']>;
  filter?: InputMaybe<NameFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
};


export type QueryServerArgs = {
  atLeast?: InputMaybe<Scalars['Position']['input']>;
  id: Scalars['ID']['input'];
};


export type QueryServersArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  atLeast?: InputMaybe<Scalars['Position']['input']>;
  filter?: InputMaybe<NameFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
};


export type QueryTeamArgs = {
  atLeast?: InputMaybe<Scalars['Position']['input']>;
  id: Scalars['ID']['input'];
};


export type QueryTeamsArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  atLeast?: InputMaybe<Scalars['Position']['input']>;
  filter?: InputMaybe<NameFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
};


export type QueryToolGroupArgs = {
  atLeast?: InputMaybe<Scalars['Position']['input']>;
  id: Scalars['ID']['input'];
};


export type QueryToolGroupsArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  atLeast?: InputMaybe<Scalars['Position']['input']>;
  filter?: InputMaybe<NameFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
};


export type QueryUserArgs = {
  atLeast?: InputMaybe<Scalars['Position']['input']>;
  id: Scalars['ID']['input'];
};


export type QueryUsersArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  atLeast?: InputMaybe<Scalars['Position']['input']>;
  filter?: InputMaybe<UserFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
};

export type QuotaFilter = {
  readonly id?: InputMaybe<Scalars['ID']['input']>;
  readonly name?: InputMaybe<Scalars['String']['input']>;
  readonly scope?: InputMaybe<QuotaScopeInput>;
};

export type QuotaLabel = {
  readonly __typename?: 'QuotaLabel';
  readonly name: Scalars['String']['output'];
  readonly value: Scalars['String']['output'];
};

export type QuotaLabelInput = {
  readonly name: Scalars['String']['input'];
  readonly value: Scalars['String']['input'];
};

/** For whom a budget or limit is. All but one are null. */
export type QuotaScope = {
  readonly __typename?: 'QuotaScope';
  readonly customerId: Maybe<Scalars['ID']['output']>;
  readonly keyId: Maybe<Scalars['ID']['output']>;
  /** Of calls that are marked with it. */
  readonly label: Maybe<QuotaLabel>;
  readonly teamId: Maybe<Scalars['ID']['output']>;
  readonly userId: Maybe<Scalars['ID']['output']>;
};

/** Exactly one of them. */
export type QuotaScopeInput = {
  readonly customerId?: InputMaybe<Scalars['ID']['input']>;
  readonly keyId?: InputMaybe<Scalars['ID']['input']>;
  readonly label?: InputMaybe<QuotaLabelInput>;
  readonly teamId?: InputMaybe<Scalars['ID']['input']>;
  readonly userId?: InputMaybe<Scalars['ID']['input']>;
};

/** Of a call without arguments, by no client in particular. */
export type Reach = {
  readonly __typename?: 'Reach';
  readonly outcome: ReachOutcome;
  /** The policy that it is by, where it is by one; of limits all, with commas between them. */
  readonly policy: Scalars['String']['output'];
};

export type ReachOutcome =
  | 'ALLOWED'
  /** A policy wants to see the arguments. */
  | 'DEPENDS'
  | 'HIDDEN'
  /** Let through as long as a policy's limit has room. */
  | 'LIMITED'
  | 'REFUSED';

export type ReachedKind =
  | 'MODEL'
  | 'TOOL';

export type RedactDirection =
  | 'BOTH'
  | 'REQUEST'
  | 'RESPONSE';

export type RedactOf =
  /** The text of messages to models, in requests only. */
  | 'MODELS'
  /** Arguments and results of tools, prompts and resources. */
  | 'TOOLS';

export type RedactRule = {
  readonly __typename?: 'RedactRule';
  readonly direction: RedactDirection;
  readonly of: RedactOf;
  /** Regular expressions of RE2. */
  readonly patterns: ReadonlyArray<Scalars['String']['output']>;
  /** Written in place of what they match. */
  readonly replacement: Scalars['String']['output'];
};

export type RedactRuleInput = {
  readonly direction: RedactDirection;
  readonly of: RedactOf;
  readonly patterns: ReadonlyArray<Scalars['String']['input']>;
  /** [redacted], where nothing is said. */
  readonly replacement?: InputMaybe<Scalars['String']['input']>;
};

/** What it refers to is not there. */
export type ReferenceMissing = Refusal & {
  readonly __typename?: 'ReferenceMissing';
  readonly message: Scalars['String']['output'];
  /** What: team/… */
  readonly scope: Scalars['String']['output'];
};

export type Refusal = {
  readonly message: Scalars['String']['output'];
};

export type RegisterProviderInput = {
  /** Whether addresses of private and loopback ranges may be dialled; false unless told, like the next one. */
  readonly allowPrivateNetwork?: InputMaybe<Scalars['Boolean']['input']>;
  /** That of the kind's own service unless told. */
  readonly baseUrl?: InputMaybe<Scalars['String']['input']>;
  /** From 1 to 32. */
  readonly credentials: ReadonlyArray<ProviderCredentialInput>;
  readonly kind: ProviderKind;
  readonly models?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
  readonly name: Scalars['String']['input'];
  readonly passthrough?: InputMaybe<Scalars['Boolean']['input']>;
  /** 600 unless told. */
  readonly timeoutSeconds?: InputMaybe<Scalars['Int']['input']>;
};

export type RegisterProviderResult = InvalidInput | NameTaken | ReferenceMissing | RegisterProviderSucceeded;

export type RegisterProviderSucceeded = {
  readonly __typename?: 'RegisterProviderSucceeded';
  readonly position: Scalars['Position']['output'];
  readonly provider: Provider;
};

export type RegisterServerInput = {
  /** Whether addresses of private and loopback ranges may be dialled; false unless told. */
  readonly allowPrivateNetwork?: InputMaybe<Scalars['Boolean']['input']>;
  readonly catalogue?: InputMaybe<ServerCatalogue>;
  /** Of a server over stdio, like the next two. */
  readonly command?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
  readonly environment?: InputMaybe<ReadonlyArray<ServerVariableInput>>;
  /** AUTO unless told, like the next two. */
  readonly era?: InputMaybe<ServerEra>;
  readonly headers?: InputMaybe<ReadonlyArray<ServerHeaderInput>>;
  readonly isolation?: InputMaybe<ServerIsolation>;
  readonly name: Scalars['String']['input'];
  /** 60 unless told. */
  readonly timeoutSeconds?: InputMaybe<Scalars['Int']['input']>;
  /** STREAMABLE_HTTP unless told. */
  readonly transport?: InputMaybe<ServerTransport>;
  /** Of every server but one over stdio. */
  readonly url?: InputMaybe<Scalars['String']['input']>;
  /** An absolute path. */
  readonly workingDirectory?: InputMaybe<Scalars['String']['input']>;
};

export type RegisterServerResult = InvalidInput | NameTaken | ReferenceMissing | RegisterServerSucceeded;

export type RegisterServerSucceeded = {
  readonly __typename?: 'RegisterServerSucceeded';
  readonly position: Scalars['Position']['output'];
  readonly server: Server;
};

export type RetireBudgetResult = NotFound | RetireBudgetSucceeded;

export type RetireBudgetSucceeded = {
  readonly __typename?: 'RetireBudgetSucceeded';
  readonly id: Scalars['ID']['output'];
  readonly position: Scalars['Position']['output'];
};

export type RetireCustomerResult = InUse | NotFound | RetireCustomerSucceeded;

export type RetireCustomerSucceeded = {
  readonly __typename?: 'RetireCustomerSucceeded';
  readonly id: Scalars['ID']['output'];
  readonly position: Scalars['Position']['output'];
};

export type RetireEnvironmentResult = NotFound | RetireEnvironmentSucceeded;

export type RetireEnvironmentSucceeded = {
  readonly __typename?: 'RetireEnvironmentSucceeded';
  readonly id: Scalars['ID']['output'];
  readonly position: Scalars['Position']['output'];
};

export type RetireLimitResult = NotFound | RetireLimitSucceeded;

export type RetireLimitSucceeded = {
  readonly __typename?: 'RetireLimitSucceeded';
  readonly id: Scalars['ID']['output'];
  readonly position: Scalars['Position']['output'];
};

export type RetireModelAliasResult = NotFound | RetireModelAliasSucceeded;

export type RetireModelAliasSucceeded = {
  readonly __typename?: 'RetireModelAliasSucceeded';
  readonly id: Scalars['ID']['output'];
  readonly position: Scalars['Position']['output'];
};

export type RetirePolicyResult = NotFound | RetirePolicySucceeded;

export type RetirePolicySucceeded = {
  readonly __typename?: 'RetirePolicySucceeded';
  readonly id: Scalars['ID']['output'];
  readonly position: Scalars['Position']['output'];
};

export type RetireProviderResult = InUse | NotFound | RetireProviderSucceeded;

export type RetireProviderSucceeded = {
  readonly __typename?: 'RetireProviderSucceeded';
  readonly id: Scalars['ID']['output'];
  readonly position: Scalars['Position']['output'];
};

export type RetireServerResult = NotFound | RetireServerSucceeded;

export type RetireServerSucceeded = {
  readonly __typename?: 'RetireServerSucceeded';
  readonly id: Scalars['ID']['output'];
  readonly position: Scalars['Position']['output'];
};

export type RetireTeamResult = InUse | NotFound | RetireTeamSucceeded;

export type RetireTeamSucceeded = {
  readonly __typename?: 'RetireTeamSucceeded';
  readonly id: Scalars['ID']['output'];
  readonly position: Scalars['Position']['output'];
};

export type RetireToolGroupResult = InUse | NotFound | RetireToolGroupSucceeded;

export type RetireToolGroupSucceeded = {
  readonly __typename?: 'RetireToolGroupSucceeded';
  readonly id: Scalars['ID']['output'];
  readonly position: Scalars['Position']['output'];
};

export type RetireUserResult = InUse | NotFound | RetireUserSucceeded;

export type RetireUserSucceeded = {
  readonly __typename?: 'RetireUserSucceeded';
  readonly id: Scalars['ID']['output'];
  readonly position: Scalars['Position']['output'];
};

export type RevokeAdminTokenResult = AlreadyRevoked | NotFound | RevokeAdminTokenSucceeded;

export type RevokeAdminTokenSucceeded = {
  readonly __typename?: 'RevokeAdminTokenSucceeded';
  readonly adminToken: AdminToken;
  readonly position: Scalars['Position']['output'];
};

export type RevokeJoinTokenResult = AlreadyRevoked | NotFound | RevokeJoinTokenSucceeded;

export type RevokeJoinTokenSucceeded = {
  readonly __typename?: 'RevokeJoinTokenSucceeded';
  readonly joinToken: JoinToken;
  readonly position: Scalars['Position']['output'];
};

export type RevokeKeyResult = AlreadyRevoked | NotFound | RevokeKeySucceeded;

export type RevokeKeySucceeded = {
  readonly __typename?: 'RevokeKeySucceeded';
  readonly key: Key;
  readonly position: Scalars['Position']['output'];
};

export type RevokeProxyResult = AlreadyRevoked | NotFound | RevokeProxySucceeded;

export type RevokeProxySucceeded = {
  readonly __typename?: 'RevokeProxySucceeded';
  readonly position: Scalars['Position']['output'];
  readonly proxy: EnrolledProxy;
};

export type RotateKeyInput = {
  readonly id: Scalars['ID']['input'];
  /** Seconds for which the former secret is still accepted; 0 unless told. The one before it ends at once. */
  readonly overlapSeconds?: InputMaybe<Scalars['Int']['input']>;
};

export type RotateKeyResult = AlreadyRevoked | InvalidInput | NotFound | RotateKeySucceeded;

export type RotateKeySucceeded = {
  readonly __typename?: 'RotateKeySucceeded';
  readonly key: Key;
  readonly position: Scalars['Position']['output'];
  /** The whole new key. It is shown here and never again: null in a repeated answer. Rotate once more where it was lost. */
  readonly secret: Maybe<Scalars['String']['output']>;
};

/** That a secret exists, and in which version. No field of this API gives its value. */
export type Secret = {
  readonly __typename?: 'Secret';
  readonly id: Scalars['ID']['output'];
  readonly name: Scalars['String']['output'];
  readonly version: Scalars['Int']['output'];
};

export type SecretConnection = {
  readonly __typename?: 'SecretConnection';
  readonly edges: ReadonlyArray<SecretEdge>;
  readonly nodes: ReadonlyArray<Secret>;
  readonly pageInfo: PageInfo;
};

export type SecretEdge = {
  readonly __typename?: 'SecretEdge';
  readonly cursor: Scalars['String']['output'];
  readonly node: Secret;
};

export type Server = {
  readonly __typename?: 'Server';
  readonly allowPrivateNetwork: Scalars['Boolean']['output'];
  readonly catalogue: ServerCatalogue;
  /** For stdio: the program and its arguments, which no shell reads. */
  readonly command: ReadonlyArray<Scalars['String']['output']>;
  readonly entries: Maybe<CatalogueEntryConnection>;
  readonly environment: ReadonlyArray<ServerVariable>;
  readonly era: ServerEra;
  readonly headers: ReadonlyArray<ServerHeader>;
  /** How it is for each proxy: the first 100. Null only together with an error, like the next ones. */
  readonly health: Maybe<ReadonlyArray<ServerHealth>>;
  readonly id: Scalars['ID']['output'];
  readonly isolation: ServerIsolation;
  /** What it said of itself when it was last listed; null before. */
  readonly listing: Maybe<ServerListing>;
  readonly name: Scalars['String']['output'];
  /** Tools whose definition is not the approved one. */
  readonly pendingTools: Maybe<CatalogueEntryConnection>;
  readonly timeoutSeconds: Scalars['Int']['output'];
  readonly tools: Maybe<CatalogueEntryConnection>;
  readonly transport: ServerTransport;
  /** Empty for stdio. */
  readonly url: Scalars['String']['output'];
  /** Empty: of the proxy's choice. */
  readonly workingDirectory: Scalars['String']['output'];
};


export type ServerEntriesArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  first?: InputMaybe<Scalars['Int']['input']>;
  kind: CatalogueKind;
};


export type ServerPendingToolsArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  first?: InputMaybe<Scalars['Int']['input']>;
};


export type ServerToolsArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  first?: InputMaybe<Scalars['Int']['input']>;
};

export type ServerCatalogue =
  /** Every change is taken over and recorded. */
  | 'AUTO'
  /** Only tools whose definition was approved are there. */
  | 'PINNED';

export type ServerConnection = {
  readonly __typename?: 'ServerConnection';
  readonly edges: ReadonlyArray<ServerEdge>;
  readonly nodes: ReadonlyArray<Server>;
  readonly pageInfo: PageInfo;
};

export type ServerEdge = {
  readonly __typename?: 'ServerEdge';
  readonly cursor: Scalars['String']['output'];
  readonly node: Server;
};

export type ServerEra =
  /** Found out. */
  | 'AUTO'
  | 'LEGACY'
  | 'MODERN';

/** Its value is `prefix` followed by a secret, which is shown to nobody. */
export type ServerHeader = {
  readonly __typename?: 'ServerHeader';
  readonly name: Scalars['String']['output'];
  readonly prefix: Scalars['String']['output'];
  readonly secretId: Scalars['ID']['output'];
};

/** With exactly one of `secretName`, a stored secret, and `value`, which is stored as a secret of the server's own. */
export type ServerHeaderInput = {
  readonly name: Scalars['String']['input'];
  readonly prefix?: InputMaybe<Scalars['String']['input']>;
  readonly secretName?: InputMaybe<Scalars['String']['input']>;
  readonly value?: InputMaybe<Scalars['String']['input']>;
};

export type ServerHealth = {
  readonly __typename?: 'ServerHealth';
  /** As it was found out. */
  readonly era: Maybe<Era>;
  readonly protocolVersion: Scalars['String']['output'];
  readonly proxyId: Scalars['ID']['output'];
  readonly reason: Scalars['String']['output'];
  readonly reportedAt: Scalars['DateTime']['output'];
  readonly since: Scalars['DateTime']['output'];
  readonly state: ServerState;
};

/** Who shares one connection or process of a server. */
export type ServerIsolation =
  /** As the transport has it: a program is shared. */
  | 'AUTO'
  | 'PRINCIPAL'
  | 'SESSION'
  | 'SHARED';

export type ServerListing = {
  readonly __typename?: 'ServerListing';
  readonly era: Maybe<Era>;
  readonly instructions: Scalars['String']['output'];
  /** When it last had something else than before. */
  readonly lastChange: Scalars['DateTime']['output'];
  readonly listedAt: Scalars['DateTime']['output'];
  readonly name: Scalars['String']['output'];
  readonly protocolVersion: Scalars['String']['output'];
  readonly version: Scalars['String']['output'];
};

export type ServerState =
  | 'CONNECTED'
  | 'DEGRADED'
  | 'NEEDS_AUTH'
  /** By the gate: it cannot be enforced, or its address may not be dialled. */
  | 'REFUSED'
  /** The proxy has not talked to it, or was not heard of for five minutes. */
  | 'UNKNOWN'
  | 'UNREACHABLE';

export type ServerTransport =
  /** HTTP with SSE, as revision 2024-11-05 has it. */
  | 'SSE'
  /** A program that a proxy starts. */
  | 'STDIO'
  | 'STREAMABLE_HTTP';

/** Its value is `plain`, or `prefix` followed by a secret, which is shown to nobody. */
export type ServerVariable = {
  readonly __typename?: 'ServerVariable';
  readonly name: Scalars['String']['output'];
  readonly plain: Maybe<Scalars['String']['output']>;
  readonly prefix: Scalars['String']['output'];
  readonly secretId: Maybe<Scalars['ID']['output']>;
};

/**
 * With exactly one of `plain`, which everybody who reads the server sees, `secretName`, a stored secret, and `value`, which is
 * stored as a secret of the server's own.
 */
export type ServerVariableInput = {
  readonly name: Scalars['String']['input'];
  readonly plain?: InputMaybe<Scalars['String']['input']>;
  readonly prefix?: InputMaybe<Scalars['String']['input']>;
  readonly secretName?: InputMaybe<Scalars['String']['input']>;
  readonly value?: InputMaybe<Scalars['String']['input']>;
};

export type SetEnvironmentInput = {
  readonly name: Scalars['String']['input'];
  readonly replicaAgeMsMax?: InputMaybe<Scalars['BigInt']['input']>;
};

export type SetEnvironmentResult = InvalidInput | SetEnvironmentSucceeded;

export type SetEnvironmentSucceeded = {
  readonly __typename?: 'SetEnvironmentSucceeded';
  readonly environment: Environment;
  readonly position: Scalars['Position']['output'];
};

export type SetPricesInput = {
  readonly prices: ReadonlyArray<ModelPriceInput>;
  /** None unless told. */
  readonly toolPrices?: InputMaybe<ReadonlyArray<ToolPriceInput>>;
};

export type SetPricesResult = InvalidInput | SetPricesSucceeded;

export type SetPricesSucceeded = {
  readonly __typename?: 'SetPricesSucceeded';
  readonly position: Scalars['Position']['output'];
  readonly priceList: PriceList;
};

export type ShippedPriceList = {
  readonly __typename?: 'ShippedPriceList';
  readonly prices: ReadonlyArray<ModelPrice>;
  /** Facts name it. */
  readonly version: Scalars['String']['output'];
};

export type StoreSecretInput = {
  readonly name: Scalars['String']['input'];
  readonly value: Scalars['String']['input'];
};

export type StoreSecretResult = InvalidInput | StoreSecretSucceeded;

export type StoreSecretSucceeded = {
  readonly __typename?: 'StoreSecretSucceeded';
  readonly position: Scalars['Position']['output'];
  readonly secret: Secret;
};

export type Team = {
  readonly __typename?: 'Team';
  /** Null where there is none, or together with an error. */
  readonly customer: Maybe<Customer>;
  readonly customerId: Maybe<Scalars['ID']['output']>;
  readonly id: Scalars['ID']['output'];
  /** Patterns that bound which models its keys reach, as those of keys. With none it bounds nothing. */
  readonly models: ReadonlyArray<Scalars['String']['output']>;
  readonly name: Scalars['String']['output'];
  readonly toolGroupIds: ReadonlyArray<Scalars['ID']['output']>;
  readonly toolGroups: Maybe<ReadonlyArray<ToolGroup>>;
  /** Patterns that bound what its keys reach, as those of keys. With neither these nor `toolGroups` it bounds nothing. */
  readonly tools: ReadonlyArray<Scalars['String']['output']>;
};

export type TeamConnection = {
  readonly __typename?: 'TeamConnection';
  readonly edges: ReadonlyArray<TeamEdge>;
  readonly nodes: ReadonlyArray<Team>;
  readonly pageInfo: PageInfo;
};

export type TeamEdge = {
  readonly __typename?: 'TeamEdge';
  readonly cursor: Scalars['String']['output'];
  readonly node: Team;
};

/** Each token is in one of these, but for `reasoning`, which are a part of `output`. */
export type TokenCounts = {
  readonly __typename?: 'TokenCounts';
  readonly cacheRead: Scalars['BigInt']['output'];
  readonly cacheWrite1h: Scalars['BigInt']['output'];
  /** Written to the provider's cache for five minutes, and for an hour. */
  readonly cacheWrite5m: Scalars['BigInt']['output'];
  readonly input: Scalars['BigInt']['output'];
  readonly output: Scalars['BigInt']['output'];
  readonly reasoning: Scalars['BigInt']['output'];
};

export type ToolApproval = {
  readonly __typename?: 'ToolApproval';
  readonly approvedAt: Scalars['DateTime']['output'];
  /** Who: admin-token/… */
  readonly approvedBy: Scalars['String']['output'];
  readonly sha256: Scalars['String']['output'];
};

/** The tool's definition is not the one that was looked at. */
export type ToolChanged = Refusal & {
  readonly __typename?: 'ToolChanged';
  readonly message: Scalars['String']['output'];
  readonly name: Scalars['String']['output'];
  /** Of the definition that was seen last; null where there is no such tool. */
  readonly sha256: Maybe<Scalars['String']['output']>;
};

export type ToolDefinition = {
  readonly name: Scalars['String']['input'];
  readonly sha256: Scalars['String']['input'];
};

/** Patterns under a name, to be granted together, and an endpoint of their own: /mcp/{name}. */
export type ToolGroup = {
  readonly __typename?: 'ToolGroup';
  /** Which eras the endpoint serves; none: both. */
  readonly eras: ReadonlyArray<Era>;
  readonly id: Scalars['ID']['output'];
  readonly name: Scalars['String']['output'];
  readonly naming: ToolNaming;
  readonly tools: ReadonlyArray<Scalars['String']['output']>;
};

export type ToolGroupConnection = {
  readonly __typename?: 'ToolGroupConnection';
  readonly edges: ReadonlyArray<ToolGroupEdge>;
  readonly nodes: ReadonlyArray<ToolGroup>;
  readonly pageInfo: PageInfo;
};

export type ToolGroupEdge = {
  readonly __typename?: 'ToolGroupEdge';
  readonly cursor: Scalars['String']['output'];
  readonly node: ToolGroup;
};

/** How tools are called at a group's endpoint. */
export type ToolNaming =
  | 'ALWAYS'
  /** With the server's name before a tool's for who reaches more than one of the group's servers. */
  | 'AUTO'
  | 'NONE';

/** What each call of a tool costs, whatever comes of it. A tool without a price costs nothing. */
export type ToolPrice = {
  readonly __typename?: 'ToolPrice';
  readonly perCall: Scalars['Dollars']['output'];
  /** A pattern, as those of keys. A tool that is named comes before a star, and then the longest that matches. */
  readonly tool: Scalars['String']['output'];
};

export type ToolPriceInput = {
  readonly perCall: Scalars['Dollars']['input'];
  readonly tool: Scalars['String']['input'];
};

/** How tokens and cost are known. */
export type UsageBasis =
  /** The provider said nothing, or not all: at least what it can have billed, as far as that is bounded. */
  | 'ESTIMATED'
  /** As the provider said at the end of its answer. */
  | 'EXACT'
  /** Nothing was used: the provider refused, or was never asked. */
  | 'NONE'
  /** Bytes and time only: what was passed through is not read. */
  | 'UNMETERED';

/** A person, whose agents carry keys. */
export type User = {
  readonly __typename?: 'User';
  /** Null where there is none, or together with an error. */
  readonly customer: Maybe<Customer>;
  /** The only one in whose teams the user has keys; null: in anyone's. */
  readonly customerId: Maybe<Scalars['ID']['output']>;
  readonly id: Scalars['ID']['output'];
  /** Patterns that bound which models the user's keys reach, as those of keys. With none it bounds nothing. */
  readonly models: ReadonlyArray<Scalars['String']['output']>;
  readonly name: Scalars['String']['output'];
  readonly toolGroupIds: ReadonlyArray<Scalars['ID']['output']>;
  /** Null only together with an error. */
  readonly toolGroups: Maybe<ReadonlyArray<ToolGroup>>;
  /** Patterns that bound what the user's keys reach, as those of keys. With neither these nor `toolGroups` it bounds nothing. */
  readonly tools: ReadonlyArray<Scalars['String']['output']>;
};

export type UserConnection = {
  readonly __typename?: 'UserConnection';
  readonly edges: ReadonlyArray<UserEdge>;
  readonly nodes: ReadonlyArray<User>;
  readonly pageInfo: PageInfo;
};

export type UserEdge = {
  readonly __typename?: 'UserEdge';
  readonly cursor: Scalars['String']['output'];
  readonly node: User;
};

export type UserFilter = {
  readonly customerId?: InputMaybe<Scalars['ID']['input']>;
  readonly id?: InputMaybe<Scalars['ID']['input']>;
  readonly name?: InputMaybe<Scalars['String']['input']>;
};

export type ValidateArgumentsRule = {
  readonly __typename?: 'ValidateArgumentsRule';
  /** JSON Schema, as JSON. */
  readonly schema: Scalars['String']['output'];
};

export type ValidateArgumentsRuleInput = {
  readonly schema: Scalars['String']['input'];
};

export type WithdrawToolApprovalInput = {
  readonly name: Scalars['String']['input'];
  readonly serverId: Scalars['ID']['input'];
};

export type WithdrawToolApprovalResult = NotFound | WithdrawToolApprovalSucceeded;

export type WithdrawToolApprovalSucceeded = {
  readonly __typename?: 'WithdrawToolApprovalSucceeded';
  readonly position: Scalars['Position']['output'];
  readonly server: Server;
};
