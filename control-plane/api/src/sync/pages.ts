// Turns a reader that calls back with pages into something that is pulled: the reader is held up until the last page was
// taken, so that a slow proxy slows its own snapshot and fills nobody's memory. Whoever stops pulling ends the reader, and so
// does `signal`, at once and also while nobody pulls: whatever the reader holds is then free, and the next pull throws.

export type Page<T> = { page: T[]; position: bigint };

type Visit<T> = (page: readonly T[], position: bigint) => Promise<void>;

class StoppedPulling extends Error {}

export async function* pages<T>(
  read: (visit: Visit<T>) => Promise<void>,
  signal: AbortSignal,
): AsyncGenerator<Page<T>> {
  let offer: (page: Page<T> | undefined) => void = () => undefined;
  let fail: (error: unknown) => void = () => undefined;
  let taken: (() => void) | undefined;
  let isStopped = false;
  const nextPage = (): Promise<Page<T> | undefined> =>
    new Promise((resolve, reject) => {
      offer = resolve;
      fail = reject;
    });
  const goOn = (): void => taken?.();
  const throwIfEnded = (): void => {
    if (isStopped) throw new StoppedPulling();
    signal.throwIfAborted();
  };
  let next = nextPage();
  signal.addEventListener("abort", goOn);
  const reading = read(async (page, position) => {
    throwIfEnded();
    await new Promise<void>((resolve) => {
      taken = resolve;
      offer({ page: [...page], position });
    });
    throwIfEnded();
  }).then(
    () => offer(undefined),
    (error: unknown) => fail(error),
  );
  try {
    for (;;) {
      const page = await next;
      if (!page) return;
      // Before the page goes out, because the reader may fail while it is still being taken.
      next = nextPage();
      next.catch(() => undefined);
      yield page;
      goOn();
    }
  } finally {
    isStopped = true;
    signal.removeEventListener("abort", goOn);
    goOn();
    await reading;
  }
}
