// How fast something is used, by what was used lately: each use counts less and less as time goes by. Where little is known of
// the past its part is not what decayed: by that it would start at nothing, and all would wait.

export class Pace {
  private readonly overMs: number;
  private readonly leastMs: number;
  private readonly sinceMs: number;
  private paced = 0;
  private pacedMs: number;

  /** Of about the last `overMs`, or since `sinceMs`, but of no less than `leastMs`. */
  constructor(overMs: number, leastMs: number, sinceMs: number) {
    this.overMs = overMs;
    this.leastMs = leastMs;
    this.sinceMs = sinceMs;
    this.pacedMs = sinceMs;
  }

  uses(amount: number, nowMs: number): void {
    // A hundredth part of the time is no time, and to work out what decayed in it costs more than all else here.
    if (nowMs - this.pacedMs > this.overMs / 100) {
      this.paced = this.decayed(nowMs);
      this.pacedMs = nowMs;
    }
    this.paced += amount / this.overMs;
  }

  /** For each millisecond. */
  at(nowMs: number): number {
    const knownMs = Math.max(this.leastMs, nowMs - this.sinceMs);
    return this.decayed(nowMs) / (1 - Math.exp(-knownMs / this.overMs));
  }

  private decayed(nowMs: number): number {
    return this.paced * Math.exp((this.pacedMs - nowMs) / this.overMs);
  }
}
