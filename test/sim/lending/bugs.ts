// Mistakes that the simulation must find, one at least for each law: they are made where the core is called, so that the core
// itself stays what production runs. Each would cost somebody money, as its sentence says. The law is the one that it breaks
// first, mostly.

export const lendingBugs = {
  /** What one account lends is not all counted, so that two are lent the same. */
  "lends-above": "lent",
  /** An old word of a holder takes back what it has spent since. */
  "revision-ignored": "counts",
  /** A repeated draw is lent anew, and the ledger forgets the first. */
  "grant-under-way-forgotten": "counts",
  /** A draw that was given up is taken all the same. */
  "late-grant-taken": "counts",
  /** What is given back is used once more. */
  "given-back-and-used": "counts",
  /** Who is not heard of is taken to have used nothing more. */
  "time-reduces-a-lease": "counts",
  /** What a fact says is taken off what is lent, and the holder's word takes it off again. */
  "facts-reduce-a-lease": "counts",
  /** A crash between request and record: the successor knows nothing of the call. */
  "request-before-record": "claims",
  /** A copy of a disk speaks for the proxy that still runs. */
  "copy-speaks-for-the-original": "counts",
  /** A copy and its original use one epoch, and overwrite each other's leases. */
  "leases-without-a-boot": "counts",
  /** A broken-off stream pays for what was seen and not for what was on its way. */
  "settled-at-last-seen": "bills",
  /** A stream goes on whose extension was refused. */
  "refused-and-read-on": "holds",
  /** What a provider reasons unseen is held by nobody. */
  "nothing-is-exposed": "holds",
  /** The exposure comes back before what a call cost beyond its hold has found room. */
  "exposure-back-at-once": "bills",
  /** The exposure of a holder that is gone comes back as if its calls were over. */
  "exposure-back-with-its-holder": "bills",
  /** A ledger from a backup lends what it does not know to be lent. */
  "lends-while-frozen": "claims",
  /** Who never restates is written off for what the backup knew. */
  "presumes-nothing": "claims",
  /** Of a machine that slept, the even clock says that the period is not over. */
  "trusts-the-even-clock": "period",
  /** After a restore only what the backup lists is told of boots that are over. */
  "unlisted-boots-left-out": "counts",
  /** A proxy says that it restated everything, and cannot speak for one of its boots. */
  "mute-boots-passed-over": "claims",
  /** Permits come back a window after they were lent and not after they were used. */
  "window-from-the-grant": "window",
  /** A limit that was lowered lends for a while as before. */
  "limit-lowered-late": "lent",
  /** What was booked by hand is not in the journal. */
  "write-off-without-entry": "journal",
} as const;

/** They need so many things one after another that chance hardly brings them about; the search finds them. */
export const rareBugs = {
  /** After a restore nobody speaks of the boots before. */
  "former-boots-forgotten": "counts",
  /** Who has forgotten a boot does not know that he has, and a backup may be older. */
  "forgets-that-it-forgot": "counts",
} as const;

export type LendingBug = keyof typeof lendingBugs | keyof typeof rareBugs;
