// Turns a reader that calls back with pages into something that is pulled: the reader is held up until the last page was
// taken, so that a slow proxy slows its own snapshot and fills nobody's memory. Whoever stops pulling ends the reader.

export type Page<T> = { page: T[]; position: bigint };

type Visit<T> = (page: readonly T[], position: bigint) => Promise<void>;

class StoppedPulling extends Error {}

export async function* pages<T>(read: (visit: Visit<T>) => Promise<void>): AsyncGenerator<Page<T>> {
  let offer: (page: Page<T> | undefined) => void = () => undefined;
  let fail: (error: unknown) => void = () => undefined;
  let taken: (() => void) | undefined;
  let isStopped = false;
  const nextPage = (): Promise<Page<T> | undefined> =>
    new Promise((resolve, reject) => {
      offer = resolve;
      fail = reject;
    });
  let next = nextPage();
  const reading = read(async (page, position) => {
    if (isStopped) throw new StoppedPulling();
    await new Promise<void>((resolve) => {
      taken = resolve;
      offer({ page: [...page], position });
    });
    if (isStopped) throw new StoppedPulling();
  }).then(
    () => offer(undefined),
    (error: unknown) => fail(error),
  );
  try {
    for (;;) {
      const page = await next;
      if (!page) return;
      yield page;
      next = nextPage();
      taken?.();
    }
  } finally {
    isStopped = true;
    next.catch(() => undefined);
    taken?.();
    await reading;
  }
}
