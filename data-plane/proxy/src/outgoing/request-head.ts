// Prints the head of a request. Nothing gets into it that could end a line or begin another one, whoever it came from, and
// what says where a message ends is said once and here, or agrees with the body.

import type { OutgoingRequest } from "./outgoing.ts";

const tokenForm = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const valueForm = /^[\t\x20-\x7e\x80-\xff]*$/;
const pathForm = /^[\x21-\x7e\x80-\xff]+$/;
const lengthForm = /^(?:0|[1-9][0-9]{0,14})$/;

/** Of the connection, which is not the caller's. */
const reserved: ReadonlySet<string> = new Set([
  "connection",
  "expect",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

export type PrintedHead = { readonly text: string; readonly bodyBytes: number };

/** A header that was looked at; `role` is what else it says. */
type Field = {
  readonly name: string;
  readonly value: string;
  readonly line: string;
  readonly role: "host" | "length" | undefined;
};

/** Longer values, and headers behind so many, are looked at each time: what is kept here is kept as long as the pool. */
const kept = { valueCharsMax: 1_024, fieldsMax: 64 };
/** Nor is what a client may have sent as his key: he may be gone. */
const unkept: ReadonlySet<string> = new Set(["authorization", "x-api-key", "x-tollgate-key"]);

/** The heads of one pool: its requests mostly have the headers of the one before, and to look at them again costs more than to compare. */
export class RequestHeads {
  private readonly fields: Field[] = [];

  print({ method, path, headers, body }: OutgoingRequest, host: string): PrintedHead {
    if (!tokenForm.test(method)) throw new Error("a method that is no token");
    if (!pathForm.test(path)) throw new Error("a path with a character that no path has");
    let text = `${method} ${path} HTTP/1.1\r\n`;
    let isHostSaid = false;
    let saidBytes: number | undefined;
    for (let at = 0; at < headers.length; at += 2) {
      const { line, role, value } = this.field(at / 2, headers[at] ?? "", headers[at + 1] ?? "");
      text += line;
      if (role === "host") {
        if (isHostSaid) throw new Error("two hosts");
        isHostSaid = true;
      } else if (role === "length") {
        if (saidBytes !== undefined) throw new Error("a length of the body that is said twice");
        saidBytes = Number(value);
      }
    }
    // Old servers close the connection unless they are asked not to.
    text += isHostSaid ? "connection: keep-alive\r\n" : `host: ${host}\r\nconnection: keep-alive\r\n`;
    const bodyBytes = body === null ? 0 : Buffer.byteLength(body);
    if (saidBytes !== undefined && saidBytes !== bodyBytes)
      throw new Error(`a body of ${bodyBytes} bytes that is said to have ${saidBytes}`);
    if (saidBytes === undefined && (bodyBytes > 0 || hasBody(method))) text += `content-length: ${bodyBytes}\r\n`;
    return { text: `${text}\r\n`, bodyBytes };
  }

  private field(index: number, name: string, value: string): Field {
    const known = this.fields[index];
    if (known?.name === name && known.value === value) return known;
    const field = fieldOf(name, value);
    if (index < kept.fieldsMax && value.length <= kept.valueCharsMax && !unkept.has(name.toLowerCase()))
      this.fields[index] = field;
    return field;
  }
}

function fieldOf(name: string, value: string): Field {
  if (!tokenForm.test(name)) throw new Error("a header's name that is no token");
  if (!valueForm.test(value)) throw new Error(`a value of the header ${name} that is more than a line`);
  const lower = name.toLowerCase();
  if (reserved.has(lower)) throw new Error(`the header ${name} is the connection's`);
  const role = lower === "host" ? "host" : lower === "content-length" ? "length" : undefined;
  if (role === "length" && !lengthForm.test(value)) throw new Error("a length of the body that is none");
  return { name, value, line: `${name}: ${value}\r\n`, role };
}

/** Of these also an empty one is announced. */
function hasBody(method: string): boolean {
  return method === "POST" || method === "PUT" || method === "PATCH";
}
