// Free loopback ports for tests that must name a port before anything listens on it: crash tests that come back on the
// same one, configurations written ahead. Where a server can bind port 0 itself, that is better.
export { freePort, freePorts } from "@tollgate/local/free-port";
