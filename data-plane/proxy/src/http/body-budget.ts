// What all bodies that a worker holds at a time may weigh together. It is counted byte by byte as they come, and not by what
// a client says that it will send: whoever says much and sends nothing takes no room from others. Each gives back what it
// took once, all of it.

export type BodyBudget = { hold(): BodyHold };

export type BodyHold = {
  /** Whether there is room for more bytes, which are taken if there is. */
  takes(bytes: number): boolean;
  letGo(): void;
};

export function createBodyBudget(bytesMax: number): BodyBudget {
  let held = 0;
  return {
    hold() {
      let own = 0;
      let isOver = false;
      return {
        takes(bytes) {
          if (isOver || held + bytes > bytesMax) return false;
          held += bytes;
          own += bytes;
          return true;
        },
        letGo() {
          isOver = true;
          held -= own;
          own = 0;
        },
      };
    },
  };
}
