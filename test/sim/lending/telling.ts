// Messages of the simulation as lines of a trace: what is said of each lease is revision, settled + open + unspent, and the draw.

import type { Reply, Request } from "./ledger.ts";

export function toldOf({ heard, said, formers, isComplete }: Request): string {
  const statements = said.map(({ subject, lease, statement: s }) => {
    const draw = s.draw === undefined ? "" : ` draw ${s.draw.number}: ${s.draw.asked}-${s.draw.wanted}`;
    return `${subject}#${lease} r${s.revision} ${s.settled}+${s.open}+${s.unspent}${draw}${s.isClosed ? " closed" : ""}`;
  });
  const former = formers.map(({ boot, lease, settled, open }) => `former ${boot}#${lease} ${settled}+${open}`);
  return [`incarnation ${heard}${isComplete ? " complete" : ""}`, ...statements, ...former].join("; ");
}

export function toldIn({ incarnation, answers, isFrozen }: Reply): string {
  const told = answers.map(({ lease, answer: { grant, account, isOver, revision } }) => {
    const lent = grant === undefined ? "" : ` lent ${grant.number}: ${grant.amount}`;
    return `#${lease} ${account} r${revision}${lent}${isOver ? " over" : ""}`;
  });
  return [`incarnation ${incarnation}${isFrozen ? " frozen" : ""}`, ...told].join("; ");
}
